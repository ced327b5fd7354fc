"""Scores of weighted rows: against scikit-learn's, setting by setting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from hpo_magic.honesty.weighted_scores import F1, Auc, Means, RowMetric

CASES = st.tuples(st.integers(0, 10_000), st.integers(2, 30), st.integers(1, 5))


@settings(max_examples=25, deadline=None)
@given(case=CASES)
def test_auc_is_scikit_learns(case: tuple[int, int, int]) -> None:
    """With weights and ties; NaN where the weighted rows are of one class."""
    seed, n, k = case
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.5
    predicted = np.round(rng.random((k, n)), 1)
    weights = rng.integers(0, 3, size=(6, n)).astype(float)
    found = Auc(truth, predicted).scores(weights)
    for b, weight in enumerate(weights):
        used = weight > 0
        for i in range(k):
            if len(np.unique(truth[used])) < 2:
                assert np.isnan(found[b, i])
            else:
                expected = roc_auc_score(truth, predicted[i], sample_weight=weight)
                assert found[b, i] == pytest.approx(expected)


@settings(max_examples=25, deadline=None)
@given(case=CASES)
def test_f1_is_scikit_learns(case: tuple[int, int, int]) -> None:
    """With weights; 0 where nothing is positive."""
    seed, n, k = case
    rng = np.random.default_rng(seed)
    truth, predicted = rng.random(n) < 0.4, rng.random((k, n)) < 0.4
    weights = rng.integers(0, 3, size=(6, n)).astype(float)
    weights[:, 0] = 1
    found = F1(truth, predicted).scores(weights)
    for b, weight in enumerate(weights):
        for i in range(k):
            expected = f1_score(truth, predicted[i], sample_weight=weight, zero_division=0)
            assert found[b, i] == pytest.approx(expected)


@pytest.mark.parametrize(
    "metric",
    [
        Means(np.random.default_rng(0).random((4, 20))),
        Auc(np.arange(20) % 2 == 0, np.random.default_rng(0).random((4, 20))),
        F1(np.arange(20) % 2 == 0, np.random.default_rng(0).random((4, 20)) < 0.5),
    ],
)
def test_one_choice_for_each_draw_is_a_cell_of_the_table(metric: RowMetric) -> None:
    """`scores_of` has what `scores` has, without what is not asked for."""
    assert (metric.n_settings, metric.n_rows) == (4, 20)
    weights = np.random.default_rng(1).integers(0, 3, size=(9, 20)).astype(float)
    choices = np.arange(9) % 4
    expected = metric.scores(weights)[np.arange(9), choices]
    np.testing.assert_allclose(metric.scores_of(choices, weights), expected)


def test_without_a_row_there_is_no_mean() -> None:
    """All weights 0."""
    assert np.isnan(Means(np.ones((2, 3))).scores(np.zeros((1, 3)))).all()
