"""BBC: against a plain loop, and in simulated searches."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from hpo_magic.honesty.bbc import MOST_ROWS, bbc
from hpo_magic.honesty.intervals import wilson_interval


def row_scores_of(
    truth: np.ndarray, n_rows: int, rng: np.random.Generator, alike: float = 0.0
) -> np.ndarray:
    """Return rights and wrongs of settings with these accuracies; `alike`: some rows are hard."""
    ease = np.sqrt(alike) * rng.standard_normal(n_rows)
    own = np.sqrt(1 - alike) * rng.standard_normal((len(truth), n_rows))
    return (ease + own < ndtri(truth)[:, None]).astype(float)


def test_one_setting_is_its_mean() -> None:
    """Without a choice there is nothing to correct."""
    row_scores = row_scores_of(np.array([0.8]), 400, np.random.default_rng(1))
    assert bbc(row_scores).value == pytest.approx(row_scores.mean(), abs=0.003)


def test_rights_and_wrongs_have_wilsons_interval() -> None:
    """At the value, its larger side."""
    row_scores = row_scores_of(np.full(5, 0.9), 50, np.random.default_rng(1))
    found = bbc(row_scores)
    assert found.half_width == wilson_interval(found.value, 50).half_around(found.value)


def test_the_interval_of_a_loss_holds_where_that_of_its_rows_does_not() -> None:
    """Losses with a long tail: the choice is of those without a bad row, whose spread is small."""
    rng = np.random.default_rng(0)
    covered, by_rows = [], []
    for _ in range(100):
        losses = rng.lognormal(-1.5, 1.5, size=(40, 30))
        truth = -np.exp(-1.5 + 1.5**2 / 2)
        best = -losses[losses.mean(axis=1).argmin()]
        found = bbc(-losses)
        covered.append(abs(found.value - truth) <= found.half_width)
        by_rows.append(abs(best.mean() - truth) <= 1.96 * best.std(ddof=1) / np.sqrt(30))
    assert np.mean(by_rows) < 0.5
    assert np.mean(covered) >= 0.9


def test_groups_are_drawn_whole() -> None:
    """Ten groups of ten equal rows are ten rows: drawn singly they seem to be a hundred."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(10), 10)
    covered = {True: [], False: []}
    for _ in range(100):
        row_scores = row_scores_of(np.full(20, 0.7), 10, rng, 0.5)[:, groups]
        for by_group in covered:
            found = bbc(row_scores, units=groups if by_group else None)
            covered[by_group].append(abs(found.value - 0.7) <= found.half_width)
    assert np.mean(covered[False]) < 0.8
    assert np.mean(covered[True]) >= 0.92


def test_many_rows_are_sampled() -> None:
    """Of 50,000 rows 20,000 take part, and the value is much the same."""
    rng = np.random.default_rng(0)
    row_scores = np.tile(row_scores_of(np.full(4, 0.7), 5_000, rng), 10)
    found = bbc(row_scores)
    assert found.n_rows == MOST_ROWS == 20_000
    assert found.value == pytest.approx(row_scores.mean(), abs=0.02)


def test_what_it_cannot_use_is_said() -> None:
    """Too few rows, or a row's score that is no number."""
    with pytest.raises(ValueError, match=r"settings by rows.* got shape \(3, 1\)"):
        bbc(np.ones((3, 1)))
    with pytest.raises(ValueError, match="not a finite number: leave that trial out"):
        bbc([[1.0, np.nan]])


def test_on_null_labels_it_stays_where_the_truth_is() -> None:
    """The best of 40 is 13 points up on 50 rows, BBC within one."""
    rng = np.random.default_rng(0)
    tables = [row_scores_of(np.full(40, 0.5), 50, rng) for _ in range(100)]
    assert np.mean([t.mean(axis=1).max() for t in tables]) > 0.62
    assert np.mean([bbc(t).value for t in tables]) == pytest.approx(0.5, abs=0.01)


def test_the_best_twenty_alone_are_optimistic_again() -> None:
    """Cut to 20 of 200 settings, the choice among the others is forgotten: points too high."""
    rng = np.random.default_rng(0)
    apart = []
    for _ in range(60):
        row_scores = row_scores_of(np.full(200, 0.5), 50, rng)
        best = np.sort(np.argsort(-row_scores.mean(axis=1), kind="stable")[:20])
        apart.append(bbc(row_scores[best]).value - bbc(row_scores).value)
    assert np.mean(apart) > 0.02


@pytest.mark.parametrize(
    ("n_settings", "n_rows", "tau", "alike"),
    [(40, 100, 0.0, 0.0), (40, 30, 0.02, 0.0), (40, 100, 0.03, 0.6), (100, 100, 0.05, 0.5)],
)
def test_its_interval_holds_as_often_as_it_says(
    n_settings: int, n_rows: int, tau: float, alike: float
) -> None:
    """At least 92% of the values are within their half-width of the chosen setting's accuracy."""
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(100):
        truth = np.clip(0.8 + tau * rng.standard_normal(n_settings), 0.02, 0.98)
        row_scores = row_scores_of(truth, n_rows, rng, alike)
        found = bbc(row_scores)
        covered.append(
            abs(found.value - truth[row_scores.mean(axis=1).argmax()]) <= found.half_width
        )
    assert np.mean(covered) >= 0.92
