"""The Pareto front: who is on it, how much it covers, which point is balanced."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.pareto_front import (
    Scale,
    by_balance,
    hypervolume,
    is_on_front,
    layers,
    most_balanced,
    spread,
)

Points = list[tuple[float, float]]
points = st.lists(st.tuples(*(st.integers(0, 9) for _ in range(2))), min_size=1, max_size=20)


def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Say so by the definition."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


@given(points)
def test_the_front_is_what_nothing_dominates(found: Points) -> None:
    """By the definition; of equal points the first alone."""
    expected = [
        not any(dominates(q, p) for q in found) and p not in found[:k] for k, p in enumerate(found)
    ]
    assert is_on_front(np.array(found, dtype=float)).tolist() == expected


@given(points)
def test_each_layer_is_the_front_of_the_rest(found: Points) -> None:
    """Layer 0 is the front, layer 1 that of what is left, and every layer has a point."""
    losses = np.array(found, dtype=float)
    depth = layers(losses)
    assert sorted(set(depth.tolist())) == list(range(int(depth.max()) + 1))
    for k in range(int(depth.max()) + 1):
        left = depth >= k
        assert (depth[left] == k).tolist() == is_on_front(losses[left]).tolist()


@given(points)
def test_hypervolume_counts_the_dominated_cells(found: Points) -> None:
    """On whole numbers it is the number of unit squares that some point is below and left of."""
    losses = np.array(found, dtype=float)
    cells = sum(any(p[0] <= x and p[1] <= y for p in found) for x in range(8) for y in range(8))
    assert hypervolume(losses, np.array([8.0, 8.0])) == cells


def test_hypervolume_of_three_objectives() -> None:
    """Two boxes of 8 that share a cube of 1, and a point beyond the reference."""
    losses = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    # (3-0)(3-1)(3-1) + (3-1)(3-0)(3-0) - (3-1)(3-1)(3-1)
    assert hypervolume(losses, np.full(3, 3.0)) == pytest.approx(12 + 18 - 8)


def test_the_scale_is_the_front_s() -> None:
    """0 is the best of a column, 1 where the front ends; a point behind it lies beyond 1."""
    losses = np.array([[0.0, 30.0], [10.0, 20.0], [20.0, 80.0]])
    assert Scale(losses)(losses).tolist() == [[0.0, 1.0], [1.0, 0.0], [2.0, 6.0]]


def test_what_spans_a_hundredfold_is_compared_by_ratios() -> None:
    """So do numbers of weights; maximized ones, whose losses are negative, as well."""
    sizes = np.array([1e2, 1e4, 1e6])
    losses = np.column_stack([sizes, -sizes])
    shares = Scale(losses)(losses)
    assert shares[:, 0].tolist() == pytest.approx([0.0, 0.5, 1.0])
    assert shares[:, 1].tolist() == pytest.approx([1.0, 0.5, 0.0])


def test_one_point_has_a_scale() -> None:
    """Nothing is divided by zero."""
    losses = np.array([[3.0, 0.0], [3.0, 0.0]])
    assert Scale(losses)(losses).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_the_balanced_point_comes_first_then_its_layer_then_the_others() -> None:
    """The ends of a front are as far from the ideal as they can be."""
    losses = np.array([[0.0, 10.0], [2.0, 2.0], [10.0, 0.0], [3.0, 3.0]])
    assert by_balance(losses).tolist() == [1, 0, 2, 3]
    assert most_balanced(losses) == 1
    assert by_balance(np.empty((0, 2))).tolist() == []


def test_spread_points_lie_far_apart() -> None:
    """From the middle to one end, then to the other; all of them where there are no more."""
    losses = np.array([[0.0, 4.0], [1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [4.0, 0.0]])
    assert spread(losses, 3, first=2) == [2, 0, 4]
    assert sorted(spread(losses, 9, first=2)) == [0, 1, 2, 3, 4]
