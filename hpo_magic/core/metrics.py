"""The value of a trial, found in the cell's last expression, its fits and its variables."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from hpo_magic.core.given_values import (
    NOTHING,
    in_words,
    is_history,
    is_several,
    number,
    numbers_in,
    with_names,
)
from hpo_magic.core.metric_directions import direction_remark, usual_direction
from hpo_magic.core.no_value import (
    EXAMPLES,
    missing,
    nothing_named,
    other_end_remark,
    training_remark,
)
from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import VALUE, AskedGoals, Direction, Goal, named_goals
from hpo_magic.errors import MetricError, TrialFailed

# What a fit gives without being asked, for an objective of that name: the model's weights, and the
# seconds that all fits of the cell took.
ALWAYS_THERE = ("n_params", "fit_seconds")


@dataclass(frozen=True)
class Score:
    """The value of a trial.

    Parameters
    ----------
    value
        In the metric's unit; may be NaN or infinite.
    goal
        The objective that it is the value of: the first one.
    metrics
        All numbers that the trial gave, by name, those of all objectives among them.
    remark
        What the user must know of it: that it is measured on the training data; "" if nothing.
    is_of_training
        Whether it is a metric that a fit measured on the training data.
    """

    value: float
    goal: Goal
    metrics: Mapping[str, float]
    remark: str = ""
    is_of_training: bool = False


def value_of_trial(
    goals: AskedGoals,
    last: Any,
    fits: Sequence[Fit],
    variables: Mapping[str, Any],
    *,
    not_set: Mapping[str, Any] = MappingProxyType({}),
    reported: Mapping[str, float] = MappingProxyType({}),
    last_words: Collection[str] = (),
) -> Score:
    """Return the value of a trial; with several objectives one value for each.

    Parameters
    ----------
    goals
        The objectives. The metric of the only one is looked for in `last`, in the last fit, in
        `variables`. Of several, a bare number as `last` is the first one's value, and a tuple of
        numbers has those of all; else each is looked for by its name in the same places, and at
        last among what a fit always gives (`ALWAYS_THERE`). Without a named objective: `last` if it
        is a number or a dict of one number, the loss of a dict that has a status, as Hyperopt's
        functions return it, else `val_loss`, minimized.
    last
        The value of the cell's last expression, or `NOTHING`.
    fits
        Those that the cell ran, the last one last.
    variables
        Those that the trial set, by name.
    not_set
        Variables that the cell could read and did not set: never a value, but named in errors.
    reported
        What `hp.report` got last of each metric.
    last_words
        The names and strings in the text of the last expression.

    Raises
    ------
    MissingMetric
        If a metric is not there.
    MetricError
        If what is there is no number, or was not set by the trial, or nothing says which number to
        improve.
    TrialFailed
        If `last` is a dict with the status "fail", as Hyperopt has it.

    Notes
    -----
    A fit's metrics are those of the epoch that the model is at when the cell ends.
    """
    last = with_names(last)
    status = last.get("status") if isinstance(last, Mapping) else None
    if isinstance(status, str) and status == "fail":
        raise TrialFailed('it ended with the status "fail".')
    logged = {**reported, **_logged(last, fits)}
    named = named_goals(goals)
    if named:
        first, *others = named
    else:
        direction = goals if isinstance(goals, Direction) else None
        first, others = _goal_of_cell(direction, last, logged, variables, fits), []
    metric = first.metric
    if others:
        logged, last = _by_name([goal.metric for goal in named], last, logged)
    if is_several(last) and metric in logged and not metric.startswith("val_"):
        raise MetricError(
            f'The cell ends in {in_words(last)}, which gives no names: "{metric}" would be that '
            f"of the training data. End it with model.evaluate(…, return_dict=True), or name a "
            f"val_ metric."
        )
    for goal in (first, *others):
        _refuse_not_set(goal, last, logged, variables, not_set, fits)
    value = _found(first, last, logged, variables, fits, several=bool(others))
    found = {goal.metric: _found(goal, NOTHING, logged, variables, fits) for goal in others}
    is_logged = number(last) is None and logged.get(metric) == value
    of_training = training_remark(metric, logged, fits) if is_logged else ""
    directions = [direction_remark(one, {metric: value, **found}[one.metric]) for one in named]
    other = (
        ""
        if not named or metric in last_words
        else other_end_remark(metric, last, logged, variables)
    )
    remark = " ".join(filter(None, (of_training, other, *directions)))
    return Score(value, first, {**logged, metric: value, **found}, remark, bool(of_training))


def _refuse_not_set(
    goal: Goal,
    last: Any,
    logged: Mapping[str, float],
    variables: Mapping[str, Any],
    not_set: Mapping[str, Any],
    fits: Sequence[Fit],
) -> None:
    """Refuse a metric that is only a variable of the notebook, which the cell never set.

    Raises
    ------
    MetricError
        If it is.
    """
    metric = goal.metric
    if metric not in not_set or _find(metric, last, logged, variables) is not None:
        return
    if metric in _always_there(fits):
        return
    close = difflib.get_close_matches(metric, [n for n, v in variables.items() if number(v)], n=1)
    hint = f" Did you mean {close[0]}, which it sets?" if close else ""
    raise MetricError(
        f'The notebook has a variable "{metric}", and the cell does not set it: it would be the '
        f"same in every trial.{hint} Assign {metric} in the cell, report it with hp.report, or end "
        f"the cell in the score."
    )


def _by_name(
    names: Sequence[str], last: Any, logged: dict[str, float]
) -> tuple[dict[str, float], Any]:
    """Return the logged numbers, those of a tuple at the end included, and the end without it."""
    if not isinstance(last, tuple):
        return logged, last
    values = [number(item) for item in last]
    if len(values) != len(names) or None in values:
        raise MetricError(
            f"The cell ends in a tuple of {len(last)}, and there are {len(names)} objectives. End "
            f"it with a number for each of {', '.join(names)}, in this order, or with a dict."
        )
    given = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    return {**logged, **given}, NOTHING


def _found(
    goal: Goal,
    last: Any,
    logged: Mapping[str, float],
    variables: Mapping[str, Any],
    fits: Sequence[Fit],
    *,
    several: bool = True,
) -> float:
    """Return the value of the objective's metric.

    Raises
    ------
    MetricError, MissingMetric
        If it is not there, or no number.
    """
    value = _find(goal.metric, last, logged, variables)
    if value is None and several:
        logged = {**logged, **_always_there(fits)}
        value = logged.get(goal.metric)
    if value is None:
        raise missing(goal, last, logged, variables, fits, several=several)
    return value


def _always_there(fits: Sequence[Fit]) -> dict[str, float]:
    """Return the size of the last model and the duration of all fits, by name."""
    found: dict[str, float] = {}
    if fits and fits[-1].n_params is not None:
        found["n_params"] = float(fits[-1].n_params)
    took = [fit.seconds for fit in fits if fit.seconds is not None]
    if took:
        found["fit_seconds"] = sum(took)
    return found


def _goal_of_cell(
    direction: Direction | None,
    last: Any,
    logged: Mapping[str, float],
    variables: Mapping[str, Any],
    fits: Sequence[Fit],
) -> Goal:
    """Return the objective that the cell's end gives, where the user named none."""
    if number(last) is not None:
        if direction is None:
            raise MetricError(
                "The cell ends in a number, and nothing says whether more is better. "
                "Write {0} or {1}.",
                *EXAMPLES,
            )
        return Goal(VALUE.metric, direction)
    names = list(numbers_in(last))
    if "loss" in names and "status" in last:  # Hyperopt's way to return a value
        names = ["loss"]
    if len(names) == 1 and (better := direction or usual_direction(names[0])):
        return Goal(names[0], better)
    is_loss = direction is not Direction.MAXIMIZE
    if is_loss and _find("val_loss", last, logged, variables) is not None:
        return Goal("val_loss", Direction.MINIMIZE)
    raise nothing_named(direction, last, logged, variables, fits)


def _find(
    metric: str, last: Any, logged: Mapping[str, float], variables: Mapping[str, Any]
) -> float | None:
    """Return the metric's value from the first place that has it; None if none has."""
    value = number(last)
    if value is not None:
        return value
    if metric in logged:
        return logged[metric]
    # A cell that makes keras.metrics.AUC() once in each fold logs val_auc, then val_auc_1, ...
    repeated = [name for name in logged if re.fullmatch(rf"{re.escape(metric)}_\d+", name)]
    if len(repeated) == 1:
        return logged[repeated[0]]
    return number(variables.get(metric))


def _logged(last: Any, fits: Sequence[Fit]) -> dict[str, float]:
    """Return the numbers that the trial gave, by name; the end of the cell overrides a fit."""
    logged = next((_of_fit(fit) for fit in reversed(fits) if fit.epochs), {})
    if is_history(last):
        logged |= _of_history(last, fits)
    return logged | numbers_in(last)


def _of_history(history: Any, fits: Sequence[Fit]) -> dict[str, float]:
    for fit in reversed(fits):
        if fit.history is history:
            return _of_fit(fit)
    # The fit ran outside the trial, so that the restored epoch is not known: the last one counts.
    return numbers_in({name: values[-1] for name, values in history.history.items() if values})


def _of_fit(fit: Fit) -> dict[str, float]:
    return dict(fit.epochs[fit.final]) if fit.epochs else {}
