"""The executor that trains in this thread, one trial at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from hpo_magic.core.events import Event, Reported, Run
from hpo_magic.executors.trial_execution import TrialExecution, TrialStopped


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
        execution: TrialExecution,
        between: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._attempt = execution
        self.between = between
        self._clock = clock
        self._waiting: list[Run] = []
        self._stopping: set[int] = set()
        self.is_in_user_code = False
        self.guarded_at = 0.0  # when the running training last passed a batch, by `clock`
        self._broken: Exception | None = None
        execution.is_stopping = self._is_stopping
        execution.in_user_code = lambda: self._in_user_code(True)

    def submit(self, run: Run) -> None:
        """Take on a training; it runs at the next `pump`."""
        self._waiting.append(run)

    def pump(self, feed: Callable[[Event], None], timeout_s: float) -> None:
        """Run the training that waits, feeding its reports and its end."""
        if not self._waiting:
            return
        run = self._waiting.pop(0)

        self._broken = None

        def guard() -> None:
            with self._ours():
                self.guarded_at = self._clock()
                self.between()
            if run.number in self._stopping:
                raise TrialStopped

        def report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
            with self._ours():
                feed(Reported(run.number, step, dict(metrics), self._clock(), n_steps))
            guard()

        ended = self._attempt(run, report, guard)
        self._stopping.discard(run.number)
        self.guarded_at = 0.0
        feed(ended)
        if self._broken is not None:
            raise self._broken

    def _is_stopping(self, number: int) -> bool:
        """Return whether that training was to stop, by a wish too that nobody has looked at yet."""
        with suppress(TrialStopped), self._ours():
            self.between()
        return number in self._stopping

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Run code of ours inside the user's; its bugs are not for the user's `except`.

        Raises
        ------
        TrialStopped
            In place of what went wrong, which `pump` raises when the training has ended.
        """
        try:
            with self._in_user_code(False):
                yield
        except Exception as error:
            self._broken = error
            raise TrialStopped from error

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
