"""Trainings that wait in threads of their own."""

from __future__ import annotations

import os
import random
import sys
import threading
import warnings
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.events import Completed, Ended, Failed, Reported, Run
from hpo_magic.core.trial import Kind
from hpo_magic.language.hp import hp
from tests.executors.interleaving import alone, executor_of, interleaved

PARAMS = [{"x": x} for x in (0.1, 0.3, 0.5, 0.7, 0.9)]


def outcomes(events: list[Any]) -> list[Any]:
    """Return what the trainings gave, their output included."""
    return [(type(e), e.number, e.outcome) for e in events]


def drawing() -> float:
    """Draw from both streams and print, between reports."""
    x, total = hp.Float("x", 0.0, 1.0), 0.0
    for step in range(1, 8):
        total += random.random() + np.random.normal() * x  # noqa: NPY002
        print(step, total)
        hp.report(loss=total)
    return total


def changing_the_process() -> float:
    """Set what belongs to the process, each training its own way, and look at it again later."""
    x = hp.Float("x", 0.0, 1.0)
    os.environ["OF_TRAINING"] = str(x)
    sys.setrecursionlimit(1000 + int(100 * x))
    warnings.filterwarnings("error", message=str(x))
    filters = list(warnings.filters)
    for _ in range(5):
        hp.report(loss=x)
        assert os.environ["OF_TRAINING"] == str(x)
        assert sys.getrecursionlimit() == 1000 + int(100 * x)
        assert list(warnings.filters) == filters
    return x


def failing_at_times() -> float:
    """Fail, leave the program or be interrupted in the middle, by the value."""
    x = hp.Float("x", 0.0, 1.0)
    for step in range(1, 6):
        hp.report(loss=x * step)
        if step == 3 and x == 0.3:
            raise ValueError("three")
        if step == 2 and x == 0.5:
            sys.exit()
        if step == 4 and x == 0.7:
            raise KeyboardInterrupt
    return x


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("function", [drawing, changing_the_process])
def test_a_training_that_waited_gives_the_same(function: Any, seed: int) -> None:
    """To the last digit, with its own output, in whatever order they are taken up."""
    ends, n_suspended = interleaved(function, PARAMS, seed)
    assert n_suspended >= 5
    assert outcomes(ends) == outcomes(alone(function, PARAMS))
    assert all(isinstance(end, Completed) for end in ends)


def test_the_process_is_as_before() -> None:
    """What trainings set while they waited is not left behind."""
    before = os.environ.copy(), sys.getrecursionlimit(), list(warnings.filters), sys.stdout
    interleaved(changing_the_process, PARAMS)
    assert (os.environ, sys.getrecursionlimit(), list(warnings.filters), sys.stdout) == before


@pytest.mark.parametrize("seed", range(3))
def test_the_end_of_one_touches_no_other(seed: int) -> None:
    """An exception, `sys.exit` and an interrupt are the training's own."""
    ends, _ = interleaved(failing_at_times, PARAMS, seed)
    assert outcomes(ends) == outcomes(alone(failing_at_times, PARAMS))
    kinds = [type(end) for end in ends]
    assert kinds == [Completed, Failed, Failed, Ended, Completed]
    assert threading.active_count() < 20


def test_a_waiting_training_is_stopped_where_it_waits() -> None:
    """Its `finally` runs, and its event is that of a stopped training."""
    left: list[float] = []

    def cleaning() -> float:
        try:
            for _ in range(9):
                hp.report(loss=1.0)
        finally:
            left.append(hp.Float("x", 0.0, 1.0))
        return 1.0

    executor = executor_of(cleaning)
    left.clear()

    events: list[Any] = []

    def feed(event: Any) -> None:
        events.append(event)
        if isinstance(event, Reported) and event.step == 2:
            executor.suspend(event.number)

    executor.submit(Run(1, {"x": 0.25}, Kind.SEARCH, 7, until=1))
    executor.pump(feed, 0.0)
    executor.stop(1)
    executor.pump(feed, 0.0)
    assert isinstance(events[-1], Ended)
    assert left == [0.25]
