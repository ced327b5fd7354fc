"""Trainings that are suspended and taken up at random, to compare with the same ones run alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from hpo_magic.core.events import Completed, Ended, Event, Failed, Reported, Run
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.frameworks import all_frameworks
from hpo_magic.testing.fakes import FakeObjective

ENDS = Completed | Failed | Ended


def executor_of(function: Callable[[], Any]) -> SerialExecutor:
    """Return an executor whose trainings may wait, after a first training in the main thread."""
    execution = TrialExecution(FakeObjective(function), all_frameworks(), Direction.MINIMIZE)
    executor = SerialExecutor(execution, waits=True)
    executor.submit(Run(0, {}, Kind.START, 7))
    executor.pump(lambda event: None, 0.0)
    return executor


def alone(function: Callable[[], Any], params: Sequence[dict[str, Any]]) -> list[Event]:
    """Return how trainings with these values end, one after the other in the main thread."""
    executor = executor_of(function)
    ends: list[Event] = []
    for number, one in enumerate(params, start=1):
        executor.submit(Run(number, one, Kind.SEARCH, 7))
        executor.pump(lambda e: ends.append(e) if isinstance(e, ENDS) else None, 0.0)
    executor.close()
    return ends


def interleaved(
    function: Callable[[], Any], params: Sequence[dict[str, Any]], seed: int = 0
) -> tuple[list[Event], int]:
    """Return how they end if they are suspended at random, and the number of suspensions."""
    executor, rng = executor_of(function), random.Random(seed)
    runs = [Run(n, one, Kind.SEARCH, 7, until=1) for n, one in enumerate(params, start=1)]
    waiting: list[int] = []
    ends: dict[int, Event] = {}
    n_suspended = 0

    def feed(event: Event) -> None:
        nonlocal n_suspended
        if isinstance(event, ENDS):
            ends[event.number] = event
        if isinstance(event, Reported) and event.room and rng.random() < 0.7:
            waiting.append(event.number)
            executor.suspend(event.number)
            n_suspended += 1

    while len(ends) < len(params):
        if runs and (not waiting or rng.random() < 0.5):
            executor.submit(runs.pop(0))
        else:
            executor.go_on(waiting.pop(rng.randrange(len(waiting))), 1)
        executor.pump(feed, 0.0)
    executor.close()
    return [ends[number] for number in sorted(ends)], n_suspended
