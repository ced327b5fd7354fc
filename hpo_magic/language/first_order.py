"""Scores of rows for metrics that are no means over rows, such as AUC, F1 or RMSE: to first order.

A row gets the metric's value plus n times its derivative by the weight of the row. So the mean over
the rows is the value, and the mean over resampled rows is the metric on these, but for terms of
second order: the infinitesimal jackknife (Efron, "The Jackknife, the Bootstrap and Other Resampling
Plans", 1982, chapter 6).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.language.confusion import OF_LABELS, rows_of_labels

Array = npt.NDArray[Any]
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
# Keras computes AUC from 200 thresholds, LightGBM by scores that are rounded otherwise: they differ
# by up to so much from that by ranks.
AUC_TOLERANCE = 0.01
# How near the metric must be to that of the rows.
SAME = 1e-6


def rows_to_first_order(
    name: str,
    truth: Array,
    predicted: Array,
    value: float,
    options: Mapping[str, Any] = NO_OPTIONS,
    *,
    tolerance: float = SAME,
) -> Array | None:
    """Return a score for each row whose mean is `value`; None where that cannot be told.

    Parameters
    ----------
    name, options
        Of a function of scikit-learn's, and the further arguments that it was given.
    truth, predicted : shape (n_rows,)
        The true values, and the predictions or scores.
    value
        What the metric is on all rows.
    tolerance
        How near that must be to the metric as it is computed here, relative to it.

    Returns
    -------
    None for other metrics, options and shapes: if the metric on these rows, as it is computed here,
    is another number than `value`.

    Examples
    --------
    >>> rows = rows_to_first_order("roc_auc_score", np.array([0, 0, 1]), np.array([1, 3, 2]), 0.5)
    >>> [round(float(row), 3) for row in rows]
    [1.25, -0.25, 0.5]
    """
    if truth.ndim != 1 or predicted.shape != truth.shape or name not in METRICS:
        return None
    if name in OF_LABELS:
        rows = rows_of_labels(name, truth, predicted, options)
    else:
        rows = _BY_NAME[name](truth, predicted)
    if rows is None or not np.isfinite(rows).all():
        return None
    mean = float(rows.mean())
    is_it = math.isclose(mean, value, rel_tol=tolerance, abs_tol=tolerance)
    return rows + (value - mean) if is_it else None


def _auc(truth: Array, scores: Array) -> Array | None:
    """Return the rows of the area under the ROC curve, by the ranks within the other class.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves" (Biometrics 1988).
    """
    is_positive = _positives(truth)
    if is_positive is None:
        return None
    high, low = scores[is_positive], scores[~is_positive]
    placed = np.empty(len(truth))
    placed[is_positive] = _share_below(low, high)
    placed[~is_positive] = 1 - _share_below(high, low)
    value = placed[is_positive].mean()
    shares = np.where(is_positive, is_positive.mean(), 1 - is_positive.mean())
    return np.asarray(value + (placed - value) / shares)


def _share_below(values: Array, at: Array) -> Array:
    """Return which share of `values`, shape (m,), is below each of `at`, shape (n,); ties half."""
    ordered = np.sort(values)
    below = np.searchsorted(ordered, at, "left") + np.searchsorted(ordered, at, "right")
    return np.asarray(below / (2 * len(values)))


def _average_precision(truth: Array, scores: Array) -> Array | None:
    """Return the rows of the mean precision at the thresholds of the positive rows."""
    is_positive = _positives(truth)
    if is_positive is None:
        return None
    levels, place = np.unique(-scores, return_inverse=True)  # the highest score first
    n_at = np.bincount(place, minlength=len(levels)).cumsum()
    positives = np.bincount(place, weights=is_positive, minlength=len(levels))
    precision = positives.cumsum() / n_at
    n_positive = is_positive.sum()
    value = float((positives * precision).sum() / n_positive)
    # A row counts at its own threshold and at all that are lower.
    from_here = (positives / n_at)[::-1].cumsum()[::-1]
    paid = (positives * precision / n_at)[::-1].cumsum()[::-1]
    slopes = is_positive * (precision[place] - value + from_here[place]) - paid[place]
    return np.asarray(value + len(truth) * slopes / n_positive)


def _positives(truth: Array) -> Array | None:
    """Return which rows are of the second of two classes; None if there are not two."""
    classes = np.unique(truth)
    return np.asarray(truth == classes[1]) if len(classes) == 2 else None


def _percentages(truth: Array, predicted: Array) -> Array:
    least = np.finfo(np.float64).eps
    return np.asarray(np.abs(predicted - truth) / np.maximum(np.abs(truth), least))


def _squares(truth: Array, predicted: Array) -> Array:
    return np.asarray((predicted.astype(np.float64) - truth) ** 2)


def _squares_of_logs(truth: Array, predicted: Array) -> Array:
    return np.asarray((np.log1p(predicted) - np.log1p(truth)) ** 2)


def _brier(truth: Array, chances: Array) -> Array | None:
    is_positive = _positives(truth)
    return None if is_positive is None else np.asarray((chances - is_positive) ** 2)


def _root(rows: Array) -> Array | None:
    """Return the rows of the root of a mean."""
    value = math.sqrt(rows.mean())
    return None if value == 0 else np.asarray(value + (rows - value**2) / (2 * value))


_BY_NAME: Mapping[str, Callable[[Array, Array], Array | None]] = {
    "roc_auc_score": _auc,
    "average_precision_score": _average_precision,
    "brier_score_loss": _brier,
    "mean_absolute_percentage_error": _percentages,
    "mean_squared_log_error": _squares_of_logs,
    "root_mean_squared_error": lambda y, p: _root(_squares(y, p)),
    "root_mean_squared_log_error": lambda y, p: _root(_squares_of_logs(y, p)),
}
# The functions of scikit-learn whose rows are told.
METRICS = (*OF_LABELS, *_BY_NAME)
