"""Whether a trial's value is measured on the rows that its models were fitted to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from hpo_magic.core.log import suppressed
from hpo_magic.core.notices import ON_TRAINING_ROWS
from hpo_magic.core.ports import Fit
from hpo_magic.core.row_scores import folds
from hpo_magic.language.trial_context import TrialContext

# Two numbers that differ by less, relative to them, may be the same.
SAME = 1e-6
# Fewer true values may be the same in two sets by chance.
FEWEST_ROWS = 10


class Measured(NamedTuple):
    """A number that the trial measured, and what on: true values, or the data set with them."""

    metric: str
    value: float
    target: Any


def on_training_rows(value: float, trial: TrialContext, fits: Sequence[Fit]) -> str:
    """Return what is said of a value that was measured on training rows; "" if it was not.

    Nothing is said where the trial fitted models to different rows, unless each was measured on its
    own, nor where a number of other rows has the same value.
    """
    with suppressed("whether a value is of the training rows could not be found out"):
        if trial.trained and _is_told(value, trial, fits):
            return ON_TRAINING_ROWS
    return ""


def _is_told(value: float, trial: TrialContext, fits: Sequence[Fit]) -> bool:
    means = [_mean([one.value for one in group]) for group in trial.observed if len(group) > 1]
    if any(_is(value, other) for other in (*means, *_of_validation(fits))):
        return False
    measured = list(_measured(trial))
    rivals = [one for one in measured if _is(value, one.value)]
    if rivals:
        return all(_are_same(one.target, y) for one in rivals for y in trial.trained)
    metrics = dict.fromkeys(one.metric for one in measured)
    by_metric = ([one for one in measured if one.metric == metric] for metric in metrics)
    return any(_are_folds(value, taken, trial.trained) for taken in by_metric)


def _measured(trial: TrialContext) -> Iterator[Measured]:
    """Yield the numbers that are no mean over folds."""
    for one in (*trial.scored, *(group[0] for group in trial.observed if len(group) == 1)):
        is_held_out = one.is_of_fit or one.n_folds > 1
        yield Measured(one.metric, one.value, None if is_held_out else one.truth)
    for numbers, target in trial.evaluated:
        yield from (Measured(name, number, target) for name, number in numbers.items())


def _of_validation(fits: Sequence[Fit]) -> Iterator[float]:
    """Yield what the fits measured on validation data at the epoch that they leave."""
    for fit in fits:
        epoch = fit.epochs[fit.final] if fit.epochs else {}
        yield from (number for name, number in epoch.items() if not fit.is_of_training(name))


def _are_folds(value: float, taken: Sequence[Measured], trained: Sequence[Any]) -> bool:
    """Return whether the value is the mean over models, each measured on the rows of its fit."""
    for places in folds(len(taken)):
        chosen = [taken[k] for k in places]
        if len(chosen) == len(trained) > 1 and _is(value, _mean([one.value for one in chosen])):
            pairs = zip(chosen, trained, strict=True)
            return all(_are_same(one.target, y) for one, y in pairs)
    return False


def _are_same(target: Any, fitted: Any) -> bool:
    """Return whether these are the same true values, or one and the same data set."""
    if target is None or fitted is None:
        return False
    if not (hasattr(fitted, "__len__") and hasattr(target, "__len__")):
        return target is fitted
    one, other = np.asarray(target), np.asarray(fitted)
    if other.ndim == 2 and one.ndim == 1 and other.shape[1] > 1:
        other = other.argmax(axis=1)  # a column for each class
    is_long = one.ndim > 0 and len(one) >= FEWEST_ROWS
    return is_long and one.size == other.size and _varies(one) and _are_equal(one, other)


def _are_equal(one: Any, other: Any) -> bool:
    return np.array_equal(one.reshape(-1), other.reshape(-1))


def _varies(values: Any) -> bool:
    return bool((values != values[0]).any())


def _is(value: float, number: float) -> bool:
    """Return whether a value is a number, or has its sign changed."""
    return math.isclose(abs(value), abs(number), rel_tol=SAME, abs_tol=SAME)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
