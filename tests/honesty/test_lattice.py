"""The rows behind scores that are shares of them."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.lattice import n_rows_of_scores


@pytest.mark.parametrize("n", [15, 37, 50, 97, 450, 3_001])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_rows_of_a_search_are_found(n: int, dtype: type) -> None:
    """Forty accuracies around 0.8, as Keras or scikit-learn give them."""
    rng = np.random.default_rng(n)
    shares = (rng.binomial(n, np.clip(0.8 + 0.1 * rng.standard_normal(40), 0, 1)) / n).astype(dtype)
    assert n_rows_of_scores(shares.tolist()) == n


def test_numbers_that_are_no_shares_have_none() -> None:
    """Losses, scores above 1, two different scores only, rounded scores of many rows."""
    rng = np.random.default_rng(0)
    assert n_rows_of_scores(rng.random(40).tolist()) is None
    assert n_rows_of_scores([0.5, 1.5, 2.5, 0.25]) is None
    assert n_rows_of_scores([0.5, 0.75, 0.5]) is None
    assert n_rows_of_scores([]) is None
