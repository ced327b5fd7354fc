"""The benchmark of several objectives runs, and measures what it says."""

import numpy as np
import pytest

from benchmarks.honest_front import looked_at
from benchmarks.objectives import PROBLEMS, RESULTS, SAMPLERS, covered, found_by


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("sampler", ["random", "optuna-nsga2", "bayes"])
def test_a_search_says_the_same_each_time_and_begins_with_the_defaults(name, sampler):
    """Two losses for each trial, of whichever library."""
    problem = PROBLEMS[name]
    first, second = (found_by(sampler, problem, 0, n_trials=6) for _ in range(2))
    assert first.shape == (6, 2)
    assert np.array_equal(first, second)
    defaults = problem.losses(problem.active(problem.space.defaults()))
    assert first[0] == pytest.approx(defaults)


def test_shares_grow_and_are_at_most_one():
    """Of what all cover together; a search that found everything covers it."""
    problem = PROBLEMS["zdt1"]
    found = found_by("random", problem, 0, n_trials=20)
    best = np.array([[x, 1 - np.sqrt(x)] for x in np.linspace(0, 1, 50)])
    shares = covered(problem, [found, best], shown=(5, 20, 50))
    assert (np.diff(shares, axis=1) >= 0).all()
    assert 0 < shares[0, -1] < 1
    assert shares[1, -1] == pytest.approx(1.0)


def test_the_results_are_those_of_all_samplers():
    """One array for each sampler and problem: ten seeds of 100 trials."""
    with np.load(RESULTS) as stored:
        assert {f"{s} {p}" for s in SAMPLERS for p in PROBLEMS} == set(stored.files)
        assert {stored[key].shape for key in stored.files} == {(10, 100, 2)}


def test_honest_numbers_are_compared_with_a_test():
    """Of the most accurate point of a front, and of the most balanced."""
    both = np.array(looked_at(0))
    assert both.shape == (2, 3)
    assert np.isfinite(both[:, :2]).all()
    assert both[0, 0] > 0  # the best of many, on 62 rows
