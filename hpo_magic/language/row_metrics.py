"""The score of each row: metrics that are means over rows, by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.errors import MetricError, did_you_mean

Array = npt.NDArray[Any]

# Probabilities of 0 have an infinite loss; scikit-learn clips them at the same place.
LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
MIDDLE = 0.5  # of a probability


def scores_by_row(metric: str, truth: Array, predicted: Array) -> Array:
    """Return the score of each row, shape (n_rows,); booleans for "accuracy" and "error".

    Raises
    ------
    MetricError
        As `scored`.
    """
    if metric not in _ALIASES:
        raise MetricError(
            f"hp.score({metric!r}): no such metric.{did_you_mean(metric, _ALIASES)} There are: "
            f"{', '.join(_BY_ROW)}. For another one give the function itself: "
            f"hp.score(f1_score, y_true, y_pred)."
        )
    return _BY_ROW[_ALIASES[metric]](truth, predicted)


def is_metric(name: str) -> bool:
    """Return whether `hp.score` knows a metric of this name."""
    return name in _ALIASES


def usual_name(metric: str) -> str:
    """Return the name that `hp.score` has for a metric; any other name as it is.

    >>> usual_name("accuracy_score")
    'accuracy'
    """
    return _ALIASES.get(metric, metric)


def worst_of(metric: str, predicted: Array) -> float | None:
    """Return the largest loss that a row could have had, had its label been the next likely one.

    None for other metrics than log-loss.

    >>> round(worst_of("log_loss", np.array([[0.9, 0.1], [1.0, 0.0]])), 1)
    36.0
    """
    if _ALIASES.get(metric) != "log_loss" or predicted.dtype.kind not in "fbiu":
        return None
    p = _of_classes(predicted)
    next_likely = np.partition(p, -2, axis=1)[:, -2]
    return -math.log(float(next_likely.min()))


def labels_of(predicted: Array, truth: Array) -> Array:
    """Return the predicted labels, shape (n_rows,).

    `predicted` has the shape (n_rows, n_classes) with a probability for each class, in the order of
    the sorted classes; or (n_rows,) or (n_rows, 1) with labels, or with the probability of the
    second of two classes.
    """
    if predicted.ndim > 1 and predicted.shape[1] > 1:
        return np.asarray(_classes(truth, predicted.shape[1])[predicted.argmax(axis=1)])
    flat = predicted.reshape(len(predicted))
    if not _are_probabilities(flat) or truth.dtype.kind not in "biuf":
        return flat
    return np.asarray(flat > MIDDLE)


def _right(truth: Array, predicted: Array) -> Array:
    labels, given = _flat_labels(truth), labels_of(predicted, _flat_labels(truth))
    if labels.ndim > 1:  # several labels for each row: all of them must be right
        return np.asarray((labels == given.reshape(labels.shape)).reshape(len(labels), -1).all(1))
    return np.asarray(labels == given)


def _wrong(truth: Array, predicted: Array) -> Array:
    return ~_right(truth, predicted)


def _absolute(truth: Array, predicted: Array) -> Array:
    return np.asarray(np.abs(_apart(truth, predicted)).mean(axis=1))


def _squared(truth: Array, predicted: Array) -> Array:
    return np.asarray((_apart(truth, predicted) ** 2).mean(axis=1))


def _log_loss(truth: Array, predicted: Array) -> Array:
    labels, p = _flat_labels(truth), _of_classes(predicted)
    places = np.searchsorted(_classes(labels, p.shape[1]), labels)
    return np.asarray(-np.log(p[np.arange(len(p)), places]))


def _of_classes(predicted: Array) -> Array:
    """Return a probability for each class, none of them 0; shape (n_rows, n_classes)."""
    p = np.clip(predicted.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    if p.ndim == 1 or p.shape[1] == 1:
        p = np.stack([1 - p.reshape(len(p)), p.reshape(len(p))], axis=1)
    return p


def _explained(truth: Array, predicted: Array) -> Array:
    """Return 1 - e²/s², whose mean is R²; s² is the variance of the true values."""
    apart = _apart(truth, predicted)
    spread = truth.reshape(len(truth), -1).astype(np.float64).var(axis=0)
    if (spread == 0).any():
        raise MetricError("hp.score(r2): all true values are the same, so there is no R².")
    return np.asarray((1 - apart**2 / spread).mean(axis=1))


_BY_ROW: dict[str, Callable[[Array, Array], Array]] = {
    "accuracy": _right,
    "error": _wrong,
    "mae": _absolute,
    "mse": _squared,
    "log_loss": _log_loss,
    "r2": _explained,
}
# Names of the same metrics in scikit-learn and Keras.
_ALIASES = {
    **{name: name for name in _BY_ROW},
    "accuracy_score": "accuracy",
    "zero_one_loss": "error",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "r2_score": "r2",
    "logloss": "log_loss",
    "crossentropy": "log_loss",
}


def _apart(truth: Array, predicted: Array) -> Array:
    """Return the differences; shape (n_rows, n_outputs)."""
    one, other = truth.reshape(len(truth), -1), predicted.reshape(len(predicted), -1)
    if one.shape != other.shape or one.dtype.kind not in "biufO":
        raise MetricError(
            f"hp.score: these are no numbers to be compared row by row: y_true has the shape "
            f"{truth.shape} ({truth.dtype}), y_pred {predicted.shape} ({predicted.dtype})."
        )
    return np.asarray(other.astype(np.float64) - one.astype(np.float64))


def _flat_labels(truth: Array) -> Array:
    """Return labels, shape (n_rows,): for one-hot rows the index of the 1."""
    if truth.ndim == 1 or truth.size == len(truth):
        return truth.reshape(len(truth))
    is_one_hot = truth.dtype.kind in "biuf" and truth.ndim == 2
    if is_one_hot and ((truth == 0) | (truth == 1)).all() and (truth.sum(axis=1) == 1).all():
        return np.asarray(truth.argmax(axis=1))
    return truth


def _classes(truth: Array, n_columns: int) -> Array:
    """Return the label of each column of probabilities."""
    found = np.unique(truth)
    if found.dtype.kind in "biu" and len(found) and found.min() >= 0 and found.max() < n_columns:
        return np.arange(n_columns)
    if len(found) == n_columns:
        return found
    raise MetricError(
        f"hp.score: y_pred has {n_columns} columns, and which label each stands for cannot be told "
        f"from the {len(found)} labels in y_true. Give labels: model.predict(…)."
    )


def _are_probabilities(flat: Array) -> bool:
    is_between = flat.dtype.kind == "f" and bool(((flat >= 0) & (flat <= 1)).all())
    return is_between and not bool(((flat == 0) | (flat == 1)).all())
