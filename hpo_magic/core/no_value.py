"""Errors for a trial that gives no value: what is there instead, and what to write."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from hpo_magic.core.given_values import (
    NOTHING,
    how_to_choose,
    in_words,
    is_several,
    number,
    numbers_in,
)
from hpo_magic.core.metric_directions import usual_direction
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.errors import CLOSE, MetricError, MissingMetric

# Objectives as an error suggests them.
EXAMPLES = (("maximize", "score"), ("minimize", "loss"))
# Two numbers are the same score up to this share: one of them may be rounded.
SAME = 0.01
# How to have a fit measure on other data than it trains on.
VALIDATE = "Give it validation_data=(x_val, y_val) or validation_split=0.2"
EVALUATE = "Have it evaluate rows that it does not train on"  # in a library that is not Keras


def missing(
    goal: Goal,
    last: Any,
    logged: Mapping[str, float],
    variables: Mapping[str, Any],
    fits: Sequence[Fit],
    *,
    several: bool = False,
) -> MetricError:
    """Return the error for a metric that is missing or is not a number."""
    metric = goal.metric
    if metric in variables:
        return MetricError(f"{metric}: {number_expected(variables[metric])}")
    if isinstance(last, Mapping) and metric in last:
        return MetricError(f"{metric}: {number_expected(last[metric])}")
    if several and is_several(last) and not logged:
        return MetricError(
            f"The cell ends in {in_words(last)}, which gives no names. End it with a dict that "
            f"has all objectives by name, or with a tuple of them, in their order."
        )
    if is_several(last) and not logged:
        return MetricError(f"The end of the cell: {number_expected(last)}")
    if text := _earlier_text(metric, fits) or _by_class_text(metric, fits):
        return MetricError(text)
    holder = next((n for n, v in variables.items() if metric in numbers_in(v)), "")
    if holder and not logged and not several:
        return MetricError(
            f'"{metric}" is in {holder}, a dict of the cell. End the cell in {holder}.'
        )
    names = _numbers_set(variables)
    like = [name for name in names if _is_of_a_score(name) or name.lower() == metric.lower()]
    close = {name.lower(): name for name in like}
    meant = difflib.get_close_matches(metric.lower(), list(close), n=1, cutoff=CLOSE)
    is_no_number = last is not NOTHING and last is not None and not isinstance(last, Mapping)
    if not (logged or meant or several) and is_no_number:
        return MetricError(
            f'The cell ends in {in_words(last)}, which is no number, and sets no "{metric}". End '
            f"it with the score of the trial."
        )
    training, validate = of_training(logged, fits), _validate(fits)
    if metric.startswith("val_") and logged and set(logged) == set(training):
        return MetricError(
            f'The trial finished without the metric "{metric}": the fit had no validation data; it '
            f"measured {_listed(training)} on the training data. {validate}, or end the cell "
            f"with a score on data that it does not train on."
        )
    similar = difflib.get_close_matches(metric, list(logged), n=1)
    option = _option(goal.direction, similar[0] if similar else metric)
    return MissingMetric(
        metric,
        list(logged),
        option,
        is_one_of_several=several,
        of_training=training,
        meant=close[meant[0]] if meant else "",
    )


def nothing_named(
    direction: Direction | None,
    last: Any,
    logged: Mapping[str, float],
    variables: Mapping[str, Any],
    fits: Sequence[Fit],
) -> MetricError:
    """Return the error for a cell without a number to improve, where the user named no metric."""
    if direction is not Direction.MAXIMIZE and (text := _earlier_text("val_loss", fits)):
        return MetricError(text)
    training = of_training(logged, fits)
    if logged and set(logged) == set(training) and not _is_keras(fits):
        return MetricError(
            f"Nothing says which metric the search is to improve. The fit measured "
            f"{_listed(training)} on the training data alone. {EVALUATE} and name that metric, or "
            f"end the cell with a score on such rows."
        )
    if logged and set(logged) == set(training):
        return MetricError(
            f"Nothing says which metric the search is to improve. The fit had no validation data; "
            f"it measured {_listed(training)} on the training data. {VALIDATE}, and write {{0}}, "
            f"or end the cell with a score on data that it does not train on.",
            _validated(direction, training),
        )
    if logged:
        others = [name for name in logged if name not in training]
        name = next((n for n in reversed(others) if usual_direction(n)), others[0])
        return MetricError(
            f"Nothing says which metric the search is to improve. The cell logged: "
            f"{', '.join(logged)}. Write {{0}}, for example.",
            (_option(direction, name), name),
        )
    if last is not NOTHING and last is not None:
        return MetricError(f"The end of the cell: {number_expected(last)}")
    names = [name for name in _numbers_set(variables) if _is_of_a_score(name)]
    if names:
        better = direction or usual_direction(names[-1]) or Direction.MAXIMIZE
        return MetricError(
            f"Nothing says which number the search is to improve. The cell sets "
            f"{_listed(names)}. Write {{0}}, for example, or end the cell with the score.",
            (better.value, names[-1]),
        )
    if last is None:
        return MetricError(
            "There is no number to improve: the result is None. Have a function return the score, "
            "or end the cell with it, and write {0} or {1}.",
            *EXAMPLES,
        )
    return MetricError(
        "The cell gives no number to improve: it does not end in one, and no fit reported one. "
        "End it with the score, and write {0} or {1}.",
        *EXAMPLES,
    )


def _numbers_set(variables: Mapping[str, Any]) -> list[str]:
    """Return the names of the numbers that the cell sets, in their order."""
    return [n for n, v in variables.items() if n[:1] != "_" and number(v) is not None]


def _is_of_a_score(name: str) -> bool:
    """Return whether a variable is a score by its name: that of a known metric, or such a word."""
    words = re.split(r"[\W_\d]+", name.lower())
    return usual_direction(name) is not None or bool({"score", "scores", "best"} & set(words))


def of_training(logged: Mapping[str, float], fits: Sequence[Fit]) -> tuple[str, ...]:
    """Return the names of the metrics that the last fit measured on the training data.

    A number of that name that comes from elsewhere, such as an evaluation, is none of them.
    """
    if not fits or not fits[-1].epochs:
        return ()
    fit = fits[-1]
    epoch = fit.epochs[fit.final]
    return tuple(
        name for name in logged if fit.is_of_training(name) and epoch.get(name) == logged[name]
    )


def training_remark(metric: str, logged: Mapping[str, float], fits: Sequence[Fit]) -> str:
    """Return what is said of an objective that is measured on the training data; else ""."""
    training = of_training(logged, fits)
    if metric not in training:
        return ""
    other = f"val_{metric}"
    if _is_keras(fits):
        way_out = f"Name {other}." if other in logged else f"{VALIDATE}, and name {other}."
    else:
        epoch = fits[-1].epochs[fits[-1].final]
        others = [name for name in epoch if name in logged and name not in training]
        way_out = f"Name {others[-1]}." if others else f"{EVALUATE}, and name that metric."
    return (
        f"{metric} is measured on the training data: the search prefers settings that overfit. "
        f"{way_out}"
    )


def other_end_remark(
    metric: str, last: Any, logged: Mapping[str, float], variables: Mapping[str, Any]
) -> str:
    """Return what is said of a cell that ends in another number than its metric of that name."""
    end = number(last)
    has = logged.get(metric, number(variables.get(metric)))
    if end is None or has is None or math.isclose(end, has, rel_tol=SAME):
        return ""
    return (
        f"The value is the number that the cell ends in, and {metric} is another one. If {metric} "
        f"is meant, end the cell with it."
    )


def _is_keras(fits: Sequence[Fit]) -> bool:
    """Return whether the last fit logs by Keras's names."""
    return bool(fits) and fits[-1].of_training is None


def _validate(fits: Sequence[Fit]) -> str:
    return VALIDATE if _is_keras(fits) else EVALUATE


def _earlier_text(metric: str, fits: Sequence[Fit]) -> str:
    """Return what is said of a metric that the last fit logged at other epochs alone; else ""."""
    epochs = fits[-1].epochs if fits else ()
    at = [str(k) for k, epoch in enumerate(epochs, 1) if metric in epoch]
    if not at:
        return ""
    final = range(len(epochs))[fits[-1].final] + 1
    shown = _listed(at) if len(at) < 8 else f"{_listed(at[:3])}, … {at[-1]}"
    return (
        f'The fit measured "{metric}" at epoch{"s" if len(at) > 1 else ""} {shown} of '
        f"{len(epochs)}, but the model that it leaves is that of epoch {final}. Leave out "
        f"validation_freq, choose the number of epochs so that the last one is validated, or end "
        f"the cell with model.evaluate(x_val, y_val, return_dict=True)."
    )


def _by_class_text(metric: str, fits: Sequence[Fit]) -> str:
    """Return what is said of a metric that Keras logs as an array; else ""."""
    of_epochs = getattr(fits[-1].history, "history", None) if fits else None
    values = of_epochs.get(metric) if isinstance(of_epochs, dict) else None
    if not values or not is_several(values[-1]):
        return ""
    return (
        f"{metric}: a number was expected, and the fit logs {in_words(values[-1])}, a value for "
        f'each class. Write average="macro" in the metric, or end the cell in a mean of them.'
    )


def _validated(direction: Direction | None, training: Sequence[str]) -> tuple[str, str]:
    """Return the option that names the validation metric of one of these."""
    fits = [n for n in training if direction in (None, usual_direction(n))] or list(training)
    name = next((n for n in fits if n != "loss"), fits[0])
    return _option(direction, name), f"val_{name}"


def _option(direction: Direction | None, metric: str) -> str:
    """Return the option that names the metric: "maximize" or "minimize"."""
    return (direction or usual_direction(metric) or Direction.MAXIMIZE).value


def number_expected(value: Any) -> str:
    """Return what is said of a value that is no number."""
    return f"a number was expected, got {in_words(value)}.{how_to_choose(value)}"


def _listed(words: Sequence[str]) -> str:
    """Return words as a sentence has them: "2, 4 and 6"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
