"""Repeated evaluations of one test set."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.intervals import wilson_interval
from hpo_magic.honesty.test_ledger import level_of_evaluation


def test_each_evaluation_widens_the_interval() -> None:
    """The j-th holds with 1 - .05/j."""
    assert [level_of_evaluation(j) for j in (1, 2, 5)] == pytest.approx([0.95, 0.975, 0.99])
    widths = [np.diff(wilson_interval(0.9, 100, level_of_evaluation(j)))[0] for j in (1, 2, 3)]
    assert widths == sorted(widths)


def test_evaluations_are_counted_from_one() -> None:
    """There is no evaluation 0."""
    with pytest.raises(ValueError, match="counted from 1, got 0"):
        level_of_evaluation(0)


def test_the_best_of_several_evaluations_is_covered() -> None:
    """Three evaluations of equal models: the best one's widened interval still holds in 92%."""
    rng = np.random.default_rng(0)
    best = rng.binomial(200, 0.8, (1_000, 3)).max(axis=1) / 200
    bounds = [wilson_interval(share, 200, level_of_evaluation(3)) for share in best]
    assert np.mean([low <= 0.8 <= high for low, high in bounds]) >= 0.92
