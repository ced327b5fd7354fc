"""The search for the most promising setting."""

import numpy as np

from hpo_magic.core.activity import Activity
from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.proposal import most_promising, moved
from hpo_magic.testing.samplers import SPACES, space_of


def encoding_of(space):
    """Return the encoding with what is declared alone."""
    return Encoding(space, Activity.of(space))


MIXED = encoding_of(SPACES["mixed"])


def test_it_finds_the_highest_score():
    """In a mixed space with six parameters, to within a step of the floats."""
    peak = MIXED.snap(np.array([[0.31, 0.77, 0.4, 0.9, 0.1, 0.6]]))
    rng = np.random.default_rng(0)
    found = most_promising(
        MIXED, lambda units: -np.abs(units - peak).sum(axis=1), MIXED.defaults[np.newaxis], rng
    )
    np.testing.assert_allclose(found[:1], peak, atol=0.02)


def test_what_never_counts_is_left_out():
    """A score of -inf is not a candidate."""
    rng = np.random.default_rng(0)
    nowhere = most_promising(
        MIXED, lambda units: np.full(len(units), -np.inf), MIXED.defaults[np.newaxis], rng
    )
    assert nowhere.shape == (0, 6)


def test_a_neighbour_differs_and_exists():
    """Each has at least one parameter changed, and only values that exist."""
    rng = np.random.default_rng(0)
    units = MIXED.snap(rng.random((300, 6)))
    neighbours = moved(MIXED, units, 0.01, rng)
    assert (neighbours != units).any(axis=1).all()
    np.testing.assert_allclose(MIXED.snap(neighbours), neighbours, atol=1e-12)


def test_small_steps_still_reach_the_next_value():
    """A whole number goes one up or down, from the ends inwards."""
    encoding = encoding_of(space_of(n=Int(1, 5)))
    units = (np.repeat(np.arange(5), 50)[:, np.newaxis] + 0.5) / 5
    neighbours = moved(encoding, units, 1e-6, np.random.default_rng(0))
    np.testing.assert_allclose(np.abs(neighbours - units), 0.2)


def test_a_choice_goes_to_any_other():
    """Without an order there is no next one."""
    encoding = encoding_of(space_of(act=Choice(("a", "b", "c", "d"))))
    units = np.full((200, 1), 0.125)
    neighbours = moved(encoding, units, 0.01, np.random.default_rng(0))
    assert set(neighbours[:, 0]) == {0.375, 0.625, 0.875}


def test_what_is_not_reached_does_not_move():
    """Steps are spent where they make a difference."""
    encoding = encoding_of(SPACES["conditional"])
    units = encoding.snap(np.random.default_rng(0).random((200, len(encoding.space))))
    neighbours = moved(encoding, units, 0.1, np.random.default_rng(1))
    assert not ((neighbours != units) & ~encoding.reached(units)).any()


def test_one_value_cannot_move():
    """A one-value range among others is passed over without harm."""
    encoding = encoding_of(space_of(a=Int(3, 3), b=Float(1.0, 1.0)))
    units = encoding.snap(np.full((5, 2), 0.5))
    np.testing.assert_array_equal(moved(encoding, units, 0.1, np.random.default_rng(0)), units)
