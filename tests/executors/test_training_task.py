"""What travels to a worker: here it is packed and unpacked in one process."""

from __future__ import annotations

import threading

import pytest

from hpo_magic.core.events import Completed, Ended, Outcome
from hpo_magic.core.trial import Direction
from hpo_magic.errors import NotPortable
from hpo_magic.executors import training_task as parcels
from hpo_magic.executors.training_task import TrainingTask, dumps_task, loads_task, train
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


def a_parcel(function, **values) -> TrainingTask:
    """Return a parcel whose value is minimized."""
    return TrainingTask(Carrying(function, **values), goals=Direction.MINIMIZE)


def test_it_arrives_as_it_was() -> None:
    """With what the code reads; `hp` is the one of the place where it is unpacked."""
    ask = hp
    offset = 2.0

    def loss() -> float:
        return float(ask.Float("x", 0.0, 10.0)) - offset

    there = loads_task(dumps_task(a_parcel(loss, offset=offset)))
    arrived = train(there, a_run(4, x=5.0), {})
    assert isinstance(arrived.ended, Completed)
    assert arrived.ended.outcome.value == 3.0


def test_what_cannot_be_sent_is_named() -> None:
    """With the reason and the cure."""
    lock = threading.Lock()
    with pytest.raises(NotPortable) as caught:
        dumps_task(a_parcel(lambda: 0.5, lock=lock, n=3))
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
        dumps_task(a_parcel(guarded, guarded=guarded))


def test_reports_are_sent_together_where_they_are_many(monkeypatch) -> None:
    """At most ten times a second; the last ones before the end."""
    monkeypatch.setattr(parcels, "SEND_EVERY_S", 1000.0)
    sent: list[list[int]] = []

    def many() -> float:
        for step in range(1, 6):
            hp.report(step, loss=1.0)
        return 0.5

    train(a_parcel(many), a_run(), {}, lambda reports: sent.append([step for step, *_ in reports]))
    assert sent == [[1], [2, 3, 4, 5]]


def test_it_stops_where_it_is_told() -> None:
    """At a report."""
    reached: list[int] = []

    def training() -> float:
        for step in range(5):
            reached.append(step)
            hp.report(loss=1.0)
        return 0.5

    arrived = train(a_parcel(training), a_run(), {}, is_stopping=lambda: len(reached) == 2)
    assert isinstance(arrived.ended, Ended)
    assert reached == [0, 1]


def test_rows_come_home_once_for_each_seed() -> None:
    """From one process; the model of what leads, each time."""
    sent = a_parcel(lambda: 0.5)
    sent.rows_of, sent.model_of = lambda fits: "rows", lambda fits: "model"
    first, second = (train(sent, a_run(number), {}) for number in (0, 1))
    assert (first.rows, second.rows) == ("rows", None)
    assert (first.model, second.model) == ("model", "model")
    assert (first.n_trained, second.n_trained) == (1, 2)
    assert isinstance(first.ended.outcome, Outcome)
