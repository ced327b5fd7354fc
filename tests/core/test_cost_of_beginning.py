"""What it costs to begin a training, measured by the times of reports."""

from __future__ import annotations

from hpo_magic.core.cost_of_beginning import FEWEST, Beginnings
from hpo_magic.core.notices import CostlyBeginnings
from hpo_magic.core.trial import Point, State, Trial

N_EPOCHS, RUNNING = 10, State.RUNNING


def told(beginning_s: float, epoch_s: float, *, can_wait: bool = True) -> list[CostlyBeginnings]:
    """Return what is told while trainings begin one after the other and train two epochs each."""
    beginnings, at, found = Beginnings(), 100.0, []
    for number in range(3 * FEWEST):
        started, points = at, []
        for step in range(1, 3 if number else N_EPOCHS + 1):
            at += epoch_s + (beginning_s if step == 1 else 0.0)
            points.append(Point(step, {"loss": 1.0 / step}))
            curve = tuple(points)
            trial = Trial(number, RUNNING, {}, curve=curve, started=started)
            found.append(beginnings.reported(trial, at, can_wait=can_wait and number > 0))
    return [notice for notice in found if notice is not None]


def test_it_is_told_once_where_a_beginning_takes_as_long_as_many_epochs() -> None:
    """As measured; not where it takes a tenth of a training, nor where none can wait."""
    (notice,) = told(1.0, 0.125)
    assert notice == CostlyBeginnings(1.0, 0.125, N_EPOCHS)
    assert told(0.125, 0.125) == []
    assert told(1.0, 0.125, can_wait=False) == []


def test_an_epoch_with_a_turn_of_another_training_between_is_not_timed() -> None:
    """The time since the last report is then not that of an epoch."""
    beginnings, found = Beginnings(), []
    for number in range(2 * FEWEST):
        first = (Point(1, {"loss": 1.0}),)
        trial = Trial(number, RUNNING, {}, curve=first, started=0.0)
        found.append(beginnings.reported(trial, 50.0, can_wait=True))
    assert found == [None] * 2 * FEWEST
