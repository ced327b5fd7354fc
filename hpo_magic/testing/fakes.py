"""Fakes of the seams, for tests without clocks, disks, threads and trainings.

>>> clock = FakeClock(at=100.0)
>>> clock.advance(2.5)
>>> clock()
102.5
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from hpo_magic.core.domains import Plain
from hpo_magic.core.events import (
    Completed,
    Ended,
    Event,
    Failed,
    Outcome,
    Reported,
    Run,
)
from hpo_magic.core.records import UsedRows
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import Direction, Failure, Goal, History, Kind
from hpo_magic.errors import SpaceExhausted
from hpo_magic.executors.trial_execution import ObjectiveResult


class FakeClock:
    """A clock in seconds since 1970 that goes on by `advance` only."""

    def __init__(self, at: float = 0.0) -> None:
        self.at = at

    def __call__(self) -> float:
        """Return the time."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Set the clock forward."""
        self.at += seconds


class FakeSampler:
    """Suggests given settings, or settings that depend on all of its arguments.

    Parameters
    ----------
    settings
        The suggestions, in the order of the search trials; parameters that one leaves out get their
        defaults. After the last one the space is exhausted. None: no script. The setting then
        depends on the space, on every trial of the history and on the seed, so that a test notices
        if any of these is not what it should be.
    """

    def __init__(self, settings: Sequence[Params] | None = None) -> None:
        self.settings = settings

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`."""
        if self.settings is None:
            return _digest_of(space, history, seed)
        n_before = sum(trial.kind is Kind.SEARCH for trial in history.trials)
        if n_before >= len(self.settings):
            raise SpaceExhausted
        wanted = {n: value for n, value in self.settings[n_before].items() if n in space}
        return {**space.defaults(), **wanted}


def _digest_of(space: Space, history: History, seed: int) -> dict[str, Plain]:
    known = [(t.number, t.state, sorted(t.params.items()), t.value) for t in history.trials]
    text = repr((list(space.to_json()), known, history.direction, history.number, seed))
    random = np.random.default_rng(crc32(text.encode()))
    return {name: parameter.domain.value(random.random()) for name, parameter in space.items()}


class FakeExecutor:
    """Holds trainings until the test says how they go, in any order.

    `complete`, `fail`, `end` and `report` say what happened; the next `pump` feeds it. A training
    asks for `parameters`, and gets their defaults where its run has no value.

    Parameters
    ----------
    n_workers
        How many trainings may run at once.
    parameters
        What every training declares.
    play
        Called by a `pump` that has nothing to feed, to make something happen. Left out, the oldest
        training ends: with its number as its value, or stopped if that was asked.
    """

    def __init__(
        self,
        n_workers: int = 1,
        parameters: Sequence[Parameter] = (),
        play: Callable[[FakeExecutor], None] | None = None,
        clock: Callable[[], float] = FakeClock(),  # noqa: B008  (it stands still)
    ) -> None:
        self.n_workers = n_workers
        self.parameters = tuple(parameters)
        self.submitted: list[Run] = []
        self.running: dict[int, Run] = {}
        self.stopping: set[int] = set()
        self.is_closed = False
        self._play = play or _oldest_ends
        self._clock = clock
        self._events: deque[Event] = deque()

    def submit(self, run: Run) -> None:
        """Take on a training."""
        self.submitted.append(run)
        self.running[run.number] = run

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Feed the waiting events, up to the end of one training."""
        if not self._events:
            self._play(self)
        while self._events:
            event = self._events.popleft()
            feed(event)
            if isinstance(event, Completed | Failed | Ended):
                return

    def stop(self, number: int) -> None:
        """Add the trial's number to `stopping`."""
        self.stopping.add(number)

    def close(self) -> None:
        """Set `is_closed`."""
        self.is_closed = True

    def complete(
        self,
        number: int,
        value: float,
        direction: Direction = Direction.MINIMIZE,
        *,
        model: object = None,
        rows: Sequence[UsedRows] | None = None,
    ) -> None:
        """Have a training end with a value, a model and the rows that it used."""
        outcome = self._outcome(number, value, direction)
        self._events.append(Completed(number, outcome, self._clock(), model, rows))

    def fail(self, number: int, error: str = "ValueError", *, fatal: bool = False) -> None:
        """Have a training fail."""
        failure = Failure(error, "it failed")
        self._events.append(Failed(number, failure, self._outcome(number), self._clock(), fatal))

    def end(self, number: int) -> None:
        """Have a training end early, without a value."""
        self._events.append(Ended(number, self._outcome(number), self._clock()))

    def report(self, number: int, step: int, **metrics: float) -> None:
        """Have a training report an epoch."""
        self._events.append(Reported(number, step, metrics, self._clock()))

    def _outcome(
        self, number: int, value: float | None = None, direction: Direction | None = None
    ) -> Outcome:
        run = self.running.pop(number)
        params = {p.name: run.params.get(p.name, p.default) for p in self.parameters}
        goal = None if direction is None else Goal("value", direction)
        return Outcome(params, self.parameters, value, goal)


def _oldest_ends(executor: FakeExecutor) -> None:
    if executor.running:
        number = min(executor.running)
        if number in executor.stopping:
            executor.end(number)
        else:
            executor.complete(number, float(number))


class FakeListener:
    """Keeps the events in `events`, and the snapshot at the end in `closed`.

    Parameters
    ----------
    on_poll
        Called by each `poll`.
    """

    def __init__(self, on_poll: Callable[[], None] = lambda: None) -> None:
        self.on_poll = on_poll
        self.events: list[Event | None] = []
        self.snapshots: list[Snapshot] = []
        self.closed: list[Snapshot] = []

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Keep the event and the snapshot after it."""
        self.events.append(event)
        self.snapshots.append(snapshot())

    def poll(self) -> None:
        """Call `on_poll`."""
        self.on_poll()

    def close(self, snapshot: Snapshot) -> None:
        """Keep the snapshot at the end."""
        self.closed.append(snapshot)


class FakeObjective:
    """A function as an objective; the lines of its errors count from its own first line.

    >>> FakeObjective(lambda: 0.5).train().last
    0.5
    """

    filename: str | None = None

    def __init__(self, function: Callable[[], object]) -> None:
        self.function = function
        self.n_runs = 0

    def train(self) -> ObjectiveResult:
        """Call the function; its result is taken for a cell's last expression."""
        self.n_runs += 1
        return ObjectiveResult(self.function())

    def carried(self) -> dict[str, Any]:
        """Return {}: pickling the function takes along what it reads."""
        return {}

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the function that failed, and its frames as text."""
        code = getattr(self.function, "__code__", None)
        entry = error.__traceback__
        while entry is not None and entry.tb_frame.f_code is not code:
            entry = entry.tb_next
        text = "".join(traceback.format_exception(type(error), error, entry))
        if entry is None or code is None:
            return None, text
        return entry.tb_lineno - code.co_firstlineno + 1, text
