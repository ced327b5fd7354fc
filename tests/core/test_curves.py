"""Curves as losses, and which metric trials are judged by before they end."""

from __future__ import annotations

import math

import pytest

from hpo_magic.core.curves import Curve, curve_of, judged_by
from hpo_magic.core.trial import VALUE, Direction, Goal, History, Point, State, Trial


def a_trial(number: int, value: float | None, *reports: dict[str, float]) -> Trial:
    """Return a trial that reported these metrics, one an epoch."""
    state = State.RUNNING if value is None else State.COMPLETE
    curve = tuple(Point(step, metrics) for step, metrics in enumerate(reports, start=1))
    return Trial(number, state, {}, value=value, curve=curve)


def test_a_curve_is_of_losses() -> None:
    """Lower is better, what is not finite is worst, and other metrics play no part."""
    trial = a_trial(0, None, {"acc": 0.5}, {"other": 1.0}, {"acc": math.nan}, {"acc": 0.75})
    assert curve_of(trial, "acc", Direction.MAXIMIZE) == Curve((1, 3, 4), (-0.5, math.inf, -0.75))
    assert curve_of(trial, "loss", Direction.MINIMIZE) == Curve()


def test_of_a_step_that_comes_twice_the_later_counts() -> None:
    """Steps are in order, whatever order they came in."""
    points = tuple(Point(step, {"loss": loss}) for step, loss in ((2, 0.2), (1, 0.1), (2, 0.3)))
    trial = Trial(0, State.RUNNING, {}, curve=points)
    assert curve_of(trial, "loss", Direction.MINIMIZE) == Curve((1, 2), (0.1, 0.3))


@pytest.mark.parametrize(("step", "loss"), [(1, None), (2, 0.5), (4, 0.5), (5, 0.25), (99, 0.25)])
def test_a_curve_says_what_was_reported_last(step: int, loss: float | None) -> None:
    """Nothing before the first report; after the last one, that."""
    assert Curve((2, 5), (0.5, 0.25)).at(step) == loss


def test_the_study_s_metric_is_what_trials_are_judged_by() -> None:
    """Where it is reported."""
    trial = a_trial(0, None, {"loss": 1.0, "val_loss": 2.0})
    assert judged_by(History((trial,), goals=(Goal("val_loss", Direction.MINIMIZE),))) == "val_loss"
    assert judged_by(History((trial,), goals=(VALUE,))) is None
    assert judged_by(History(goals=(Goal("val_loss", Direction.MINIMIZE),))) is None


def test_a_number_that_is_reported_too_is_known_by_its_value() -> None:
    """The cell ends in `model.evaluate`, whose number is that of the last or the restored epoch."""
    trials = (
        a_trial(0, 0.4, {"loss": 0.9, "val_loss": 0.5}, {"loss": 0.8, "val_loss": 0.4000001}),
        a_trial(1, 0.3, {"loss": 0.7, "val_loss": 0.3}, {"loss": 0.6, "val_loss": 0.35}),
    )
    assert judged_by(History(trials, goals=(VALUE,))) == "val_loss"
    assert judged_by(History(trials[:1], goals=(VALUE,))) is None  # one may be chance


def test_a_number_of_its_own_is_not_judged_by_another() -> None:
    """A test score beside validation curves: what helps one may harm the other."""
    trials = (
        a_trial(0, 0.41, {"val_loss": 0.5}, {"val_loss": 0.4}),
        a_trial(1, 0.3, {"val_loss": 0.3}),
    )
    assert judged_by(History(trials, goals=(VALUE,))) is None
