"""The executor that trains in this thread, one trial at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from hpo_magic.core.events import Event, Reported, Run
from hpo_magic.executors.attempt import Attempt, TrialStopped

__all__ = ["SerialExecutor"]


class SerialExecutor:
    """Trains in the calling thread, inside `pump`.

    Parameters
    ----------
    attempt
        What a training is.
    between
        Called at every batch, report and trial: the place to look at buttons and to pause.
    clock
        Seconds since 1970.
    """

    n_workers = 1

    def __init__(
        self,
        attempt: Attempt,
        between: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._attempt = attempt
        self.between = between
        self._clock = clock
        self._waiting: list[Run] = []
        self._stopping: set[int] = set()
        self.is_in_user_code = False
        self.guarded_at = 0.0  # when the running training last passed a batch, by `clock`
        attempt.is_stopping = self._stopping.__contains__
        attempt.in_user_code = lambda: self._in_user_code(True)

    def submit(self, run: Run) -> None:
        """Take on a training; it runs at the next `pump`."""
        self._waiting.append(run)

    def pump(self, feed: Callable[[Event], None], timeout_s: float) -> None:
        """Run the training that waits, feeding its reports and its end."""
        if not self._waiting:
            return
        run = self._waiting.pop(0)

        def guard() -> None:
            with self._in_user_code(False):
                self.guarded_at = self._clock()
                self.between()
            if run.number in self._stopping:
                raise TrialStopped

        def report(step: int, metrics: Mapping[str, float]) -> None:
            with self._in_user_code(False):
                feed(Reported(run.number, step, dict(metrics), self._clock()))
            guard()

        ended = self._attempt(run, report, guard)
        self._stopping.discard(run.number)
        self.guarded_at = 0.0
        feed(ended)

    @contextmanager
    def _in_user_code(self, value: bool) -> Iterator[None]:
        """Say who is at work: an interrupt may be raised in the user's code, never in ours."""
        before, self.is_in_user_code = self.is_in_user_code, value
        try:
            yield
        finally:
            self.is_in_user_code = before

    def stop(self, number: int) -> None:
        """Have the training stopped at its next batch or report."""
        self._stopping.add(number)

    def close(self) -> None:
        """Forget the trainings that wait."""
        self._waiting.clear()
