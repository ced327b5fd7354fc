"""What travels to a worker: here it is packed and unpacked in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from hpo_magic.core.events import Completed, Ended, Outcome
from hpo_magic.core.trial import Direction
from hpo_magic.errors import NotPortable
from hpo_magic.executors import training_task
from hpo_magic.executors.training_task import (
    StepReport,
    TrainingTask,
    dumps_task,
    loads_task,
    train,
)
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.hp import hp
from hpo_magic.testing.executors import a_run
from hpo_magic.testing.fakes import FakeObjective


class Carrying(FakeObjective):
    """Reads what it is told to."""

    def __init__(self, function, **values) -> None:
        super().__init__(function)
        self.values = values

    def carried(self):
        """Return it."""
        return self.values


def an_execution(function, **values) -> TrialExecution:
    """Return the execution of a function whose value is minimized."""
    return TrialExecution(Carrying(function, **values), goals=Direction.MINIMIZE)


def a_task(function, **values) -> TrainingTask:
    """Return its task."""
    return TrainingTask(an_execution(function, **values))


def test_it_arrives_as_it_was() -> None:
    """With what the code reads; `hp` is the one of the place where it is unpacked."""
    ask = hp
    offset = 2.0

    def loss() -> float:
        return float(ask.Float("x", 0.0, 10.0)) - offset

    there = loads_task(dumps_task(an_execution(loss, offset=offset)))
    result = train(there, a_run(4, x=5.0), {})
    assert isinstance(result.event, Completed)
    assert result.event.outcome.value == 3.0


def test_what_cannot_be_sent_is_named() -> None:
    """With the reason and the cure."""
    lock = threading.Lock()
    with pytest.raises(NotPortable) as caught:
        dumps_task(an_execution(lambda: 0.5, lock=lock, n=3))
    assert str(caught.value) == (
        "lock (lock) cannot be sent to a worker: cannot pickle '_thread.lock' object. Make it "
        "inside the cell, where the training runs."
    )


def test_what_a_function_reads_is_named_too() -> None:
    """Also inside the functions that the code calls."""
    lock = threading.Lock()

    def guarded() -> float:
        with lock:
            return 0.5

    with pytest.raises(NotPortable, match=r"lock, which guarded reads, \(lock\) cannot be sent"):
        dumps_task(an_execution(guarded, guarded=guarded))


def test_reports_are_sent_together_where_they_are_many(monkeypatch) -> None:
    """At most ten times a second; the last ones before the end."""
    monkeypatch.setattr(training_task, "SEND_EVERY_S", 1000.0)
    sent: list[list[int]] = []
    ages: list[float] = []

    def many() -> float:
        for step in range(1, 6):
            time.sleep(0.002)
            hp.report(step, loss=1.0)
        return 0.5

    def send(reports: Sequence[StepReport]) -> None:
        sent.append([report.step for report in reports])
        ages.extend(report.age_s for report in reports[:-1])

    train(a_task(many), a_run(), {}, send)
    assert sent == [[1], [2, 3, 4, 5]]
    assert ages[0] > ages[1] > ages[2] > 0  # so the times of epochs are known


def test_it_stops_where_it_is_told() -> None:
    """At a report."""
    reached: list[int] = []

    def training() -> float:
        for step in range(5):
            reached.append(step)
            hp.report(loss=1.0)
        return 0.5

    result = train(a_task(training), a_run(), {}, is_stopping=lambda: len(reached) == 2)
    assert isinstance(result.event, Ended)
    assert reached == [0, 1]


def test_rows_come_home_once_for_each_seed() -> None:
    """From one process; the model of what leads, each time."""
    execution = an_execution(lambda: 0.5)
    execution = replace(execution, rows_of=lambda fits: [], model_of=lambda fits: "model")
    task = TrainingTask(execution)
    first, second = (train(task, a_run(number), {}) for number in (0, 1))
    assert isinstance(first.event, Completed)
    assert isinstance(second.event, Completed)
    assert (first.event.rows, second.event.rows) == ([], None)
    assert (first.event.model, second.event.model) == ("model", "model")
    assert (first.n_trained, second.n_trained) == (1, 2)
    assert isinstance(first.event.outcome, Outcome)
