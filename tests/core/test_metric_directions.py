"""Which values of a metric are better, by its name and its sign."""

from __future__ import annotations

import pytest

from hpo_magic.core.metric_directions import (
    direction_remark,
    possible_values,
    score_remark,
    usual_direction,
)
from hpo_magic.core.trial import Direction, Goal

MIN, MAX = Direction.MINIMIZE, Direction.MAXIMIZE


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        ("neg_mean_squared_error", MAX),
        ("test_neg_log_loss", MAX),
        ("neg_accuracy", MIN),
        ("negative_mse", MAX),
        ("neg_profit", None),
        ("mean_absolute_error", MIN),
    ],
)
def test_a_name_with_a_minus_sign_is_better_the_other_way(
    metric: str, better: Direction | None
) -> None:
    """As scikit-learn's scorers are named."""
    assert usual_direction(metric) is better


@pytest.mark.parametrize(
    ("metric", "direction", "value", "sentence"),
    [
        ("val_loss", MAX, 0.4, "val_loss is better when smaller; --minimize val_loss?"),
        ("val_accuracy", MIN, 0.4, "val_accuracy is better when larger; --maximize val_accuracy?"),
        ("mse", MIN, -3000.0, "mse is never below 0, so it has a minus sign here"),
        ("cv_rmse", MIN, -3.0, "and is better when larger; --maximize cv_rmse?"),
        ("accuracy", MAX, -0.9, "and is better when smaller; --minimize accuracy?"),
        ("neg_mean_squared_error", MIN, -3.0, "is better when larger; --maximize neg_mean"),
    ],
)
def test_a_search_in_the_wrong_direction_is_told(
    metric: str, direction: Direction, value: float, sentence: str
) -> None:
    """By the metric's name, and by the sign of what can not be below 0."""
    told = direction_remark(Goal(metric, direction), value)
    assert told.startswith("Mind the direction: ")
    assert sentence in told


@pytest.mark.parametrize(
    ("metric", "direction", "value"),
    [
        ("val_loss", MIN, 0.4),
        ("loss", MIN, -0.97),
        ("profit", MIN, 3.0),
        ("mse", MAX, -3000.0),
        ("accuracy", MIN, -0.9),
        ("neg_mean_squared_error", MAX, -3.0),
        ("r2", MAX, -0.2),
        ("log_likelihood", MAX, -3.0),
    ],
)
def test_a_right_direction_is_not_told(metric: str, direction: Direction, value: float) -> None:
    """A negated error that is maximized, a negated share that is minimized, and what is unknown."""
    assert direction_remark(Goal(metric, direction), value) == ""


def test_a_value_that_is_a_known_score_has_its_direction() -> None:
    """Where the objective's name says nothing."""
    told = score_remark(Goal("score", MIN), "mse", is_negated=True)
    assert told == (
        "Mind the direction: score is the mse of this cell, with a minus sign, which is better "
        "when larger; --maximize score?"
    )
    assert score_remark(Goal("score", MAX), "mse", is_negated=True) == ""
    assert score_remark(Goal("score", MAX), "mse", is_negated=False)
    assert score_remark(Goal("rmse", MAX), "mse", is_negated=False) == ""


@pytest.mark.parametrize(
    ("metric", "values", "possible"),
    [
        ("val_accuracy", [0.7, 1.0], (0.0, 1.0)),
        ("roc_auc_score", [0.7], (0.0, 1.0)),
        ("accuracy", [71.0], (None, None)),
        ("accuracy", [-0.7], (None, None)),
        ("-accuracy", [-0.7], (-1.0, 0.0)),
        ("rmse", [3.0], (0.0, None)),
        ("rmse", [-3.0], (None, None)),
        ("r2", [-0.2, 0.9], (None, 1.0)),
        ("val_loss", [0.4], (None, None)),
        ("profit", [3.0], (None, None)),
    ],
)
def test_what_a_metric_can_be(metric: str, values: list[float], possible: tuple) -> None:
    """By its name, unless it had other values."""
    assert possible_values(metric, values) == possible
