"""`hp.score`: the score of predictions, and the score of each row.

Metrics that are means over rows have names ("accuracy", "mae"); any other metric is a function that
the user gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.groups import share_of_split_groups
from hpo_magic.core.row_scores import RowOrder, RowScores, of_rows
from hpo_magic.errors import MetricError, did_you_mean
from hpo_magic.language.first_order import rows_to_first_order

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
    groups : shape (n_rows,)
        What each row belongs to; None: each to itself.
    order
        What the order of the rows means.
    n_trained
        Training rows; None: not known.
    n_folds
        Number of validation sets that the rows come from.
    split_groups
        The share of the groups that are among the training rows, too; None if not known.
    linear : shape (n_rows,)
        The score of each row to first order (`first_order`), where the metric is no mean over rows;
        None: not known.
    """

    metric: str
    value: float
    rows: Array | None = field(compare=False)
    truth: Array = field(compare=False)
    predicted: Array = field(compare=False)
    on_rows: Callable[[npt.NDArray[np.intp]], float] = field(compare=False)
    groups: Array | None = field(default=None, compare=False)
    order: RowOrder = RowOrder.NONE
    n_trained: float | None = None
    n_folds: int = 1
    split_groups: float | None = None
    linear: Array | None = field(default=None, compare=False)

    def row_scores(self) -> RowScores | None:
        """Return the scores of the rows as they are stored; None where there are none."""
        rows = self.linear if self.rows is None else self.rows
        if rows is None:
            return None
        found = of_rows(
            rows,
            self.truth,
            groups=self.groups,
            n_trained=self.n_trained,
            order=self.order,
            split_groups=self.split_groups,
            worst=worst_of(self.metric, self.predicted),
        )
        if found is None:
            return None
        return replace(found, n_folds=self.n_folds, metric=usual_name(self.metric))


class Split(NamedTuple):
    """A column that a watched library split: its training and its validation rows, and their order.

    The parts have the shapes (n_trained,) and (n_rows,).
    """

    trained: Any
    held_out: Any
    order: RowOrder


def scored(
    metric: Metric, y_true: Any, y_pred: Any, groups: Any = None, order: RowOrder = RowOrder.NONE
) -> Scored:
    """Return the score of predictions.

    Parameters
    ----------
    metric
        "accuracy", "error", "mae", "mse", "log_loss" or "r2"; or a function of (y_true, y_pred)
        that returns a number, or one for each row (then their mean is the score).
    y_true, y_pred
        As many rows each. For "accuracy" and "error" the predictions are labels or probabilities,
        for "log_loss" probabilities.
    groups
        What each row belongs to, as many as there are rows; None: each to itself.
    order
        What the order of the rows means.

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
    known_groups = None if groups is None else _groups(name, groups, len(truth))
    if not isinstance(metric, str):
        found = _scored_by(metric, name, truth, predicted)
        return replace(found, groups=known_groups, order=order)
    rows = scores_by_row(metric, truth, predicted)
    value = float(rows.mean(dtype=np.float64))
    return Scored(
        name,
        value,
        rows,
        truth,
        predicted,
        lambda i: float(rows[i].mean()),
        groups=known_groups,
        order=order,
    )


def with_split(found: Scored, splits: Sequence[Split]) -> Scored:
    """Return the score with what is known of the split that its rows come from.

    That is the split whose validation rows have these true values, and for the share of groups that
    are on both sides the one whose validation rows have these groups.
    """
    for one in reversed(splits):
        if found.n_trained is None and _are_equal(one.held_out, found.truth):
            order = one.order if found.order is RowOrder.NONE else found.order
            found = replace(found, n_trained=float(len(one.trained)), order=order)
        groups = found.groups if found.split_groups is None else None
        if groups is not None and _are_equal(one.held_out, groups):
            share = share_of_split_groups(groups, _array(one.trained))
            found = replace(found, split_groups=share)
    return found


def _are_equal(column: Any, values: Array) -> bool:
    """Return whether a column has these values; shape (n_rows,) each."""
    return len(column) == len(values) and np.array_equal(_array(column), values)


def _groups(name: str, groups: Any, n_rows: int) -> Array:
    found = _array(groups)
    if found.shape != (n_rows,):
        raise MetricError(
            f"hp.score({name}): groups must have one entry for each of the {n_rows} rows; its "
            f"shape is {found.shape}."
        )
    return found


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


def behind_value(value: float | None, scores: Sequence[Scored], n_rows: int | None) -> list[Scored]:
    """Return the last score whose value, or its negative, this is, with that sign; else none.

    None, too, where scores of several sets of rows have this value, such as an accuracy of 1 on
    training and test rows, and none of the sets has `n_rows`.
    """
    if value is None:
        return []
    signed = [one for score in scores for one in (score, _negative(score))]
    found = [one for one in signed if math.isclose(one.value, value, rel_tol=1e-6, abs_tol=1e-12)]
    lengths = {len(one.truth) for one in found}
    if len(lengths) > 1:
        found = [one for one in found if len(one.truth) == n_rows]
    return found[-1:]


def _negative(score: Scored) -> Scored:
    """Return the score with the other sign, as scikit-learn's "neg_" scorers have it."""
    return replace(
        score,
        metric=f"-{usual_name(score.metric)}",
        value=-score.value,
        rows=None if score.rows is None else -score.rows.astype(np.float64),
        linear=None if score.linear is None else -score.linear,
        on_rows=lambda i: -score.on_rows(i),
    )


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
    value = float(result.reshape(()))
    return Scored(
        name,
        value,
        _rows_like(name, value, truth, predicted),
        truth,
        predicted,
        lambda i: float(_array(metric(truth[i], predicted[i])).reshape(())),
        linear=rows_to_first_order(name, truth, predicted, value),
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
