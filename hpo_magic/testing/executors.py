"""Tests that every executor must pass.

class TestMine(ExecutorContract):
    @pytest.fixture
    def make(self):
        return lambda function: MyExecutor(FakeObjective(function), …)

The objective functions are in this module, so that other processes can import them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from hpo_magic.core.events import Completed, Ended, Event, Failed, Reported, Run
from hpo_magic.core.ports import Executor
from hpo_magic.core.trial import Kind
from hpo_magic.language.hp import hp

Make = Callable[[Callable[[], Any]], Executor]


def a_run(number: int = 0, **params: float) -> Run:
    """Return a run with seed 7."""
    return Run(number, params, Kind.SEARCH, 7)


def events_until_ended(
    executor: Executor, feed: Callable[[Event], None] = lambda event: None, within_s: float = 60.0
) -> list[Event]:
    """Return the events of an executor until a training has ended; `feed` gets each of them."""
    events: list[Event] = []

    def both(event: Event) -> None:
        events.append(event)
        feed(event)

    latest = time.monotonic() + within_s
    while time.monotonic() < latest:
        executor.pump(both, 0.1)
        if any(isinstance(event, Completed | Failed | Ended) for event in events):
            return events
    raise AssertionError(f"no training ended within {within_s} s: {events}")


def reporting() -> float:
    """Report three times; return the parameter."""
    x = hp.Float("x", 0.0, 1.0)
    for step in (1, 2, 3):
        hp.report(loss=x / step)
    return x


def drawing() -> float:
    """Return a number drawn from the seeded stream."""
    hp.Float("x", 0.0, 1.0)
    return random.random()  # noqa: S311  (of the stream that is seeded)


def failing() -> float:
    """Fail if the parameter is large."""
    if hp.Float("x", 0.0, 1.0) > 0.5:
        raise ValueError("too large")
    return 0.5


def endless() -> float:
    """Report until stopped."""
    while True:
        time.sleep(0.01)
        hp.report(loss=1.0)


class ExecutorContract:
    """Tests of an executor. A subclass has the fixture `make`, which returns a `Make`."""

    is_live = True  # reports come while a training runs, and it can be stopped

    def test_a_training_ends_in_its_value(self, make: Make) -> None:
        """Its event has the parameters that it asked for; its reports come before."""
        executor = make(reporting)
        executor.submit(a_run(3, x=0.25))
        *before, ended = events_until_ended(executor)
        executor.close()
        assert isinstance(ended, Completed)
        assert (ended.number, ended.outcome.value) == (3, 0.25)
        assert [parameter.name for parameter in ended.outcome.parameters] == ["x"]
        reports = [(e.step, dict(e.metrics)) for e in before if isinstance(e, Reported)]
        expected = [(1, {"loss": 0.25}), (2, {"loss": 0.125}), (3, {"loss": 0.25 / 3})]
        assert reports == (expected if self.is_live else [])

    def test_it_is_seeded_wherever_it_runs(self, make: Make) -> None:
        """The same seed gives the same random number as in this process."""
        executor = make(drawing)
        executor.submit(a_run(0))
        ended = events_until_ended(executor)[-1]
        executor.close()
        assert isinstance(ended, Completed)
        assert ended.outcome.value == random.Random(7).random()  # noqa: S311

    def test_a_failure_is_the_trainings_own(self, make: Make) -> None:
        """Its event has the exception's text and frames; the next training runs."""
        executor = make(failing)
        executor.submit(a_run(0, x=0.9))
        failed = events_until_ended(executor)[-1]
        executor.submit(a_run(1, x=0.1))
        completed = events_until_ended(executor)[-1]
        executor.close()
        assert isinstance(failed, Failed)
        assert (failed.failure.error, failed.failure.message) == ("ValueError", "too large")
        assert "raise ValueError" in failed.failure.traceback
        assert isinstance(completed, Completed)

    def test_a_stopped_training_ends(self, make: Make) -> None:
        """It ends at its next report; others go on."""
        if not self.is_live:
            return
        executor = make(endless)
        executor.submit(a_run(5))

        def feed(event: Event) -> None:
            if isinstance(event, Reported):
                executor.stop(5)

        ended = events_until_ended(executor, feed)[-1]
        executor.close()
        assert isinstance(ended, Ended)
        assert ended.number == 5
