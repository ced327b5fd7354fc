"""The executor that trains in this thread, one trial at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress

from hpo_magic.core.events import Event, Noted, Reported, Run
from hpo_magic.executors.trial_execution import TrialExecution, TrialStopped


class SerialExecutor:
    """Trains in the calling thread, inside `pump`.

    Parameters
    ----------
    execution
        Runs the user's code.
    clock
        Returns seconds since 1970.

    Attributes
    ----------
    is_in_user_code
        Whether the user's code runs now: the only time in which an interrupt may be raised.
    guarded_at
        When the running training last passed a batch, by `clock`; 0 between trainings.
    last_error
        The exception that failed the last training; None if it did not fail.
    """

    n_workers = 1

    def __init__(self, execution: TrialExecution, clock: Callable[[], float] = time.time) -> None:
        self._execution = execution
        self._clock = clock
        self._waiting: list[Run] = []
        self._stopping: set[int] = set()
        self._bug: Exception | None = None  # of ours, raised while the user's code ran
        self.is_in_user_code = False
        self.guarded_at = 0.0
        self.last_error: BaseException | None = None

    def submit(self, run: Run) -> None:
        """Take on a training; it runs at the next `pump`."""
        self._waiting.append(run)

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Run the training that waits, and feed its reports and its end."""
        if not self._waiting:
            return
        run = self._waiting.pop(0)
        self._bug = None

        def guard() -> None:
            with self._ours():
                self.guarded_at = self._clock()
                at_batch()
            if run.number in self._stopping:
                raise TrialStopped

        def report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
            with self._ours():
                feed(Reported(run.number, step, dict(metrics), self._clock(), n_steps))
            guard()

        def is_stopping() -> bool:
            with suppress(TrialStopped), self._ours():
                at_batch()  # a stop may have been requested since the last batch
            return run.number in self._stopping

        self.last_error = None  # it holds the frames of the training, and they hold its model
        done = self._execution(
            run, report, guard, is_stopping=is_stopping, in_user_code=self._users
        )
        self._stopping.discard(run.number)
        self.guarded_at = 0.0
        self.last_error, event, notice = done.error, done.event, done.notice
        del done  # the variables of the user's code
        if notice:
            feed(Noted(notice))
        feed(event)
        del event  # its model, which is kept by now
        self._execution.release()
        if self._bug is not None:
            raise self._bug

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Run code of ours inside the user's; its bugs are not for the user's `except`.

        Raises
        ------
        TrialStopped
            In place of the exception, which `pump` raises when the training has ended.
        """
        try:
            with self._in_user_code(False):
                yield
        except Exception as error:
            self._bug = error
            raise TrialStopped from error

    def _users(self) -> AbstractContextManager[None]:
        """Return the context in which the user's code runs."""
        return self._in_user_code(True)

    @contextmanager
    def _in_user_code(self, value: bool) -> Iterator[None]:
        """Set `is_in_user_code` for a while."""
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
