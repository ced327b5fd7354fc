"""The value of a trial, found in the cell's last expression, its fits and its variables.

Numbers and Keras's `History` are recognized by their methods and attributes, not by their class, so
that no training library is imported.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from hpo_magic.core.ports import Fit
from hpo_magic.core.trial import VALUE, AskedGoals, Direction, Goal, named_goals
from hpo_magic.errors import MetricError, MissingMetric, TrialFailed

# Objectives as an error suggests them.
EXAMPLES = (("maximize", "score"), ("minimize", "loss"))


class Nothing(Enum):
    """The type of `NOTHING`."""

    NOTHING = "nothing"


# The last expression of a cell that does not end in an expression.
NOTHING: Final = Nothing.NOTHING

# The names Keras 3 gives to its metrics and losses, without the prefix of an output and the number
# of a repetition. "cosine_similarity" is the metric; the loss of that name has the other sign, but
# is logged as "loss".
_MORE_IS_BETTER = (
    "accuracy|acc|auc|precision|recall|f1_score|fbeta_score|iou|io_u|r2_score|cosine_similarity"
    "|sensitivity_at_specificity|specificity_at_sensitivity|precision_at_recall"
    "|recall_at_precision|true_positives|true_negatives|pearson_correlation"
    "|concordance_correlation"
)
_LESS_IS_BETTER = (
    "loss|error|mse|mae|mape|msle|rmse|crossentropy|cross_entropy|hinge|kl_divergence|kld|poisson"
    "|logcosh|log_cosh|huber|dice|tversky|false_positives|false_negatives"
)


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
    """

    value: float
    goal: Goal
    metrics: Mapping[str, float]


def keras_direction(metric: str) -> Direction | None:
    """Return whether a metric of Keras is better when larger; None for any other name.

    Prefixes such as `val_` and the name of an output are ignored, and so is a number at the end.

    >>> keras_direction("val_digit_accuracy_1")
    <Direction.MAXIMIZE: 'maximize'>
    """
    for names, direction in (
        (_MORE_IS_BETTER, Direction.MAXIMIZE),
        (_LESS_IS_BETTER, Direction.MINIMIZE),
    ):
        if re.fullmatch(rf"(.+_)?({names})(_\d+)?", metric.lower()):
            return direction
    return None


def number(value: Any) -> float | None:
    """Return `value` as a float if it is one number; None for anything else.

    NumPy scalars, 0-d arrays and tensors are numbers; booleans, strings and arrays of one are not.
    """
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        return None
    if _shape(value) or _is_unreal(getattr(value, "dtype", None)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):  # a symbolic tensor has the method and no number
        return None


def value_of_trial(
    goals: AskedGoals,
    last: Any,
    fits: Sequence[Fit],
    variables: Mapping[str, Any],
    *,
    not_set: Mapping[str, Any] = MappingProxyType({}),
    reported: Mapping[str, float] = MappingProxyType({}),
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
    status = last.get("status") if isinstance(last, Mapping) else None
    if isinstance(status, str) and status == "fail":
        raise TrialFailed('it ended with the status "fail".')
    logged = {**reported, **_logged(last, fits)}
    if named := named_goals(goals):
        first, *others = named
    else:
        direction = goals if isinstance(goals, Direction) else None
        first, others = _goal_of_cell(direction, last, logged, variables), []
    metric = first.metric
    if others:
        logged, last = _by_name([goal.metric for goal in named], last, logged)
    if _is_several(last) and metric in logged and not metric.startswith("val_"):
        raise MetricError(
            f'The cell ends in {_in_words(last)}, which gives no names: "{metric}" would be that '
            f"of the training data. End it with model.evaluate(…, return_dict=True), or name a "
            f"val_ metric."
        )
    for goal in (first, *others):
        _refuse_not_set(goal, last, logged, variables, not_set, fits)
    value = _found(first, last, logged, variables, fits, several=bool(others))
    found = {goal.metric: _found(goal, NOTHING, logged, variables, fits) for goal in others}
    return Score(value, first, {**logged, metric: value, **found})


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
        raise _missing(goal, last, logged, variables, several=several)
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
    if len(names) == 1 and (better := direction or keras_direction(names[0])):
        return Goal(names[0], better)
    is_loss = direction is not Direction.MAXIMIZE
    if is_loss and _find("val_loss", last, logged, variables) is not None:
        return Goal("val_loss", Direction.MINIMIZE)
    raise _nothing_named(direction, last, logged)


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
    logged = _of_fit(fits[-1]) if fits else {}
    if is_history(last):
        logged |= _of_history(last, fits)
    return logged | numbers_in(last)


def numbers_in(values: Any) -> dict[str, float]:
    """Return the numbers of a dict of metrics, by name; an empty dict for anything else."""
    if not isinstance(values, Mapping):
        return {}
    found = {str(name): number(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def is_history(last: Any) -> bool:
    """Return whether a value is a Keras `History`."""
    return isinstance(getattr(last, "history", None), dict) and hasattr(last, "epoch")


def _of_history(history: Any, fits: Sequence[Fit]) -> dict[str, float]:
    for fit in reversed(fits):
        if fit.history is history:
            return _of_fit(fit)
    # The fit ran outside the trial, so that the restored epoch is not known: the last one counts.
    return numbers_in({name: values[-1] for name, values in history.history.items() if values})


def _of_fit(fit: Fit) -> dict[str, float]:
    return dict(fit.epochs[fit.final]) if fit.epochs else {}


def _missing(
    goal: Goal,
    last: Any,
    logged: Mapping[str, float],
    variables: Mapping[str, Any],
    *,
    several: bool = False,
) -> MetricError:
    """Return the error for a metric that is missing or is not a number."""
    metric = goal.metric
    if metric in variables:
        return MetricError(f"{metric}: {_number_expected(variables[metric])}")
    if isinstance(last, Mapping) and metric in last:
        return MetricError(f"{metric}: {_number_expected(last[metric])}")
    if several and _is_several(last) and not logged:
        return MetricError(
            f"The cell ends in {_in_words(last)}, which gives no names. End it with a dict that "
            f"has all objectives by name, or with a tuple of them, in their order."
        )
    if _is_several(last) and not logged:
        return MetricError(f"The end of the cell: {_number_expected(last)}")
    close = difflib.get_close_matches(metric, list(logged), n=1)
    option = _option(goal.direction, close[0] if close else metric)
    return MissingMetric(metric, list(logged), option, is_one_of_several=several)


def _nothing_named(
    direction: Direction | None, last: Any, logged: Mapping[str, float]
) -> MetricError:
    """Return the error for a cell without a number to improve, where the user named no metric."""
    if logged:
        name = next((n for n in reversed(list(logged)) if keras_direction(n)), next(iter(logged)))
        return MetricError(
            f"Nothing says which metric the search is to improve. The cell logged: "
            f"{', '.join(logged)}. Write {{0}}, for example.",
            (_option(direction, name), name),
        )
    if last is not NOTHING and last is not None:
        return MetricError(f"The end of the cell: {_number_expected(last)}")
    return MetricError(
        "The cell gives no number to improve: it neither ends in one nor fits a model. "
        "End it with the score, and write {0} or {1}.",
        *EXAMPLES,
    )


def _option(direction: Direction | None, metric: str) -> str:
    """Return the option that names the metric: "maximize" or "minimize"."""
    return (direction or keras_direction(metric) or Direction.MAXIMIZE).value


def _number_expected(value: Any) -> str:
    cure = " Take its mean?" if _is_several(value) else ""
    return f"a number was expected, got {_in_words(value)}.{cure}"


def _is_several(value: Any) -> bool:
    """Whether `value` is an array or a list with something in it."""
    if shape := _shape(value):
        return 0 not in shape
    return isinstance(value, list | tuple) and any(number(item) is not None for item in value)


def _in_words(value: Any) -> str:
    if shape := _shape(value):
        return f"an array of shape {shape}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of length {len(value)}"
    if value is None or isinstance(value, bool | str):
        return repr(value)
    return f"an object of type {type(value).__name__}"


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an array or a tensor; () for anything else."""
    try:
        return tuple(getattr(value, "shape", ()))
    except (TypeError, ValueError):  # not a shape, or that of a tensor of unknown rank
        return ()


def _is_unreal(dtype: Any) -> bool:
    """Whether numbers of this type (NumPy's, TensorFlow's, PyTorch's) are booleans or complex."""
    return any(word in str(dtype) for word in ("bool", "complex"))
