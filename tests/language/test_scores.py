"""Scores that are means over rows, against scikit-learn's, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from hpo_magic.errors import MetricError
from hpo_magic.language.hp import hp
from hpo_magic.language.scores import Scored, scored

rng = np.random.default_rng(0)
TRUTH = rng.integers(0, 3, 50)
LABELS = np.where(rng.random(50) < 0.7, TRUTH, 0)
SHARES = rng.dirichlet([1.0, 1.0, 1.0], 50)
NUMBERS = rng.normal(size=(50, 2))


def rows_of(found: Scored) -> np.ndarray:
    """Return the rows' scores, which must be there and have the score as their mean."""
    assert found.rows is not None
    assert found.rows.shape == (50,)
    assert found.value == pytest.approx(found.rows.mean())
    return found.rows


@pytest.mark.parametrize(
    ("metric", "reference", "truth", "predicted"),
    [
        ("accuracy", metrics.accuracy_score, TRUTH, LABELS),
        ("error", metrics.zero_one_loss, TRUTH, LABELS),
        ("mae", metrics.mean_absolute_error, NUMBERS, NUMBERS[::-1]),
        ("mse", metrics.mean_squared_error, NUMBERS[:, 0], NUMBERS[:, 1]),
        ("log_loss", metrics.log_loss, TRUTH, SHARES),
        ("log_loss", metrics.log_loss, TRUTH > 0, SHARES[:, 0]),
    ],
)
def test_a_named_metric_is_scikit_learns(
    metric: str, reference: Any, truth: np.ndarray, predicted: np.ndarray
) -> None:
    """By our name and as the function itself; the rows are there both times."""
    assert hp.score(metric, truth, predicted) == pytest.approx(reference(truth, predicted))
    rows = rows_of(scored(metric, truth, predicted))
    assert np.array_equal(rows_of(scored(reference, truth, predicted)), rows)
    assert (rows.dtype == bool) == (metric in ("accuracy", "error"))


def test_accuracy_takes_probabilities() -> None:
    """A column for each class, one column for the second of two, one-hot truth, text labels."""
    expected = float((SHARES.argmax(1) == TRUTH).mean())
    assert hp.score("accuracy", TRUTH, SHARES) == expected
    assert hp.score("accuracy", np.eye(3)[TRUTH], SHARES) == expected
    names = np.array(["ant", "bee", "cat"])
    assert hp.score("accuracy", names[TRUTH], SHARES) == expected
    assert hp.score("accuracy", names[TRUTH], names[LABELS]) == float((TRUTH == LABELS).mean())
    binary = float(((SHARES[:, 0] > 0.5) == (TRUTH > 0)).mean())
    assert hp.score("accuracy", TRUTH > 0, SHARES[:, :1]) == binary
    assert hp.score("accuracy", TRUTH.tolist(), TRUTH.tolist()) == 1.0


def test_labels_that_are_floats_stay_labels() -> None:
    """0.0 and 1.0 are labels, and so is 2.0."""
    assert hp.score("accuracy", [0.0, 1.0, 1.0], [0.0, 1.0, 0.0]) == pytest.approx(2 / 3)
    assert hp.score("accuracy", [0.0, 2.0, 1.0], [0.0, 2.0, 0.0]) == pytest.approx(2 / 3)


def test_a_function_that_gives_a_number_for_each_row() -> None:
    """Their mean is the score."""
    found = scored(lambda truth, predicted: np.abs(truth - predicted), TRUTH, LABELS)
    assert np.array_equal(rows_of(found), np.abs(TRUTH - LABELS))


def test_a_function_that_is_no_mean_over_rows() -> None:
    """The score alone is known, and can be taken of some of the rows."""

    def macro(truth: Any, predicted: Any) -> float:
        return float(metrics.f1_score(truth, predicted, average="macro"))

    found = scored(macro, TRUTH, LABELS)
    assert (found.metric, found.value) == ("macro", macro(TRUTH, LABELS))
    assert found.rows is None
    some = np.array([3, 3, 7, 20, 21])
    assert found.on_rows(some) == macro(TRUTH[some], LABELS[some])


def test_a_function_with_a_known_name_and_another_meaning() -> None:
    """It has no rows: its mean is not that of the metric of that name."""

    def accuracy_score(truth: Any, predicted: Any) -> float:
        return 100.0 * float((truth == predicted).mean())

    assert scored(accuracy_score, TRUTH, LABELS).rows is None


@pytest.mark.parametrize(
    ("metric", "truth", "predicted", "message"),
    [
        ("acuracy", TRUTH, LABELS, r"hp.score\('acuracy'\): no such metric. Did you mean accuracy"),
        ("mae", TRUTH, LABELS[:-1], r"shapes are \(50,\) and \(49,\)"),
        ("mae", np.array(["a", "b"]), np.array(["a", "b"]), "no numbers to be compared"),
        ("accuracy", np.array(["a", "b"]), SHARES[:2], "2 labels in y_true. Give labels"),
        (lambda t, p: np.zeros(3), TRUTH, LABELS, r"returned an array of shape \(3,\)"),
    ],
)
def test_what_cannot_be_scored_is_told(
    metric: Any, truth: np.ndarray, predicted: np.ndarray, message: str
) -> None:
    """In the user's words, with what to do."""
    with pytest.raises(MetricError, match=message):
        hp.score(metric, truth, predicted)


def test_rows_to_first_order_are_computed_when_they_are_asked_for(monkeypatch: Any) -> None:
    """Once: a cell may score a thousand times, and only the trial's own score needs them."""
    asked = []
    monkeypatch.setattr(
        "hpo_magic.language.scores.rows_to_first_order",
        lambda *given: asked.append(given) or np.ones(4),
    )
    truth, predicted = np.array([0, 1, 0, 1]), np.array([0.2, 0.4, 0.5, 0.9])
    found = scored(metrics.roc_auc_score, truth, predicted)
    assert asked == []
    assert found.linear is found.linear
    assert [name for name, *_ in asked] == ["roc_auc_score"]
