"""The executor that trains in this process, one training at a time; the others may wait meanwhile.

A worker process has one, too, and lets it work in turns (`training_task`).

Trainings that may wait run in threads of their own (`suspended`), of which one is at work. All
others run in the calling thread: the start, re-checks, and everything where waiting is not safe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from hpo_magic.core.cannot_wait import why_it_cannot_wait
from hpo_magic.core.events import Event, Noted, Reported, Restarted, Run
from hpo_magic.core.log import note, suppressed
from hpo_magic.executors.room import Room
from hpo_magic.executors.safe_to_wait import needs_main_thread
from hpo_magic.executors.suspended import SuspendedTraining
from hpo_magic.executors.trial_execution import ExecutionResult, TrialExecution, TrialStopped
from hpo_magic.executors.waiting_checks import WaitingChecks
from hpo_magic.language.trial_context import current_trial

T = TypeVar("T")
# How long the end of a search waits for the threads of trainings that it stopped.
PATIENCE_S = 1.0

Feed = Callable[[Event], None]


class SerialExecutor:
    """Trains inside `pump`.

    Parameters
    ----------
    execution
        Runs the user's code.
    clock
        Returns seconds since 1970.
    waits
        Whether trainings shall be able to wait.

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
    at_hand = None  # all that wait can be taken up

    def __init__(
        self,
        execution: TrialExecution,
        clock: Callable[[], float] = time.time,
        *,
        waits: bool = False,
    ) -> None:
        self._execution = execution
        self._clock = clock
        self._next: list[Run] = []
        self._stopping: set[int] = set()
        self._bug: BaseException | None = None  # of ours, raised while the user's code ran
        self._trainings: dict[int, SuspendedTraining] = {}  # those in threads, by number
        self._runs: dict[int, Run] = {}
        self._at_work: int | None = None
        self._suspending: int | None = None
        self._is_interrupted = False
        self._feed: Feed = lambda event: None
        self._at_batch: Callable[[], None] = lambda: None
        self._checks = WaitingChecks(execution.objective, is_wanted=waits)
        self._room = Room()
        self.is_in_user_code = False
        self.guarded_at = 0.0
        self.last_error: BaseException | None = None

    def submit(self, run: Run) -> None:
        """Take on a training; it runs at the next `pump`."""
        self._next.append(run)

    # Trainings that wait.

    @property
    def room(self) -> int:
        """How many trainings can wait at once; 0 where it is not safe, or not known to be."""
        return self._room.now(self._n_waiting) if self._checks.allow_waiting() else 0

    @property
    def refusal(self) -> str | None:
        """Why no training waits; "" if they may, None while that is not known."""
        return self._checks.verdict

    def accept(self, refusal: str) -> None:
        """Take over what was found out in another process with the same code; see `refusal`."""
        self._checks.accept(refusal)

    def holds(self, number: int) -> bool:
        """Return whether that training waits here."""
        return number in self._trainings

    @property
    def _n_waiting(self) -> int:
        return sum(number != self._at_work for number in self._trainings)

    def suspend(self, number: int) -> None:
        """Let the training wait in the report that is fed now."""
        self._suspending = number

    def go_on(self, number: int, until: int | None = None) -> None:
        """Take up a training that waits; it goes on at the next `pump`.

        `until` is of no use here: whoever is fed says at each report whether it is to wait.
        """
        self._at_work = number

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the user's code that runs now."""
        self._is_interrupted = True
        training = self._trainings.get(-1 if self._at_work is None else self._at_work)
        if training is None:
            raise KeyboardInterrupt
        training.interrupt()

    # Work.

    def pump(
        self,
        feed: Feed,
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Let one training work until it waits or has ended; feed its reports and its end."""
        self._feed, self._at_batch = feed, at_batch
        number = self._at_work
        if number is None:
            number = next((n for n in self._trainings if n in self._stopping), None)
        if number is not None:
            self._at_work = number
            self._advance(number)
        elif self._next:
            run = self._next.pop(0)
            if run.until is not None and self.room:
                self._begin(run)
            else:
                self._train_here(run)

    def _train_here(self, run: Run) -> None:
        """Run a training in this thread, to its end."""
        self._bug = None
        with self._checks.watching():
            done = self._executed(run, None)
        self._end(run, done)

    def _begin(self, run: Run) -> None:
        """Begin a training in a thread of its own."""
        more = self._checks.settings()
        made: list[SuspendedTraining] = []

        def execute() -> ExecutionResult:
            return self._executed(run, made[0])

        made.append(SuspendedTraining(run.number, execute, more))
        self._trainings[run.number], self._runs[run.number] = made[0], run
        self._at_work = run.number
        self._advance(run.number)

    def _advance(self, number: int) -> None:
        """Let a training work until it is suspended or has ended."""
        training, run = self._trainings[number], self._runs[number]
        self._bug, self._suspending = None, None
        training.advance(lambda: self._suspending == number)
        self._at_work = None
        if self._suspending == number:
            self.guarded_at = 0.0
            return
        del self._trainings[number], self._runs[number]
        if training.bug is not None:
            raise training.bug
        done: ExecutionResult = training.result
        del training
        if needs_main_thread(done.error):
            self._checks.refuse(
                "Trainings do not wait in this search: the code needs the main thread "
                f"({type(done.error).__name__}: {done.error}), and only one training can run there."
            )
            self._feed(Restarted(number, self._clock()))
            self._feed(Noted(self._checks.refusal))
            self._train_here(run)
            return
        self._end(run, done)

    def _end(self, run: Run, done: ExecutionResult) -> None:
        """Feed the end of a training."""
        self._stopping.discard(run.number)
        self.guarded_at = 0.0
        self.last_error, event, notice = done.error, done.event, done.notice
        del done  # the variables of the user's code
        if notice:
            self._feed(Noted(notice))
        self._feed(event)
        del event  # its model, which is kept by now
        self._execution.release()
        if said := self._checks.said():
            self._feed(Noted(said))
        if self._bug is not None:
            raise self._bug

    def _executed(self, run: Run, training: SuspendedTraining | None) -> ExecutionResult:
        """Run the user's code in this thread; `training` is what it belongs to, if it may wait."""

        def in_main(question: Callable[[], T]) -> T:
            return question() if training is None else training.ask(question)

        def guard() -> None:
            with self._ours():
                self.guarded_at = self._clock()
                in_main(self._at_batch)
            if run.number in self._stopping:
                stopped = TrialStopped()
                if training is not None:
                    training.held.append(stopped)
                raise stopped

        def report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
            with self._ours():
                room, params = 0, None
                if training is not None and training.is_here():
                    room, params = self._room_for(run)
                at = self._clock()
                event = Reported(run.number, step, dict(metrics), at, n_steps, room, params)
                in_main(partial(self._feed, event))
            guard()

        def is_stopping() -> bool:
            with suppress(TrialStopped), self._ours():
                in_main(self._at_batch)  # a stop may have been requested since the last batch
            return run.number in self._stopping

        self.last_error = None  # it holds the frames of the training, and they hold its model
        self._is_interrupted = False
        return self._execution(
            run,
            report,
            guard,
            is_stopping=is_stopping,
            was_interrupted=lambda: self._is_interrupted,
            in_user_code=self._users,
        )

    def _room_for(self, run: Run) -> tuple[int, Mapping[str, Any] | None]:
        """Return how many trainings may wait, if this one may, and its values so far."""
        why = why_it_cannot_wait() or self._checks.why_not_now()
        if why:
            note(f"trial {run.number} cannot wait in this report: {why}")
            return 0, None
        trial = current_trial()
        return self.room, None if trial is None else dict(trial.values)

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
        """Have the training stopped at its next batch or report, or where it waits."""
        self._stopping.add(number)

    def close(self) -> None:
        """Forget the trainings that did not begin, and end those that wait."""
        self._next.clear()
        until = time.monotonic() + PATIENCE_S
        self._stopping.update(self._trainings)
        while self._trainings and time.monotonic() < until:
            with suppressed("a training that waited could not be ended", BaseException):
                self.pump(lambda event: None, 0.0)
        self._trainings.clear()
