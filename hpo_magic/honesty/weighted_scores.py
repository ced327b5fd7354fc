"""Score many settings at once on validation rows that carry weights.

A resampled validation set is a set of weights: how often each row was drawn. A mean over rows is a
product of matrices then, AUC and F1 need counts and ranks. All scores are higher is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray

Choices = npt.NDArray[np.intp]


class RowMetric(Protocol):
    """The predictions of some settings on the rows of one validation set, and how to score them."""

    @property
    def n_settings(self) -> int:
        """How many settings were scored."""

    @property
    def n_rows(self) -> int:
        """How many validation rows there are."""

    def scores(self, weights: FloatArray) -> FloatArray:
        """Return the score of each setting under each weighting.

        Parameters
        ----------
        weights : shape (n_draws, n_rows)
            How often each row counts.

        Returns
        -------
        shape (n_draws, n_settings); NaN where these rows have no score, such as an AUC of one
        class.
        """

    def scores_of(self, choices: Choices, weights: FloatArray) -> FloatArray:
        """Return for each weighting the score of one setting.

        Parameters
        ----------
        choices : shape (n_draws,)
            Which setting.
        weights : shape (n_draws, n_rows)

        Returns
        -------
        shape (n_draws,); NaN where these rows have no score.
        """


@dataclass(frozen=True)
class Means:
    """Metrics that are means over rows: accuracy, or a loss with its sign changed.

    Parameters
    ----------
    values : shape (n_settings, n_rows)
        What each row adds; finite.
    """

    values: FloatArray

    @property
    def n_settings(self) -> int:
        """How many settings were scored."""
        return len(self.values)

    @property
    def n_rows(self) -> int:
        """How many validation rows there are."""
        return int(self.values.shape[1])

    def scores(self, weights: FloatArray) -> FloatArray:
        """Return the weighted mean of each setting's rows.

        `weights` has the shape (n_draws, n_rows), the result (n_draws, n_settings).
        """
        return _ratio(weights @ self.values.T, weights.sum(axis=1, keepdims=True))

    def scores_of(self, choices: Choices, weights: FloatArray) -> FloatArray:
        """Return the weighted mean of one setting's rows for each weighting.

        `choices` has the shape (n_draws,), `weights` (n_draws, n_rows), the result (n_draws,).
        """
        totals = np.einsum("bn,bn->b", self.values[choices], weights)
        return _ratio(totals, weights.sum(axis=1))


@dataclass(frozen=True)
class Auc:
    """Area under the ROC curve, of two classes.

    Parameters
    ----------
    truth : shape (n_rows,)
        Whether each row is of the positive class.
    predicted : shape (n_settings, n_rows)
        The higher, the likelier to be positive.
    """

    truth: npt.NDArray[np.bool_]
    predicted: FloatArray

    @property
    def n_settings(self) -> int:
        """How many settings were scored."""
        return len(self.predicted)

    @property
    def n_rows(self) -> int:
        """How many validation rows there are."""
        return int(self.predicted.shape[1])

    def scores(self, weights: FloatArray) -> FloatArray:
        """Return the share of pairs (positive, negative) in the right order; a tie is half.

        `weights` has the shape (n_draws, n_rows), the result (n_draws, n_settings).
        """
        return np.stack([self._one(i, weights) for i in range(self.n_settings)], axis=1)

    def scores_of(self, choices: Choices, weights: FloatArray) -> FloatArray:
        """Return the area of one setting for each weighting.

        `choices` has the shape (n_draws,), `weights` (n_draws, n_rows), the result (n_draws,).
        """
        found = np.full(len(weights), np.nan)
        for setting in np.unique(choices):
            of_it = choices == setting
            found[of_it] = self._one(setting, weights[of_it])
        return found

    def _one(self, setting: int, weights: FloatArray) -> FloatArray:
        _, place = np.unique(self.predicted[setting], return_inverse=True)
        order = np.argsort(place, kind="stable")
        begins = np.flatnonzero(np.diff(place[order], prepend=-1))
        positive = np.add.reduceat((weights * self.truth)[:, order], begins, axis=1)
        negative = np.add.reduceat((weights * ~self.truth)[:, order], begins, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return _ratio((positive * below).sum(axis=1), pairs)


@dataclass(frozen=True)
class F1:
    """F1 of two classes: the harmonic mean of precision and recall.

    Parameters
    ----------
    truth : shape (n_rows,)
        Whether each row is of the positive class.
    predicted : shape (n_settings, n_rows)
        Whether each row is said to be of it.
    """

    truth: npt.NDArray[np.bool_]
    predicted: npt.NDArray[np.bool_]

    @property
    def n_settings(self) -> int:
        """How many settings were scored."""
        return len(self.predicted)

    @property
    def n_rows(self) -> int:
        """How many validation rows there are."""
        return int(self.predicted.shape[1])

    def scores(self, weights: FloatArray) -> FloatArray:
        """Return 2 TP / (2 TP + FP + FN), 0 where nothing is positive, as scikit-learn has it.

        `weights` has the shape (n_draws, n_rows), the result (n_draws, n_settings).
        """
        true_positive = weights @ (self.predicted & self.truth).T.astype(np.float64)
        said = weights @ self.predicted.T.astype(np.float64)
        there = (weights @ self.truth.astype(np.float64))[:, None]
        return np.asarray(np.nan_to_num(_ratio(2 * true_positive, said + there)))

    def scores_of(self, choices: Choices, weights: FloatArray) -> FloatArray:
        """Return the F1 of one setting for each weighting.

        `choices` has the shape (n_draws,), `weights` (n_draws, n_rows), the result (n_draws,).
        """
        chosen = self.predicted[choices]
        true_positive = np.einsum("bn,bn->b", weights, (chosen & self.truth).astype(np.float64))
        said = np.einsum("bn,bn->b", weights, chosen.astype(np.float64))
        there = weights @ self.truth.astype(np.float64)
        return np.asarray(np.nan_to_num(_ratio(2 * true_positive, said + there)))


def _ratio(totals: FloatArray, of: FloatArray) -> FloatArray:
    """Return totals / of; NaN where `of` is 0.

    `of` broadcasts to the shape of `totals`, which is that of the result.
    """
    return np.asarray(np.where(of > 0, totals / np.where(of > 0, of, 1.0), np.nan))
