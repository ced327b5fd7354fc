"""The selection bias of the best score, and when further trials stop to help."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.notices import Enough
from hpo_magic.honesty.intervals import share_variance
from hpo_magic.honesty.selection_bias import enough, selection_bias


def bias_of_share(share: float, n_rows: int, n_settings: int) -> float:
    """Return the selection bias of a share of rows, such as accuracy."""
    return selection_bias(math.sqrt(share_variance(share, n_rows)), n_settings)


@pytest.mark.parametrize(
    ("n", "expected"), [(1, 0.0), (2, 0.56419), (5, 1.16296), (10, 1.53875), (100, 2.50759)]
)
def test_the_yardstick_is_the_expected_maximum(n: int, expected: float) -> None:
    """Harter, "Expected values of normal order statistics" (1961); Blom's scores are within 5%."""
    assert selection_bias(1.0, n) == pytest.approx(expected, rel=0.05)


def test_of_a_share_by_hand() -> None:
    """At .9 on 100 rows a score is good to ± .03, and Φ⁻¹(31.625/32.25) is 2.066."""
    assert bias_of_share(0.9, 100, 32) == pytest.approx(0.03 * 2.066, rel=1e-3)


def test_a_perfect_score_may_be_biased_too() -> None:
    """All of 21 rows right does not make the bias 0."""
    assert bias_of_share(1.0, 21, 40) > 0.05


@given(n=st.integers(1, 1_000), more=st.integers(1, 1_000))
def test_more_settings_are_more_biased(n: int, more: int) -> None:
    """And no bias is below zero."""
    assert 0 <= selection_bias(1.0, n) < selection_bias(1.0, n + more)


def test_no_settings_are_an_error() -> None:
    """Rather than a number."""
    with pytest.raises(ValueError, match="1 setting or more, got 0"):
        selection_bias(1.0, 0)


def test_the_yardstick_is_an_upper_figure() -> None:
    """Best of 32 equal settings on 100 rows: as much as it says; settings that are alike: less."""
    rng = np.random.default_rng(0)
    said = bias_of_share(0.8, 100, 32)
    equal = rng.binomial(100, 0.8, (2_000, 32)).max(axis=1).mean() / 100 - 0.8
    assert equal == pytest.approx(said, rel=0.06)
    error_of_rows = rng.standard_normal((2_000, 1)) * 0.7 + rng.standard_normal((2_000, 32)) * 0.7
    assert (0.04 * error_of_rows).max(axis=1).mean() < 0.75 * said


def test_a_search_that_stands_still_has_enough() -> None:
    """The last half gained less than a score's error; the notice has the numbers."""
    scores = np.concatenate([np.linspace(0.5, 0.9, 10), np.full(10, 0.905)])
    notice = enough(scores, 0.03, n_rows=112)
    assert notice == Enough(10, pytest.approx(0.005), 0.03, 112)


def test_a_search_that_gains_has_not() -> None:
    """Nor one that has just begun; one that only gets worse has."""
    assert enough(np.linspace(0.5, 0.9, 40), 0.03) is None
    assert enough(np.full(19, 0.9), 0.03) is None
    assert enough(np.linspace(0.9, 0.5, 40), 0.03) == Enough(20, 0.0, 0.03)


def test_pure_noise_is_found_out() -> None:
    """40 scores that differ by chance alone are enough, nearly always."""
    rng = np.random.default_rng(0)
    assert np.mean([bool(enough(0.04 * rng.standard_normal(40), 0.04)) for _ in range(300)]) > 0.85
