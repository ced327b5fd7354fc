"""Scores of rows for metrics that are no means over rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics

from hpo_magic.language.first_order import METRICS, rows_to_first_order

N = 60
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, N)
SCORES = np.round(LABELS * 0.8 + RNG.normal(size=N), 1)  # with ties
CHANCES = 1 / (1 + np.exp(-SCORES))
SAID = (SCORES > 0.4).astype(int)
MANY = RNG.integers(0, 5, N)
MANY_SAID = np.where(RNG.random(N) < 0.6, MANY, RNG.integers(0, 5, N))
NUMBERS = RNG.gamma(2.0, size=N)
NEAR = NUMBERS * np.exp(0.2 * RNG.normal(size=N))

CASES: list[tuple[str, Any, Any, dict[str, Any]]] = [
    *((name, LABELS, SAID, {}) for name in ("f1_score", "precision_score", "recall_score")),
    ("f1_score", LABELS, SAID, {"pos_label": 0}),
    ("f1_score", LABELS.astype(str), SAID.astype(str), {"pos_label": "1"}),
    ("fbeta_score", LABELS, SAID, {"beta": 2.0}),
    ("jaccard_score", LABELS, SAID, {}),
    *(
        (name, MANY, MANY_SAID, {"average": average})
        for name in ("f1_score", "precision_score", "recall_score", "jaccard_score")
        for average in ("macro", "micro", "weighted")
    ),
    *(
        (name, truth, said, {})
        for name in ("balanced_accuracy_score", "matthews_corrcoef", "cohen_kappa_score")
        for truth, said in ((LABELS, SAID), (MANY, MANY_SAID))
    ),
    ("roc_auc_score", LABELS, SCORES, {}),
    ("average_precision_score", LABELS, SCORES, {}),
    ("brier_score_loss", LABELS, CHANCES, {}),
    ("mean_absolute_percentage_error", NUMBERS, NEAR, {}),
    ("mean_squared_log_error", NUMBERS, NEAR, {}),
    ("root_mean_squared_error", NUMBERS, NEAR, {}),
    ("root_mean_squared_log_error", NUMBERS, NEAR, {}),
]


@pytest.mark.parametrize(("name", "truth", "said", "options"), CASES)
def test_a_row_is_the_metric_s_derivative_by_its_weight(
    name: str, truth: Any, said: Any, options: dict[str, Any]
) -> None:
    """As scikit-learn has it, whose functions take weights."""
    metric = getattr(sklearn.metrics, name)
    value = float(metric(truth, said, **options))
    rows = rows_to_first_order(name, truth, said, value, options)
    assert rows is not None
    assert rows.mean() == pytest.approx(value)
    for row in (0, 7, 23, 41, 59):
        change = np.zeros(N)
        change[row] = 1e-4
        more, less = (
            metric(truth, said, sample_weight=1 + sign * change, **options) for sign in (1, -1)
        )
        assert rows[row] == pytest.approx(value + N * (more - less) / 2e-4, abs=1e-4)


def test_every_metric_is_tried() -> None:
    """Those of the list, and no others."""
    assert {name for name, *_ in CASES} == set(METRICS)


@pytest.mark.parametrize(
    ("name", "truth", "said", "options"),
    [
        ("f1_score", LABELS, SAID, {"zero_division": 1, "average": "samples"}),
        ("balanced_accuracy_score", LABELS, SAID, {"adjusted": True}),
        ("cohen_kappa_score", MANY, MANY_SAID, {"weights": "quadratic"}),
        ("roc_auc_score", LABELS, SCORES, {"max_fpr": 0.2}),
        ("roc_auc_score", MANY, SCORES, {}),
        ("roc_auc_score", np.zeros(N), SCORES, {}),
        ("f1_score", LABELS[:, None], SAID[:, None], {}),
        ("f1_score", np.arange(N), np.arange(N), {"average": "macro"}),
        ("median_absolute_error", NUMBERS, NEAR, {}),
        ("root_mean_squared_error", NUMBERS, NUMBERS, {}),
    ],
)
def test_what_is_computed_otherwise_has_no_rows(
    name: str, truth: Any, said: Any, options: dict[str, Any]
) -> None:
    """Options, shapes and classes that make it another number; a root of nothing."""
    value = 0.5
    if name in ("balanced_accuracy_score", "cohen_kappa_score") or "max_fpr" in options:
        value = float(getattr(sklearn.metrics, name)(truth, said, **options))
    assert rows_to_first_order(name, truth, said, value, options) is None


def test_resampled_rows_are_near_the_metric_on_them() -> None:
    """As the resampling of an honest number needs it; F1 and AUC of 400 rows."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    scores = truth + rng.normal(size=400)
    for name, said in (("f1_score", (scores > 0.5) * 1), ("roc_auc_score", scores)):
        metric = getattr(sklearn.metrics, name)
        rows = rows_to_first_order(name, truth, said, float(metric(truth, said)))
        assert rows is not None
        drawn = [rng.integers(0, 400, 400) for _ in range(50)]
        there = np.array([metric(truth[i], said[i]) for i in drawn])
        near = np.array([rows[i].mean() for i in drawn])
        assert np.sqrt(np.mean((there - near) ** 2)) < 0.1 * there.std()
