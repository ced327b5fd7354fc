"""Which runs a re-check makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.errors import OptionError
from hpo_magic.honesty.recheck import Recheck, Rerun, best_settings, plan, recheck_of, seeds

SEEDS_OF_0 = (821328062, 1817441348, 993632895)
SEEDS = st.integers(0, 2**32 - 1)
SCORES = st.lists(
    st.one_of(st.just(float("nan")), st.integers(0, 5).map(float)), min_size=1, max_size=30
)


@pytest.mark.parametrize(
    ("text", "n_trials", "wanted"),
    [
        ("auto", 5, None),
        ("auto", 6, Recheck(1, 2, with_start=False)),
        ("auto", 9, Recheck(1, 3, with_start=False)),
        ("auto", 20, Recheck(1, 3)),
        ("auto", 40, Recheck(2, 3)),
        ("Auto ", 1000, Recheck(5, 3)),
        ("0", 50, None),
        ("3x0", 50, None),
        ("3", 50, Recheck(3, 3)),
        ("1", 50, Recheck(1, 3)),
        ("5X4", 50, Recheck(5, 4)),
    ],
)
def test_the_option_is_understood(text: str, n_trials: int, wanted: Recheck | None) -> None:
    """A twentieth of the trials for auto, K settings, or K settings M times each; 0 is none."""
    assert recheck_of(text, n_trials) == wanted


@pytest.mark.parametrize("text", ["many", "-1", "4x", "x2", "", "2x2x2", "1.5"])
def test_anything_else_is_an_error_with_examples(text: str) -> None:
    """The message quotes what was given."""
    with pytest.raises(
        OptionError, match=r"recheck: expected auto, 0, a number .* such as 4x2, got"
    ):
        recheck_of(text, 50)


def test_a_recheck_larger_than_the_budget_is_an_error_with_a_way_out() -> None:
    """It says how many runs it would take, and what to write instead."""
    with pytest.raises(OptionError, match=r"are 55 runs.* 50 trials .*Try auto, or 220 trials"):
        recheck_of("10x5", 50)
    assert recheck_of("10x5", 220) == Recheck(10, 5)


@given(n_trials=st.integers(1, 2_000))
def test_auto_leaves_two_thirds_to_the_search(n_trials: int) -> None:
    """Whatever the budget; and it has five settings at most."""
    found = recheck_of("auto", n_trials)
    if found is None:
        assert n_trials < 6
    else:
        assert found.n_runs <= n_trials / 3
        assert found.n_settings <= 5


@given(seed=SEEDS, n=st.integers(1, 12))
def test_seeds_are_new_and_distinct_and_stay(seed: int, n: int) -> None:
    """None is the search's, each fits 31 bits, and more re-runs begin with the seeds of fewer."""
    found = seeds(seed, n)
    assert len({*found, seed}) == n + 1
    assert all(0 <= one < 2**31 for one in found)
    assert found == seeds(seed, n + 3)[:n]


def test_seeds_are_the_same_for_good() -> None:
    """Written down with NumPy 2.4: a study that is resumed years later has the same splits."""
    assert seeds(0, 3) == SEEDS_OF_0
    assert seeds(SEEDS_OF_0[0], 3) != SEEDS_OF_0


@given(scores=SCORES, k=st.integers(1, 12))
def test_the_best_are_the_best_and_the_earliest(scores: list[float], k: int) -> None:
    """None that is left out is better; among equals the earlier one is in; NaN never."""
    found = best_settings(np.array(scores), k)
    finite = [i for i, score in enumerate(scores) if np.isfinite(score)]
    assert len(found) == min(k, len(finite))
    for i in set(finite) - set(found):
        assert all((scores[j], -j) > (scores[i], -i) for j in found)


def test_a_setting_that_was_run_twice_counts_once() -> None:
    """With its first score, not its better one."""
    assert best_settings(np.array([0.5, 0.7, 0.9]), 2, ["a", "b", "a"]) == [1, 0]


def test_the_plan_goes_round_by_round() -> None:
    """Every setting on the first seed, then on the second, the start first."""
    scores = np.array([0.5, 0.9, np.nan, 0.8, np.inf])
    runs = plan(Recheck(2, 2), scores, 7, start=0)
    first, second = seeds(7, 2)
    assert runs == [Rerun(trial, seed) for seed in (first, second) for trial in (0, 1, 3)]


def test_the_start_is_run_once_and_only_with_a_score() -> None:
    """Among the best it is not run again; without a score, or unasked, it is left out."""
    scores = np.array([0.9, 0.8, 0.7])
    assert [run.trial for run in plan(Recheck(2, 1), scores, 0, start=0)] == [0, 1]
    assert [run.trial for run in plan(Recheck(1, 1), scores, 0, start=2)] == [2, 0]
    assert [run.trial for run in plan(Recheck(1, 1, with_start=False), scores, 0, start=2)] == [0]
    assert [run.trial for run in plan(Recheck(1, 1), np.array([np.nan, 1.0]), 0, start=0)] == [1]


@given(scores=SCORES, seed=SEEDS, k=st.integers(1, 5), m=st.integers(1, 4))
def test_all_settings_get_the_same_seeds(scores: list[float], seed: int, k: int, m: int) -> None:
    """The plan is a table, no larger than was asked for, and the same every time."""
    runs = plan(Recheck(k, m), np.array(scores), seed, start=0)
    assert len(runs) <= Recheck(k, m).n_runs
    assert set(runs) == {Rerun(a.trial, b.seed) for a in runs for b in runs}
    assert len(set(runs)) == len(runs)
    assert runs == plan(Recheck(k, m), np.array(scores), seed, start=0)


def test_without_a_score_there_is_nothing_to_plan() -> None:
    """A search in which everything failed has no re-check."""
    assert plan(Recheck(2, 2), np.array([np.nan, np.nan]), 0, start=0) == []
