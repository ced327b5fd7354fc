"""`hp.score`: the score of predictions, and the score of each row.

Metrics that are means over rows have names ("accuracy", "mae"); any other metric is a function that
the user gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.groups import share_of_split_groups
from hpo_magic.core.row_scores import RowOrder, RowScores, of_rows
from hpo_magic.errors import MetricError
from hpo_magic.language.first_order import rows_to_first_order
from hpo_magic.language.row_metrics import (
    Array,
    is_metric,
    scores_by_row,
    usual_name,
    worst_of,
)

Metric = str | Callable[..., Any]


def _nothing() -> None:
    """Return that there are no scores to first order."""


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
    is_of_fit
        Whether a fit took it of rows that it held out, such as an out-of-bag score.
    to_first_order
        Returns the score of each row to first order (`first_order`), shape (n_rows,), where the
        metric is no mean over rows; None if that is not known. Called only for the trial's own
        score: it takes up to half a millisecond.
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
    is_of_fit: bool = False
    to_first_order: Callable[[], Array | None] = field(default=_nothing, compare=False)

    @cached_property
    def linear(self) -> Array | None:
        """The result of `to_first_order`, computed once."""
        return self.to_first_order()

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
        to_first_order=lambda: None if score.linear is None else -score.linear,
        on_rows=lambda i: -score.on_rows(i),
    )


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
        to_first_order=lambda: rows_to_first_order(name, truth, predicted, value),
    )


def _rows_like(name: str, value: float, truth: Array, predicted: Array) -> Array | None:
    """Return the score of each row for a function of scikit-learn with a known name; else None."""
    if not is_metric(name):
        return None
    try:
        rows = scores_by_row(name, truth, predicted)
    except MetricError:
        return None
    is_the_same = math.isclose(float(rows.mean(dtype=np.float64)), value, rel_tol=1e-6)
    return rows if is_the_same else None


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
