"""Outcomes of validation rows: kept small, told apart by their rows, joined over folds."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.core.row_scores import MOST_ROWS, RowScores, matching_row_scores, of_rows

RIGHT = np.array([True, False, True, True])


def rows(values: np.ndarray, truth: object = None) -> RowScores:
    """Return outcomes, which must be there."""
    found = of_rows(values, np.arange(len(values)) if truth is None else truth)
    assert found is not None
    return found


def test_they_are_what_was_given() -> None:
    """Rights and wrongs take a byte each, numbers four."""
    shares, losses = rows(RIGHT), rows(np.array([0.5, 1.5, 4.0]))
    assert (shares.values.tolist(), shares.n_rows, shares.is_share) == (RIGHT.tolist(), 4, True)
    assert (losses.values.tolist(), losses.n_rows, losses.is_share) == ([0.5, 1.5, 4.0], 3, False)
    assert (len(shares.data), len(losses.data)) == (4, 12)
    assert (shares.mean, losses.mean) == (0.75, 2.0)


@pytest.mark.parametrize("values", [np.array([0.1, np.nan]), np.array([0.1, np.inf]), RIGHT[:1]])
def test_nothing_is_made_of_too_little(values: np.ndarray) -> None:
    """Of one row, or of numbers that are not finite."""
    assert of_rows(values, np.arange(len(values))) is None


def test_rows_are_told_by_their_truth() -> None:
    """Equal truths are the same rows, whatever the predictions; other orders are others."""
    labels = np.array([0, 1, 1, 0])
    assert rows(RIGHT, labels).rows == rows(~RIGHT, labels.copy()).rows
    assert rows(RIGHT, labels).rows != rows(RIGHT, labels[[1, 0, 2, 3]]).rows
    names = np.array(["a", "b", "b", "a"], dtype=object)
    assert rows(RIGHT, names).rows == rows(RIGHT, names.copy()).rows
    assert rows(RIGHT, names).rows != rows(RIGHT, names[::-1][[1, 0, 2, 3]]).rows


def test_of_many_rows_a_sample_is_kept() -> None:
    """The same ones in every trial."""
    many = np.random.default_rng(0).random(MOST_ROWS + 5000)
    one, other = rows(many), rows(many + 1)
    assert one.n_rows == MOST_ROWS
    assert np.allclose(other.values - one.values, 1.0)
    assert one.mean == pytest.approx(0.5, abs=0.01)


def test_folds_are_joined_where_the_value_is_their_mean() -> None:
    """That of the folds or that of all rows; in their order."""
    one, two = rows(RIGHT), rows(np.array([True, False]))
    scores = [one.mean, two.mean]
    for value in (0.625, 4 / 6, 0.62502):
        found = matching_row_scores(value, scores, [one, two])
        assert found is not None
        assert found.values.tolist() == [*RIGHT.tolist(), True, False]
    swapped = matching_row_scores(0.625, scores[::-1], [two, one])
    assert swapped is not None
    assert swapped.rows != found.rows


def test_a_score_that_is_the_value_is_taken_alone() -> None:
    """A score of the training rows beside that of the validation rows does no harm."""
    train, val = rows(np.ones(4, dtype=bool)), rows(RIGHT)
    assert matching_row_scores(0.75, [1.0, 0.75], [train, val]) == val


def test_rows_that_are_not_the_value_are_not_taken() -> None:
    """A cell that ends in an F1 and scores the accuracy too."""
    assert matching_row_scores(0.7, [0.75], [rows(RIGHT)]) is None
    assert matching_row_scores(0.7, [], []) is None


def test_what_is_known_of_folds_is_known_of_all() -> None:
    """The groups that were cut, and the worst row; the sign of a loss turns the latter."""
    folds = [
        of_rows(np.array([0.5, 0.1]), [k, 1], groups=["a", k], split_groups=k / 2, worst=9.0 + k)
        for k in range(2)
    ]
    known = [one for one in folds if one is not None]
    whole = matching_row_scores(0.3, [0.3, 0.3], known)
    turned = matching_row_scores(-0.3, [0.3, 0.3], known)
    assert whole is not None
    assert turned is not None
    assert (whole.split_groups, whole.worst, turned.worst) == (0.25, 10.0, -10.0)
    parts = [["a", "a", "b"], ["a", "b", "b"]]
    told = [of_rows(np.array([0.3, 0.2, 0.4]), [k], groups=g) for k, g in enumerate(parts)]
    found = matching_row_scores(0.3, [0.3, 0.3], [one for one in told if one is not None])
    assert found is not None
    assert found.split_groups == 1.0
