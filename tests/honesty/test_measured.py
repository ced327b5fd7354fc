"""How well a test value is known, by what the cell gave."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hpo_magic.honesty.intervals import mean_interval, wilson_interval
from hpo_magic.honesty.measured import Basis, measured
from hpo_magic.language.scores import scored

rng = np.random.default_rng(0)
TRUTH = rng.integers(0, 2, 120)
SCORES = np.clip(TRUTH * 0.3 + rng.random(120) * 0.7, 0, 1)
RIGHT = scored("accuracy", TRUTH, SCORES)


def test_an_accuracy_has_wilsons() -> None:
    """From `hp.score`, or from a share that fits the number of rows."""
    found = measured(RIGHT.value, "accuracy", [RIGHT], None, 0.95)
    assert found.interval == wilson_interval(RIGHT.value, 120)
    assert (found.n_rows, found.is_share, found.basis) == (120, True, Basis.SHARE)
    assert measured(float(np.float32(RIGHT.value)), "accuracy", [], 120, 0.95).interval is not None
    wider = measured(RIGHT.value, "accuracy", [RIGHT], None, 0.975).interval
    assert wider == wilson_interval(RIGHT.value, 120, 0.975)


def test_a_loss_has_that_of_a_mean() -> None:
    """Mean ± z s/√n over the rows."""
    loss = scored("log_loss", TRUTH, SCORES)
    assert loss.rows is not None
    found = measured(loss.value, "log_loss", [RIGHT, loss], 120, 0.95)
    assert found.interval == mean_interval(loss.rows)
    assert (found.basis, found.is_share) == (Basis.MEAN, False)
    one = scored("log_loss", TRUTH[:1], SCORES[:1])
    assert measured(one.value, "log_loss", [one], 1, 0.95).interval is None


def test_another_metric_is_drawn_again() -> None:
    """An AUC; where most draws have none, nothing is said."""
    auc = scored(roc_auc_score, TRUTH, SCORES)
    found = measured(auc.value, "roc_auc_score", [auc], None, 0.95)
    assert found.interval is not None
    assert found.interval.low < auc.value < found.interval.high
    assert found.basis is Basis.BOOTSTRAP

    def picky(truth: np.ndarray, predicted: np.ndarray) -> float:
        if not np.array_equal(truth, TRUTH):
            raise ValueError("only all rows have one")
        return 0.5

    none = measured(0.5, "picky", [scored(picky, TRUTH, SCORES)], None, 0.95)
    assert (none.interval, none.basis) == (None, Basis.UNDEFINED)


@pytest.mark.parametrize(
    ("value", "metric", "n_rows"),
    [(0.9, "accuracy", None), (0.9, "auc", 120), (0.904, "accuracy", 120), (54.0, "accuracy", 9)],
)
def test_a_bare_number_has_none(value: float, metric: str, n_rows: int | None) -> None:
    """Unless it must be a share of the rows."""
    found = measured(value, metric, [RIGHT], n_rows, 0.95)
    assert (found.interval, found.basis) == (None, Basis.BARE_NUMBER)
