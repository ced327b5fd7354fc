"""When a cell is said to give the same score again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.honesty.repeated_scores import (
    Randomness,
    Repeat,
    chance_of_score,
    chance_of_share,
    repeats_itself,
)

SAME = Repeat(is_equal=True)
SAME_ROWS = Repeat(is_equal=True, same_rows=True, rows_are_equal=True)


def test_a_cell_without_random_numbers_needs_one_rerun() -> None:
    """No generator moved: one equal score confirms it."""
    assert repeats_itself([SAME], Randomness.NONE, [1.0])
    assert not repeats_itself([], Randomness.NONE, [])
    assert not repeats_itself([Repeat(is_equal=False)], Randomness.NONE, [0.0])


def test_equal_rows_need_one_rerun_or_two() -> None:
    """Two where a generator moved: the training may have changed and no row with it."""
    assert repeats_itself([SAME_ROWS], Randomness.UNKNOWN, [0.5])
    for randomness in (Randomness.DRAWN, Randomness.SEED_ASKED):
        assert not repeats_itself([SAME_ROWS], randomness, [0.5])
        assert repeats_itself([SAME_ROWS] * 2, randomness, [0.5] * 2)


@given(
    randomness=st.sampled_from(Randomness),
    n=st.integers(1, 6),
    chance=st.floats(0, 1),
)
def test_equal_scores_on_other_rows_never_stop(
    randomness: Randomness, n: int, chance: float
) -> None:
    """Labels that differ are a new split."""
    other = Repeat(is_equal=True, same_rows=False)
    assert not repeats_itself([SAME] * (n - 1) + [other], randomness, [chance] * n)


@pytest.mark.parametrize(
    ("randomness", "n_needed"),
    [(Randomness.UNKNOWN, 2), (Randomness.DRAWN, 3), (Randomness.SEED_ASKED, 5)],
)
def test_equal_accuracies_are_weighed(randomness: Randomness, n_needed: int) -> None:
    """On 21 rows one pair in seven is equal by chance."""
    q = chance_of_share(0.8, 21)
    needed = next(n for n in range(1, 6) if repeats_itself([SAME] * n, randomness, [q] * n))
    assert needed == n_needed


def test_scores_that_are_always_equal_never_stop_a_cell_with_random_numbers() -> None:
    """A score of 1 on every new split; where nothing is known, three are enough."""
    assert not repeats_itself([SAME] * 9, Randomness.SEED_ASKED, [1.0] * 9)
    assert not repeats_itself([SAME] * 9, Randomness.DRAWN, [1.0] * 9)
    assert repeats_itself([SAME] * 3, Randomness.UNKNOWN, [1.0] * 3)


def test_equal_losses_need_fewer() -> None:
    """Forty different losses: a pair is equal once in 782."""
    q = chance_of_score(0.5, np.random.default_rng(0).random(39).tolist())
    assert repeats_itself([SAME], Randomness.UNKNOWN, [q])
    assert repeats_itself([SAME], Randomness.DRAWN, [q])
    assert not repeats_itself([SAME], Randomness.SEED_ASKED, [q])
    assert repeats_itself([SAME] * 2, Randomness.SEED_ASKED, [q] * 2)


def test_a_score_that_many_settings_share_says_little() -> None:
    """Half of the settings predict one class."""
    assert chance_of_score(0.5, [0.5] * 10 + [0.6, 0.7, 0.8] * 3 + [0.9]) == 0.5
    assert chance_of_score(0.5, []) == 0.5
    assert chance_of_share(1.0, 21) == pytest.approx(1 / np.sqrt(np.pi))


def test_the_chance_of_equal_shares_is_that_of_a_simulation() -> None:
    """Two trainings, right or wrong on other rows."""
    a, b = np.random.default_rng(0).binomial(50, 0.8, size=(2, 100_000))
    assert chance_of_share(0.8, 50) == pytest.approx((a == b).mean(), rel=0.05)
