"""How far luck goes, and when there is enough."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.notices import Enough
from hpo_magic.honesty.selection_bias import enough, is_harmless, luck_of_share, selection_bias


@pytest.mark.parametrize(
    ("n", "expected"), [(1, 0.0), (2, 0.56419), (5, 1.16296), (10, 1.53875), (100, 2.50759)]
)
def test_the_yardstick_is_the_expected_maximum(n: int, expected: float) -> None:
    """Harter, "Expected values of normal order statistics" (1961); Blom's scores are within 5%."""
    assert selection_bias(1.0, n) == pytest.approx(expected, rel=0.05)


def test_of_a_share_by_hand() -> None:
    """At .9 on 100 rows a score is good to ± .03, and Φ⁻¹(31.625/32.25) is 2.066."""
    assert luck_of_share(0.9, 100, 32) == pytest.approx(0.03 * 2.066, rel=1e-3)


def test_a_perfect_score_may_be_luck_too() -> None:
    """All of 21 rows right is no reason to call luck zero."""
    assert luck_of_share(1.0, 21, 40) > 0.05


@given(n=st.integers(1, 1_000), more=st.integers(1, 1_000))
def test_more_settings_are_more_luck(n: int, more: int) -> None:
    """And no luck is below zero."""
    assert 0 <= selection_bias(1.0, n) < selection_bias(1.0, n + more)


def test_no_settings_are_an_error() -> None:
    """Rather than a number."""
    with pytest.raises(ValueError, match="1 setting or more, got 0"):
        selection_bias(1.0, 0)


def test_half_a_point_is_the_limit() -> None:
    """10,000 rows at 99% are harmless, 100 rows are not."""
    assert is_harmless(luck_of_share(0.99, 10_000, 40))
    assert not is_harmless(luck_of_share(0.99, 100, 40))


def test_the_yardstick_is_an_upper_figure() -> None:
    """Best of 32 equal settings on 100 rows: as much as it says; settings that are alike: less."""
    rng = np.random.default_rng(0)
    said = luck_of_share(0.8, 100, 32)
    equal = rng.binomial(100, 0.8, (2_000, 32)).max(axis=1).mean() / 100 - 0.8
    assert equal == pytest.approx(said, rel=0.06)
    luck_of_rows = rng.standard_normal((2_000, 1)) * 0.7 + rng.standard_normal((2_000, 32)) * 0.7
    assert (0.04 * luck_of_rows).max(axis=1).mean() < 0.75 * said


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


def test_pure_luck_is_found_out() -> None:
    """40 scores that differ by luck alone are enough, nearly always."""
    rng = np.random.default_rng(0)
    assert np.mean([bool(enough(0.04 * rng.standard_normal(40), 0.04)) for _ in range(300)]) > 0.85
