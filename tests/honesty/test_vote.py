"""Votes of several models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.honesty.vote import vote

LABELS = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 3), min_size=n, max_size=n), min_size=1, max_size=7)
)


@pytest.mark.parametrize("kind", [int, float, str])
def test_votes_1_1_3_give_1(kind: type) -> None:
    """And not 1.67, whatever type the labels have."""
    one, three = kind(1), kind(3)
    assert vote([[one], [one], [three]]).tolist() == [one]


def test_a_tie_goes_to_the_best_model() -> None:
    """Of 2, 1, 1, 2 both labels have two votes; the best model's own wins, not the smaller."""
    assert vote([[2], [1], [1], [2]]).tolist() == [2]
    assert vote([[3], [1], [1], [2], [2]]).tolist() == [1]


def test_probabilities_and_numbers_are_averaged() -> None:
    """Of shape (rows, classes), and of one number a row."""
    mean = vote([[[0.9, 0.1]], [[0.4, 0.6]]])
    assert mean.tolist() == [[pytest.approx(0.65), pytest.approx(0.35)]]
    assert vote([[1.5, 2.0], [2.5, 2.0]]).tolist() == [2.0, 2.0]
    assert vote([[[0.0, 1.0]], [[1.0, 0.0]]]).tolist() == [[0.5, 0.5]]  # saturated, but no labels


def test_whole_numbers_can_be_said_to_be_none() -> None:
    """Counts that happen to be whole are averaged where the caller says so."""
    assert vote([[1.0], [1.0], [4.0]], are_labels=False).tolist() == [2.0]


@given(votes=LABELS)
def test_a_label_with_more_than_half_the_votes_wins(votes: list[list[int]]) -> None:
    """Whatever the order of the models; and the winner is always somebody's vote."""
    won = vote(votes)
    for row, label in enumerate(won):
        cast = [one[row] for one in votes]
        assert label in cast
        assert cast.count(label) == max(map(cast.count, cast))


def test_booleans_are_labels() -> None:
    """They have no mean."""
    assert vote([[True], [True], [False]]).tolist() == [True]


def test_what_cannot_be_put_together_is_an_error() -> None:
    """No model, or models that speak of different rows."""
    with pytest.raises(ValueError, match="1 model or more, got none"):
        vote([])
    with pytest.raises(ValueError, match=r"differ in shape: \[\(1,\), \(2,\)\]"):
        vote([[1], [1, 2]])
