"""Half-widths over re-splits."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.intervals import share_variance, wilson_interval
from hpo_magic.honesty.resplit_intervals import (
    Reruns,
    distinct_rows,
    effective_rows,
    half_width_of_gain,
    half_width_of_mean,
    half_width_of_ranking,
    half_width_of_share,
    widened_by,
)


def test_runs_that_share_all_rows_are_one_run() -> None:
    """V = 1: the same rows each time; v near 0: new ones each time."""
    assert effective_rows(30, 4, 1.0) == 30
    assert effective_rows(30, 4, 0.0) == 120
    assert effective_rows(30, 1, 0.25) == 30


def test_the_rows_of_several_splits_are_counted_once() -> None:
    """Drawn: 4 splits of 120 rows, 30 held out in each."""
    rng = np.random.default_rng(0)
    drawn = [
        len({row for _ in range(4) for row in rng.permutation(120)[:30].tolist()})
        for _ in range(400)
    ]
    assert distinct_rows(30, 4, 0.25) == pytest.approx(np.mean(drawn), abs=0.6)
    assert distinct_rows(30, 4, 1.0) == 30


def test_a_spread_as_large_as_that_of_the_rows_widens_nothing() -> None:
    """s² = b leaves the rows' half-width, s² = 4b widens it by the training's part."""
    b, df, m, ratio = 0.004, 8, 3, 1 / 3
    assert widened_by(0.1, 1.96, b, b, df, m, ratio) == 0.1
    wide = widened_by(0.1, 1.96, b, 4 * b, df, m, ratio)
    # t(18) = 2.1009 (SciPy 1.17)
    expected = 2.1009 * np.sqrt((0.1 / 1.96) ** 2 + 3 * b * (1 / 3 + 1 / 3))
    assert wide == pytest.approx(expected, rel=1e-4)
    assert widened_by(0.1, 1.96, b, 4 * b, 0, m, ratio) == 0.1


def test_a_share_has_wilsons_with_the_effective_rows() -> None:
    """The larger side at the value; a spread of the trainings is added."""
    quiet = Reruns(np.full((2, 3), 0.8), 30, 0.25)
    n = effective_rows(30, 4, 0.25)
    assert half_width_of_share(0.8, quiet) == wilson_interval(0.8, n).half_around(0.8)
    n = distinct_rows(30, 4, 0.25)
    narrower = half_width_of_share(0.8, quiet, knows_rows=True)
    assert narrower == wilson_interval(0.8, n).half_around(0.8) < half_width_of_share(0.8, quiet)
    wild = Reruns(np.array([[0.5, 0.8, 1.0], [1.0, 0.6, 0.8]]), 30, 0.25)
    assert wild.variance > 4 * share_variance(0.8, 30)
    assert half_width_of_share(0.8, wild) > 1.3 * half_width_of_share(0.8, quiet)


def test_rows_in_groups_are_worth_fewer() -> None:
    """Deff = 4: a quarter of the rows, twice the width, about."""
    rows = Reruns(np.full((2, 3), 0.8), 100)
    grouped = Reruns(np.full((2, 3), 0.8), 100, deff=4.0)
    assert half_width_of_share(0.8, grouped) == pytest.approx(
        2 * half_width_of_share(0.8, rows), rel=0.15
    )


def test_a_loss_counts_one_more_row_as_bad_as_the_worst() -> None:
    """The row variance of all settings, and the worst row: by hand."""
    rng = np.random.default_rng(0)
    rows = [-rng.exponential(size=(2, 20)) for _ in range(4)]
    value = float(np.mean(rows))
    table = Reruns(np.full((2, 3), value), 20, 0.25)
    spread = np.mean([one.var(axis=1, ddof=1).mean() for one in rows])
    spread += (min(one.min() for one in rows) - value) ** 2 / 81
    # t(14) = 2.1448 (SciPy 1.17)
    expected = 2.1448 * np.sqrt(spread / effective_rows(20, 4, 0.25))
    assert half_width_of_mean(value, rows, table) == pytest.approx(expected, rel=1e-4)


def test_an_auc_of_one_has_a_width() -> None:
    """Its bootstrap has none: Wilson's."""
    table = Reruns(np.ones((2, 3)), 40)
    wilson = wilson_interval(1.0, table.n_effective).half_around(1.0)
    assert half_width_of_ranking(1.0, 0.0, table) == wilson
    assert half_width_of_ranking(1.0, 0.05, table) > wilson


def test_a_gain_has_the_spread_of_the_differences() -> None:
    """Shares that never differ on a row still may by one; one setting has no gain."""
    table = Reruns(np.full((1, 3), 0.8), 25, 0.2)
    same = [np.zeros(25)] * 3
    both = np.full((2, 3), 0.8)
    half = half_width_of_gain(same, both, 0.0, table, are_shares=True)
    assert half is not None
    assert half == pytest.approx(2.1788 * np.sqrt(1 / 25 / table.n_effective), rel=1e-4)  # t(12)
    assert half_width_of_gain(same, both, 0.0, table, are_shares=False) == 0.0
    wider = half_width_of_gain(same, both, 0.01, table, are_shares=True)
    assert wider is not None
    assert wider > half
    assert half_width_of_gain(same, both[:1], 0.0, table, are_shares=True) is None
