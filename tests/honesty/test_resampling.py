"""How rows are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.resampling import draw_weights, units_of_blocks, units_of_groups


def test_each_row_is_drawn_as_often_as_the_others() -> None:
    """Weights are those of a multinomial: n in all, 1 on average, 37% of the rows left out."""
    weights = draw_weights(100, 2_000, np.random.default_rng(0))
    assert (weights.sum(axis=1) == 100).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(100), abs=0.15)
    assert (weights == 0).mean() == pytest.approx(0.99**100, abs=0.005)


def test_rows_of_a_unit_are_drawn_together() -> None:
    """All rows of a group, or of a block of neighbours, have one weight, 1 on average."""
    for units in (units_of_groups(["b", "a", "b", "c"] * 5), units_of_blocks(23, 10)):
        weights = draw_weights(len(units), 500, np.random.default_rng(1), units)
        first = np.array([np.flatnonzero(units == unit)[0] for unit in units])
        assert (weights == weights[:, first]).all()
        assert weights.mean() == pytest.approx(1.0, abs=0.1)
        assert (weights[:, 0] == 0).any()
