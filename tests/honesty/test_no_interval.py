"""When an honest number has no interval, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo_magic.core.row_scores import RowOrder, RowScores, of_rows
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.exports.frame import to_frame
from hpo_magic.honesty.no_interval import (
    NoInterval,
    n_alike,
    share_of_cut_groups,
    worst_possible,
)
from hpo_magic.honesty.recheck_results import honest_of
from hpo_magic.language.row_metrics import worst_of
from hpo_magic.language.scores import scored
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.honest import how_text

MAX, MIN = Direction.MAXIMIZE, Direction.MINIMIZE


def in_time(phi: float, n_settings: int, n_rows: int, seed: int = 0) -> np.ndarray:
    """Return numbers of which neighbours are alike; shape (n_settings, n_rows)."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n_settings, n_rows))
    for t in range(1, n_rows):
        rows[:, t] = phi * rows[:, t - 1] + np.sqrt(1 - phi**2) * rows[:, t]
    return rows


def known(values: np.ndarray, seed: int = 0, **about: object) -> RowScores:
    """Return rows as they are stored; `seed` tells the rows of a split."""
    found = of_rows(values, np.full(len(values), seed), **about)
    assert found is not None
    return found


def ended(runs: list[RowScores], reruns: list[RowScores] = (), way: Direction = MAX) -> Snapshot:
    """Return the end of a search; the re-runs are of the setting that is best."""
    trials = [
        Trial(k, State.COMPLETE, {"x": k}, Kind.SEARCH, value=one.mean, row_scores=one)
        for k, one in enumerate(runs)
    ]
    best = max(trials, key=lambda trial: -way.sign * (trial.value or 0.0))
    again = [
        Trial(100 + k, State.COMPLETE, best.params, Kind.RECHECK, 7 + k, value=one.mean,
              row_scores=one, used_seed=True)
        for k, one in enumerate(reruns)
    ]  # fmt: skip
    return Snapshot("study", (Goal("m", way),), Space(), (*trials, *again), is_live=False)


@pytest.mark.parametrize(
    ("phi", "n_rows", "has_interval"),
    [(0.0, 40, True), (0.0, 200, True), (0.7, 200, True), (0.97, 200, False), (0.7, 40, False)],
)
def test_neighbours_that_are_too_alike_leave_no_interval(
    phi: float, n_rows: int, has_interval: bool
) -> None:
    """More rows bear more; rows without an order have no neighbours."""
    table = in_time(phi, 12, n_rows) < 0.5
    ordered = honest_of(ended([known(row, order=RowOrder.TIME) for row in table]))
    assert (ordered.half_width is not None) == has_interval
    assert ordered.no_interval is (None if has_interval else NoInterval.ORDER)
    assert ("neighbouring rows" in how_text(ordered)) != has_interval
    assert honest_of(ended([known(row) for row in table])).half_width
    assert n_alike(table.astype(float), RowOrder.NONE) is None


def test_a_recheck_of_ordered_rows_has_none_either() -> None:
    """The search's rows and those of its re-runs are looked at."""
    tables = [in_time(0.97, 6, 200, seed) < 0.5 for seed in range(4)]
    runs = [[known(row, k, order=RowOrder.TIME) for row in t] for k, t in enumerate(tables)]
    found = honest_of(ended(runs[0], [run[0] for run in runs[1:]]))
    assert (found.half_width, found.no_interval) == (None, NoInterval.ORDER)
    assert found.value is not None


GROUPS = np.repeat(np.arange(20), 5)


def test_split_groups_make_every_number_too_high() -> None:
    """The line stands in the headline, and no interval beside the honest number."""
    rng = np.random.default_rng(0)
    rows = [known(rng.random(100) < 0.7, groups=GROUPS, split_groups=1.0) for _ in range(8)]
    search = ended(rows)
    found = honest_of(search)
    assert (found.half_width, found.no_interval) == (None, NoInterval.SPLIT_GROUPS)
    [line] = [line for line in headline_lines(search) if line.label == "every number here"]
    assert line.value == "too high"
    assert line.remark.startswith("all groups of the validation rows have rows in the training set")
    attrs = to_frame(search).attrs
    assert attrs["every number here"] == "too high"
    assert "no interval" in attrs["honest, remark"]
    whole = ended([replace(one, split_groups=0.0) for one in rows])
    assert honest_of(whole).half_width
    assert "every number here" not in [line.label for line in headline_lines(whole)]
    unsure = ended([replace(one, split_groups=None) for one in rows])
    assert "whether training rows have the same groups is not known" in how_text(honest_of(unsure))
    minimized = ended([replace(one, split_groups=0.3) for one in rows], way=MIN)
    assert "too low" in [line.value for line in headline_lines(minimized)]


def test_new_splits_tell_groups_that_were_cut() -> None:
    """Where the training rows' groups are not known: parts of a group, of different size."""
    rng = np.random.default_rng(0)
    by_row = [known(np.ones(25), k, groups=rng.permutation(GROUPS)[:25]) for k in range(4)]
    held_out = [rng.permutation(20)[:5] for _ in range(4)]
    by_group = [known(np.ones(25), k, groups=np.repeat(g, 5)) for k, g in enumerate(held_out)]
    assert (share_of_cut_groups(by_row) or 0.0) > 0.5
    assert share_of_cut_groups(by_group) == 0.0
    assert share_of_cut_groups(by_row[:1]) is None


def test_a_log_loss_that_rare_rows_decide_has_no_interval() -> None:
    """The model is certain of some rows; none of them was wrong, but one more might be."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 60)

    def losses(certainty: float, seed: int = 0) -> RowScores:
        right = np.random.default_rng(seed).uniform(0.1, certainty, 60)
        right[:5] = certainty
        found = scored(
            "log_loss",
            truth,
            np.stack(
                [np.where(truth, 1 - right, right), np.where(truth, right, 1 - right)], axis=1
            ),
        )
        rows = found.row_scores()
        assert rows is not None
        return rows  # fmt: skip

    certain = [losses(1.0, k) for k in range(6)]
    found = honest_of(ended(certain, way=MIN))
    assert (found.half_width, found.no_interval) == (None, NoInterval.RARE_LOSSES)
    assert "so certain" in how_text(found)
    old = [replace(one, worst=None) for one in certain]  # of a study that did not store it
    assert honest_of(ended(old, way=MIN)).no_interval is NoInterval.RARE_LOSSES
    assert worst_possible(old) == pytest.approx(36.04, abs=0.01)
    assert honest_of(ended([losses(0.9, k) for k in range(6)], way=MIN)).half_width
    again = [replace(losses(1.0, 10 + k), rows=str(k)) for k in range(3)]
    assert honest_of(ended(certain, again, way=MIN)).no_interval is NoInterval.RARE_LOSSES


def test_the_worst_loss_is_that_of_the_next_likely_label() -> None:
    """Not that of a class which nobody expects; other metrics have none."""
    p = np.array([[0.7, 0.3, 0.0], [0.98, 0.02, 0.0]])
    assert worst_of("log_loss", p) == pytest.approx(-np.log(0.02))
    assert worst_of("log_loss", np.array([0.5, 0.75])) == pytest.approx(-np.log(0.25))
    assert worst_of("mae", p) is None
