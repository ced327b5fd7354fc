"""What the re-runs say: by hand, as properties, and in simulated searches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.trial import Direction
from hpo_magic.honesty.choice import (
    chosen_setting,
    gain_over_start,
    honest_value,
    oriented,
    rechecked,
    used_part,
)
from hpo_magic.honesty.recheck import Recheck, plan

NAN, FAILED = float("nan"), float("-inf")
TABLES = st.integers(1, 5).flatmap(
    lambda k: st.integers(1, 4).flatmap(
        lambda m: st.lists(
            st.lists(st.integers(0, 20).map(lambda x: x / 20), min_size=m + 1, max_size=m + 1),
            min_size=k,
            max_size=k,
        )
    )
)


def test_the_choice_is_by_the_mean_of_all_runs() -> None:
    """The search's score counts as one run; among equals the earliest wins."""
    y = np.array([0.9, 0.8, 0.7])
    assert chosen_setting(y, np.array([[0.6, 0.6], [0.8, 0.8], [0.7, 0.7]])) == 1
    # 0.9 + 0.7 + 0.6 and 0.8 + 0.8 + 0.6 are equal, though not in floating point
    assert chosen_setting(y, np.array([[0.7, 0.6], [0.8, 0.6], [0.8, 0.7]])) == 0


def test_each_rerun_scores_a_choice_it_had_no_part_in() -> None:
    """By hand: without j = 0 setting 0 is chosen, without j = 1 setting 1."""
    y, f = np.array([0.9, 0.9]), np.array([[0.5, 0.8], [0.7, 0.6]])
    # without j = 0: 1.7 against 1.5, so f[0, 0]; without j = 1: 1.4 against 1.6, so f[1, 1]
    assert honest_value(y, f) == pytest.approx((0.5 + 0.6) / 2)


def test_one_setting_is_its_mean() -> None:
    """Without a choice there is nothing to leave out."""
    assert honest_value(np.array([0.9]), np.array([[0.5, 0.6, 0.7]])) == pytest.approx(0.6)


@given(table=TABLES)
def test_the_honest_value_is_the_formula(table: list[list[float]]) -> None:
    """Against loops written from the formula, and never above the best re-runs."""
    y, f = np.array(table)[:, 0], np.array(table)[:, 1:]
    picked = []
    for j in range(f.shape[1]):
        others = [
            y[i] + sum(f[i, other] for other in range(f.shape[1]) if other != j)
            for i in range(len(y))
        ]
        best = next(i for i in range(len(y)) if others[i] >= max(others) - 1e-9)
        picked.append(f[best, j])
    assert honest_value(y, f) == pytest.approx(np.mean(picked))
    assert honest_value(y, f) <= f.max(axis=0).mean() + 1e-12


@given(table=TABLES, shift=st.floats(-3, 3))
def test_adding_a_constant_moves_the_value_and_nothing_else(
    table: list[list[float]], shift: float
) -> None:
    """A metric that is larger by a constant has the same choice, half-width and gain."""
    y, f = np.array(table)[:, 0], np.array(table)[:, 1:]
    one, other = rechecked(y, f, start=0), rechecked(y + shift, f + shift, start=0)
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value + shift)
    assert other.chosen == one.chosen
    assert one.gain is not None
    assert other.gain is not None
    assert other.gain.value == pytest.approx(one.gain.value)


def test_the_gain_is_paired() -> None:
    """What a seed does to all settings cancels out of the gain and of its half-width."""
    f = np.array([[0.50, 0.53, 0.49], [0.70, 0.72, 0.71], [0.61, 0.60, 0.62]])
    gain = gain_over_start(f, 0.70, start=0, chosen=1)
    assert gain.value == pytest.approx(0.70 - 0.5066667)
    shift = np.array([0.2, -0.1, 0.05])
    other = gain_over_start(f + shift, 0.70 + shift.mean(), start=0, chosen=1)
    assert other == pytest.approx(gain)
    # s_p² = .0000888…, 4 degrees: 2.776 √(2 s_p² (1/3 + 1/4))
    residual = f - f.mean(axis=1, keepdims=True) - f.mean(axis=0) + f.mean()
    half = 2.7764 * np.sqrt(2 * (residual**2).sum() / 4 * (1 / 3 + 0.25))
    assert gain.half_width == pytest.approx(half, rel=1e-4)


def test_the_start_itself_may_be_chosen() -> None:
    """Then there is no gain, exactly."""
    found = rechecked(np.array([0.8, 0.9]), np.array([[0.8, 0.8], [0.6, 0.6]]), start=0)
    assert found is not None
    assert (found.chosen, found.gain) == (0, (0.0, None))


def test_a_gain_with_one_degree_of_freedom_has_no_half_width() -> None:
    """Two settings on two seeds: the gain is known, how well is not."""
    gain = gain_over_start(np.array([[0.5, 0.4], [0.7, 0.9]]), 0.8, start=0, chosen=1)
    assert gain.value == pytest.approx(0.35)
    assert gain.half_width is None


def test_holes_are_left_out() -> None:
    """A round that was not finished does not count, nor a setting that failed."""
    f = np.array([[0.7, 0.6, NAN], [0.9, FAILED, 0.9], [0.8, 0.7, 0.6]])
    rows, columns = used_part(f)
    assert (rows.tolist(), columns.tolist()) == ([0, 2], [0, 1])
    found = rechecked(np.array([0.7, 0.99, 0.8]), f, start=1)
    assert found is not None
    assert (found.chosen, found.gain, found.n_settings, found.n_reruns) == (2, None, 2, 2)


def test_a_recheck_that_has_not_got_round_says_nothing() -> None:
    """No complete round, or nothing but failures."""
    assert rechecked(np.array([0.7, 0.8]), np.array([[0.7, NAN], [NAN, NAN]])) is None
    assert rechecked(np.array([0.7]), np.array([[FAILED, FAILED]])) is None


def test_losses_are_turned_round_and_back() -> None:
    """Higher is better inside; the same function gives the metric's values again."""
    losses = [0.3, 0.1]
    assert oriented(losses, Direction.MINIMIZE).argmax() == 1
    assert oriented([0.3, 0.1], Direction.MAXIMIZE).argmax() == 0
    assert oriented(oriented(losses, Direction.MINIMIZE), Direction.MINIMIZE).tolist() == losses


def test_an_error_rate_has_the_interval_of_its_accuracy() -> None:
    """Accuracy, and minus the error rate: the same half-width where the rows are counted."""
    y, f = np.array([0.9, 0.8]), np.array([[0.8, 0.8], [0.7, 0.7]])
    of_accuracy, of_error = rechecked(y, f, n_rows=50), rechecked(y - 1, f - 1, n_rows=50)
    assert of_accuracy is not None
    assert of_error is not None
    assert of_accuracy.half_width == pytest.approx(of_error.half_width)


def test_a_deterministic_cell_has_no_half_width() -> None:
    """Scores that come again exactly, of unknown rows: no ±, not ± 0."""
    y = np.array([0.9, 0.8, 0.7])
    found = rechecked(y, np.repeat(y[:, None], 3, axis=1), start=2)
    assert found is not None
    assert found.half_width is None
    assert found.gain is not None
    assert found.gain.half_width is None


# Simulated searches. The figures are those of 3,000 searches each, within a point.

N_SEARCHES = 400


@dataclass(frozen=True)
class World:
    """N settings whose accuracies are p + tau · normal, on `n_rows` validation rows.

    A score adds the binomial luck of its rows and `training` luck. Of its variance, the share
    ratio/(1 + ratio) is the pool's and comes again on every new split: Nadeau and Bengio's model.
    """

    n_settings: int = 32
    p: float = 0.8
    tau: float = 0.0
    n_rows: int = 100
    training: float = 0.0
    ratio: float = 0.25


def is_covered(error: float, half_width: float | None) -> float:
    """Return 1 or 0; NaN where no interval is stated."""
    return NAN if half_width is None else float(abs(error) <= half_width)


@cache
def searched(
    world: World, recheck: Recheck, n_repeats: int, *, counted: bool = True
) -> dict[str, np.ndarray]:
    """Return what repeated searches found, as errors against the truth, shape (n_repeats,)."""
    rng = np.random.default_rng(5)
    spread = np.sqrt(world.p * (1 - world.p) / world.n_rows + world.training**2)
    of_pool = world.ratio / (1 + world.ratio)
    found = []
    for _ in range(n_repeats):
        truth = np.clip(world.p + world.tau * rng.standard_normal(world.n_settings), 0.05, 0.95)
        y = np.clip(truth + spread * rng.standard_normal(world.n_settings), 0.0, 1.0)
        runs = plan(recheck, y, 0, start=0)
        rows = sorted({run.trial for run in runs})
        shape = (len(rows), recheck.n_reruns)
        selection_bias = np.sqrt(of_pool) * rng.standard_normal((len(rows), 1))
        selection_bias = spread * (
            selection_bias + np.sqrt(1 - of_pool) * rng.standard_normal(shape)
        )
        f = np.clip(truth[rows, None] + selection_bias, 0.0, 1.0)
        result = rechecked(y[rows], f, start=0, n_rows=world.n_rows if counted else None)
        assert result is not None
        assert result.gain is not None
        chosen = truth[rows[result.chosen]]
        gain = result.gain.value - (chosen - truth[0])
        found.append(
            {
                "best seen": y.max() - truth[y.argmax()],
                "naive": f[result.chosen].mean() - chosen,
                "honest": result.value - chosen,
                "covered": is_covered(result.value - chosen, result.half_width),
                "gain": gain,
                "naive gain": (f[result.chosen] - f[0]).mean() - (chosen - truth[0]),
                "gain covered": is_covered(gain, result.gain.half_width),
            }
        )
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def test_on_null_labels_the_honest_number_stays_where_the_truth_is() -> None:
    """All settings at 0.5: best seen is 10 points up, the choice's mean 2.5, the honest one 1."""
    found = searched(World(p=0.5), Recheck(2, 3), N_SEARCHES)
    assert found["best seen"].mean() > 0.08
    assert found["naive"].mean() > 0.02  # so that this test could fail
    assert abs(found["honest"].mean()) < 0.013
    assert abs(found["honest"].mean()) < found["best seen"].mean() / 5


def test_without_the_luck_of_the_pool_nothing_is_left() -> None:
    """Re-runs on rows that share nothing: half a point, where the mean of the choice has two."""
    found = searched(World(p=0.5, ratio=0.0), Recheck(2, 3), N_SEARCHES)
    assert abs(found["honest"].mean()) < 0.008 < 0.015 < found["naive"].mean()


def test_on_null_labels_there_is_no_gain() -> None:
    """The mean of the chosen one's differences would find 2 points; what is told is near none."""
    found = searched(World(p=0.5), Recheck(2, 3), N_SEARCHES)
    assert found["naive gain"].mean() > 0.02
    assert found["gain"].mean() < 0.013


@pytest.mark.parametrize(
    ("world", "recheck"),
    [
        (World(), Recheck(2, 3)),
        (World(tau=0.02, training=0.02), Recheck(2, 3)),
        (World(80, tau=0.03, training=0.02, n_rows=60), Recheck(4, 3)),
        (World(16, tau=0.02, training=0.04, n_rows=60), Recheck(1, 3)),
        (World(24, tau=0.02, training=0.1, n_rows=300, p=0.6), Recheck(2, 3)),
    ],
    ids=["null", "small gains", "four settings", "one setting", "noisy training"],
)
def test_the_interval_holds_as_often_as_it_says(world: World, recheck: Recheck) -> None:
    """At least 92% of the honest numbers are within their half-width of the truth."""
    assert searched(world, recheck, N_SEARCHES)["covered"].mean() >= 0.92


def test_the_interval_holds_where_the_rows_are_not_counted() -> None:
    """A loss, say: from the spread of the re-runs alone."""
    found = searched(World(tau=0.02), Recheck(2, 3), N_SEARCHES, counted=False)["covered"]
    assert found.mean() >= 0.92


def test_the_gains_interval_holds_nine_times_in_ten() -> None:
    """Which is what it says: "about 90%"."""
    world = World(tau=0.02, training=0.02)
    for recheck in (Recheck(2, 3), Recheck(4, 3), Recheck(4, 2)):
        assert np.nanmean(searched(world, recheck, N_SEARCHES)["gain covered"]) >= 0.9
