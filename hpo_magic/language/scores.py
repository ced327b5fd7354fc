"""`hp.score`: the score of predictions, and the score of each row.

Metrics that are means over rows have names ("accuracy", "mae"); any other metric is a function that
the user gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.errors import MetricError, did_you_mean

Metric = str | Callable[..., Any]
Array = npt.NDArray[Any]

# Probabilities of 0 have an infinite loss; scikit-learn clips them at the same place.
LEAST_PROBABILITY = float(np.finfo(np.float64).eps)
MIDDLE = 0.5  # of a probability


@dataclass(frozen=True)
class Scored:
    """One score of one set of predictions.

    Parameters
    ----------
    metric
        Its name.
    value
        The score.
    rows : shape (n_rows,)
        Score of each row; `value` is their mean. None: the metric is not a mean over rows.
    truth, predicted : shape (n_rows, ...)
        The true values and the predictions.
    on_rows
        Returns the score of some of the rows, given their indices, shape (n_chosen,).
    """

    metric: str
    value: float
    rows: Array | None = field(compare=False)
    truth: Array = field(compare=False)
    predicted: Array = field(compare=False)
    on_rows: Callable[[npt.NDArray[np.intp]], float] = field(compare=False)


def scored(metric: Metric, y_true: Any, y_pred: Any) -> Scored:
    """Return the score of predictions.

    Parameters
    ----------
    metric
        "accuracy", "error", "mae", "mse" or "log_loss"; or a function of (y_true, y_pred) that
        returns a number, or one for each row (then their mean is the score).
    y_true, y_pred
        As many rows each. For "accuracy" and "error" the predictions are labels or probabilities,
        for "log_loss" probabilities.

    Raises
    ------
    MetricError
        If there is no such metric, or it cannot be computed on these.
    """
    truth, predicted = _array(y_true), _array(y_pred)
    name = _name(metric)
    if truth.ndim == 0 or predicted.ndim == 0 or len(truth) != len(predicted) or not len(truth):
        raise MetricError(
            f"hp.score({name}): y_true and y_pred must have as many rows, 1 or more; their shapes "
            f"are {truth.shape} and {predicted.shape}."
        )
    rows = scores_by_row(metric, truth, predicted) if isinstance(metric, str) else None
    if rows is not None:
        known = rows
        value = float(known.mean(dtype=np.float64))
        return Scored(name, value, rows, truth, predicted, lambda i: float(known[i].mean()))
    assert not isinstance(metric, str)  # `row_scores` knows all names, or raises
    return _scored_by(metric, name, truth, predicted)


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


def _scored_by(metric: Callable[..., Any], name: str, truth: Array, predicted: Array) -> Scored:
    """Return the score that a function of the user's gives."""
    result = _array(metric(truth, predicted))
    if result.shape == (len(truth),):
        rows = result
        value = float(rows.mean(dtype=np.float64))
        return Scored(name, value, rows, truth, predicted, lambda i: float(rows[i].mean()))
    if result.size != 1:
        raise MetricError(
            f"hp.score({name}): the metric must return a number, or one for each of the "
            f"{len(truth)} rows; it returned an array of shape {result.shape}."
        )
    return Scored(
        name,
        float(result.reshape(())),
        _rows_like(name, float(result.reshape(())), truth, predicted),
        truth,
        predicted,
        lambda i: float(_array(metric(truth[i], predicted[i])).reshape(())),
    )


def _rows_like(name: str, value: float, truth: Array, predicted: Array) -> Array | None:
    """Return the score of each row for a function of scikit-learn with a known name; else None."""
    if name not in _ALIASES:
        return None
    try:
        rows = scores_by_row(name, truth, predicted)
    except MetricError:
        return None
    is_the_same = math.isclose(float(rows.mean(dtype=np.float64)), value, rel_tol=1e-6)
    return rows if is_the_same else None


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
    labels = _flat_labels(truth)
    p = np.clip(predicted.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    if p.ndim == 1 or p.shape[1] == 1:
        p = np.stack([1 - p.reshape(len(p)), p.reshape(len(p))], axis=1)
    places = np.searchsorted(_classes(labels, p.shape[1]), labels)
    return np.asarray(-np.log(p[np.arange(len(p)), places]))


_BY_ROW: dict[str, Callable[[Array, Array], Array]] = {
    "accuracy": _right,
    "error": _wrong,
    "mae": _absolute,
    "mse": _squared,
    "log_loss": _log_loss,
}
# Names of the same metrics in scikit-learn and Keras.
_ALIASES = {
    **{name: name for name in _BY_ROW},
    "accuracy_score": "accuracy",
    "zero_one_loss": "error",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
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


def _name(metric: Metric) -> str:
    if isinstance(metric, str):
        return metric
    name = getattr(metric, "__name__", None) or getattr(metric, "name", None)
    return str(name or type(metric).__name__)


def _array(value: Any) -> Array:
    """Return the value as an array; a tensor of PyTorch is detached from its gradient first."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return np.asarray(value)
