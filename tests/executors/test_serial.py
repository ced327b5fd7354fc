"""The executor that trains in this thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hpo_magic.core.events import Completed, Ended, Event, Failed, Reported, Run
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.hp import hp
from hpo_magic.testing.fakes import FakeClock, FakeObjective


def an_executor(function: Callable[[], object], clock: FakeClock | None = None) -> SerialExecutor:
    """Return an executor that trains `function`; its value is minimized."""
    clock = clock or FakeClock()
    execution = TrialExecution(FakeObjective(function), goals=Direction.MINIMIZE, clock=clock)
    return SerialExecutor(execution, clock=clock)


def a_run(number: int = 0) -> Run:
    """Return a training."""
    return Run(number, {}, Kind.SEARCH, 0)


def pumped(executor: SerialExecutor, at_batch: Callable[[], None] = lambda: None) -> list[Event]:
    """Return the events of one pump."""
    events: list[Event] = []
    executor.pump(events.append, 0.0, at_batch)
    return events


def test_a_training_runs_inside_the_pump() -> None:
    """Not before; its reports are fed as they come, and its end last."""
    clock = FakeClock(10.0)

    def train() -> float:
        for loss in (0.9, 0.5):
            clock.advance(1.0)
            hp.report(loss=loss)
        clock.advance(1.0)
        return 0.5

    executor = an_executor(train, clock)
    executor.submit(a_run(4))
    assert clock() == 10.0
    *reports, ended = pumped(executor)
    assert reports == [Reported(4, 1, {"loss": 0.9}, 11.0), Reported(4, 2, {"loss": 0.5}, 12.0)]
    assert isinstance(ended, Completed)
    assert (ended.number, ended.outcome.value, ended.at) == (4, 0.5, 13.0)


def test_one_training_for_each_pump() -> None:
    """They run in the order of their coming; an idle pump returns at once."""
    executor = an_executor(lambda: 0.5)
    executor.submit(a_run(0))
    executor.submit(a_run(1))
    assert [[e.number for e in pumped(executor)] for _ in range(3)] == [[0], [1], []]  # type: ignore[union-attr]


def test_a_stopped_training_ends_at_its_next_report() -> None:
    """Whoever stops it does so from within: at a batch, at a report, by an event."""
    reached: list[int] = []

    def train() -> float:
        for epoch in range(5):
            reached.append(epoch)
            hp.report(loss=1.0)
        return 0.5

    executor = an_executor(train)

    def at_batch() -> None:
        if len(reached) == 2:
            executor.stop(0)

    executor.submit(a_run(0))
    assert isinstance(pumped(executor, at_batch)[-1], Ended)
    assert reached == [0, 1]


def test_a_stop_that_the_code_swallows_comes_again() -> None:
    """A bare `except` holds it up for one batch."""
    swallowed: list[str] = []

    def train() -> float:
        for _ in range(3):
            try:
                hp.report(loss=1.0)
            except BaseException as error:  # noqa: BLE001  (what users write)
                swallowed.append(type(error).__name__)
        hp.report(loss=1.0)
        return 0.5

    executor = an_executor(train)
    executor.stop(0)
    executor.submit(a_run(0))
    assert isinstance(pumped(executor)[-1], Ended)
    assert swallowed == ["TrialStopped"] * 3


def test_a_stop_is_for_one_training() -> None:
    """The next one runs to its end."""

    def train() -> float:
        hp.report(loss=1.0)
        return 0.5

    executor = an_executor(train)
    executor.stop(0)
    for number in (0, 1):
        executor.submit(a_run(number))
    assert [type(pumped(executor)[-1]) for _ in range(2)] == [Ended, Completed]


def test_it_says_when_the_users_code_is_at_work() -> None:
    """Not while we look at buttons and feed events: there an interrupt would hit us."""
    seen: list[tuple[str, bool]] = []

    def train() -> float:
        seen.append(("train", executor.is_in_user_code))
        hp.report(loss=1.0)
        seen.append(("train", executor.is_in_user_code))
        raise ValueError("no")

    executor = an_executor(train)

    def noting(what: str) -> Callable[..., None]:
        return lambda *event: seen.append((what, executor.is_in_user_code))

    executor.submit(a_run())
    executor.pump(noting("feed"), 0.0, noting("at batch"))
    assert seen == [
        ("train", True),
        ("feed", False),
        ("at batch", False),
        ("train", True),
        ("at batch", False),  # was the failing training to stop?
        ("feed", False),
    ]
    assert not executor.is_in_user_code


def test_it_knows_when_a_batch_was_passed() -> None:
    """A training that passes batches need not be interrupted; between trainings there is none."""
    clock = FakeClock(10.0)
    seen: list[float] = []

    def train() -> float:
        hp.report(loss=1.0)
        seen.append(executor.guarded_at)
        return 0.5

    executor = an_executor(train, clock)
    executor.submit(a_run())
    pumped(executor)
    assert (seen, executor.guarded_at) == ([10.0], 0.0)


def test_a_failure_of_ours_is_not_the_users() -> None:
    """A listener that breaks while a report is fed fails no trial, and is not hidden."""
    events: list[Event] = []

    def train() -> float:
        try:
            hp.report(loss=1.0)
        except Exception:  # noqa: BLE001  (what users write)
            return 0.0
        return 0.5

    def feed(event: Event) -> None:
        events.append(event)
        if isinstance(event, Reported):
            raise RuntimeError("the panel broke")

    executor = an_executor(train)
    executor.submit(a_run())
    with pytest.raises(RuntimeError, match="the panel broke"):
        executor.pump(feed, 0.0)
    assert [type(event) for event in events] == [Reported, Ended]


def test_closing_forgets_what_waits() -> None:
    """Nothing runs after the end of the search."""
    executor = an_executor(lambda: 0.5)
    executor.submit(a_run())
    executor.close()
    assert pumped(executor) == []


def test_a_failing_training_leaves_the_executor_usable() -> None:
    """The next one runs."""
    row_scores = [ValueError("no"), None]

    def train() -> float:
        error = row_scores.pop(0)
        if error:
            raise error
        return 0.5

    executor = an_executor(train)
    for number in (0, 1):
        executor.submit(a_run(number))
    assert [type(pumped(executor)[-1]) for _ in range(2)] == [Failed, Completed]


def test_the_exception_of_a_failed_trial_is_kept_until_the_next() -> None:
    """So that a search that fails can raise it; no model hangs on it for longer than that."""
    errors: list[BaseException | None] = [ValueError("no"), None]

    def train() -> float:
        error = errors.pop(0)
        if error:
            raise error
        return 0.5

    executor = an_executor(train)
    kept = []
    for number in (0, 1):
        executor.submit(a_run(number))
        pumped(executor)
        kept.append(executor.last_error)
    assert [str(error) for error in kept] == ["no", "None"]


def test_an_interrupt_that_the_code_catches_ends_the_training() -> None:
    """What it returns then is no result; the next training runs."""

    def train() -> float:
        if len(ended) == 0:
            try:
                executor.interrupt()
            except BaseException:  # noqa: BLE001  (what users write)
                return 0.0
        return 0.5

    ended: list[object] = []
    executor = an_executor(train)
    executor.submit(a_run(0))
    ended += pumped(executor)
    executor.submit(a_run(1))
    ended += pumped(executor)
    assert [type(one) for one in ended] == [Ended, Completed]
