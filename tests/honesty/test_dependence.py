"""Rows that depend on each other."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.dependence import correlation_time, design_effect


def test_equal_rows_of_a_group_are_one_row() -> None:
    """Groups of five alike: five rows are worth one; independent rows are worth themselves."""
    rng = np.random.default_rng(0)
    units = np.repeat(np.arange(200), 5)
    assert design_effect(rng.random((3, 200))[:, units], units) == pytest.approx(5, rel=0.05)
    assert design_effect(rng.random((3, 1000)), units) == pytest.approx(1, abs=0.15)
    assert design_effect(np.ones((1, 10)), np.arange(10)) == 1
    assert design_effect(rng.random((1, 10)), np.zeros(10, dtype=int)) == 1


@pytest.mark.parametrize(("phi", "time"), [(0.0, 1.0), (0.5, 3.0), (0.8, 9.0)])
def test_the_correlation_time_of_an_autoregression(phi: float, time: float) -> None:
    """(1 + φ)/(1 - φ)."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20, 2_000))
    for t in range(1, rows.shape[1]):
        rows[:, t] = phi * rows[:, t - 1] + np.sqrt(1 - phi**2) * rows[:, t]
    assert correlation_time(rows) == pytest.approx(time, rel=0.2, abs=0.2)
    assert correlation_time(np.ones((2, 30))) == 1.0
