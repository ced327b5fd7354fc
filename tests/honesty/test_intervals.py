"""Intervals: published values, properties, and how often they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from hpo_magic.honesty.intervals import (
    bootstrap_interval,
    mean_interval,
    newcombe_interval,
    resplit_half_width,
    share_variance,
    wilson_interval,
)
from hpo_magic.honesty.quantiles import normal_quantile, t_half, z_half

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_is_newcombes_method_3(right: int, n: int, low: float, high: float) -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I."""
    assert wilson_interval(right / n, n) == pytest.approx((low, high), abs=5e-5)


@given(counts=COUNTS, level=st.sampled_from([0.9, 0.95, 0.975]))
def test_wilson_is_scipys(counts: tuple[int, int], level: float) -> None:
    """`scipy.stats.binomtest(…).proportion_ci(method="wilson")`, SciPy 1.17."""
    right, n = counts
    theirs = binomtest(right, n).proportion_ci(level, method="wilson")
    assert wilson_interval(right / n, n, level) == pytest.approx(
        (theirs.low, theirs.high), abs=1e-9
    )


@pytest.mark.parametrize(
    ("one", "n", "two", "n_two", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
    ],
)
def test_newcombe_is_method_10(
    one: int, n: int, two: int, n_two: int, low: float, high: float
) -> None:
    """Newcombe, "Interval estimation for the difference …" (1998), table II, method 10."""
    assert newcombe_interval(one / n, n, two / n_two, n_two) == pytest.approx((low, high), abs=5e-5)


@given(one=COUNTS, two=COUNTS)
def test_newcombe_turns_round_with_its_arguments(
    one: tuple[int, int], two: tuple[int, int]
) -> None:
    """The interval holds the difference, and that of b - a is minus that of a - b."""
    a, b = (one[0] / one[1], one[1]), (two[0] / two[1], two[1])
    low, high = newcombe_interval(*a, *b)
    assert low <= a[0] - b[0] <= high
    assert newcombe_interval(*b, *a) == pytest.approx((-high, -low))


@given(counts=COUNTS)
def test_a_share_is_in_its_interval_and_the_interval_in_the_unit(counts: tuple[int, int]) -> None:
    """Also at 0 and 1, where it still has a width."""
    right, n = counts
    interval = wilson_interval(right / n, n)
    assert 0 <= interval.low <= right / n <= interval.high <= 1
    assert interval.high - interval.low > 0
    half = interval.half_around(right / n) + 1e-12
    assert right / n - half <= interval.low
    assert right / n + half >= interval.high


def test_what_is_no_share_is_refused() -> None:
    """The message has the number."""
    with pytest.raises(ValueError, match=r"between 0 and 1, got 1\.2"):
        wilson_interval(1.2, 10)
    with pytest.raises(ValueError, match="1 row or more, got 0"):
        share_variance(0.5, 0)


def test_a_share_of_all_rows_is_not_certain() -> None:
    """21 right of 21 has the variance of 20.5 right; in between it is p(1 - p)/n."""
    assert share_variance(1.0, 21) == pytest.approx(20.5 * 0.5 / 21**3)
    assert share_variance(0.0, 21) == pytest.approx(20.5 * 0.5 / 21**3)
    assert share_variance(0.8, 100) == pytest.approx(0.0016)


def test_quantiles_are_those_of_the_tables() -> None:
    """Two-sided 95%: 1.960 for the normal, 2.776 and 2.228 for t with 4 and 10 degrees."""
    assert z_half(0.95) == pytest.approx(1.960, abs=5e-4)
    assert t_half(0.95, 4) == pytest.approx(2.776, abs=5e-4)
    assert t_half(0.95, 10) == pytest.approx(2.228, abs=5e-4)
    assert normal_quantile(0.5) == 0


def test_a_mean_has_a_normal_interval() -> None:
    """1, 2, 3 have mean 2 and s = 1: 2 ± 1.96/√3."""
    half = 1.959964 / math.sqrt(3)
    assert mean_interval(np.array([1.0, 2.0, 3.0])) == pytest.approx((2 - half, 2 + half))
    with pytest.raises(ValueError, match="2 rows or more, got 1"):
        mean_interval(np.array([1.0]))


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval() -> None:
    """Of a mean of 200 rows within a tenth of its width; the same seed gives the same."""
    values = np.random.default_rng(0).normal(size=200)
    low, high = mean_interval(values)

    def mean(rows: np.ndarray) -> float:
        return float(values[rows].mean())

    found = bootstrap_interval(mean, 200, seed=1)
    assert found == pytest.approx((low, high), abs=0.1 * (high - low))
    assert found == bootstrap_interval(mean, 200, seed=1)


def test_the_bootstrap_leaves_out_draws_without_a_score() -> None:
    """A few draws without both classes are left out; where most are, there is no interval."""

    def needs_row_0(rows: np.ndarray) -> float:
        return float(rows.mean()) if (rows == 0).any() else math.nan

    def needs_all_rows(rows: np.ndarray) -> float:
        if len(np.unique(rows)) < len(rows):
            raise ValueError("one class only")
        return 1.0

    assert bootstrap_interval(needs_row_0, 10) is not None
    assert bootstrap_interval(needs_all_rows, 10) is None


def test_nadeau_and_bengio_by_hand() -> None:
    """s² = .0004, 8 degrees, m = 2, ratio 1/4: 2.306 √(.0004 · .75)."""
    assert resplit_half_width(0.0004, 8, 2) == pytest.approx(2.306 * math.sqrt(0.0003), rel=1e-4)
    # the floor, where the re-runs agree too well
    assert resplit_half_width(0.0, 8, 2, floor=0.0004) == resplit_half_width(0.0004, 8, 2)


def test_few_reruns_have_an_interval_only_where_the_rows_are_counted() -> None:
    """Below 4 degrees of freedom the floor is needed; it holds with the normal quantile."""
    assert resplit_half_width(0.0004, 3, 2) is None
    assert resplit_half_width(0.0, 3, 2, floor=0.0004) == pytest.approx(
        1.96 * 0.02 * 0.75**0.5, rel=1e-3
    )
    assert resplit_half_width(0.0004, 3, 2, floor=0.0) == pytest.approx(
        3.182 * 0.02 * 0.75**0.5, rel=1e-3
    )


def test_nothing_is_not_a_half_width() -> None:
    """One re-run each, or re-runs that do not differ at all: none, rather than ± 0."""
    assert resplit_half_width(0.0, 0, 1, floor=0.01) is None
    assert resplit_half_width(0.0, 8, 2) is None


def test_wilson_and_newcombe_hold_as_often_as_they_say() -> None:
    """By simulation, at n = 40 to 200: at least 92% (Wilson's own is 93 to 97%)."""
    rng = np.random.default_rng(2)
    for p, n in [(0.5, 40), (0.8, 60), (0.95, 200), (0.9, 100)]:
        shares = rng.binomial(n, p, 1_000) / n
        bounds = {share: wilson_interval(share, n) for share in set(shares)}
        assert np.mean([bounds[s].low <= p <= bounds[s].high for s in shares]) >= 0.92
        other = rng.binomial(50, 0.7, 1_000) / 50
        pairs = [newcombe_interval(s, n, o, 50) for s, o in zip(shares, other, strict=True)]
        assert np.mean([low <= p - 0.7 <= high for low, high in pairs]) >= 0.92
