"""`hp`: the words with which a cell says what may vary, in KerasTuner's spelling.

Inside a trial a call returns the trial's value and so declares the parameter; outside it returns
the default.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from hpo_magic.core.describe import (
    Described,
    describe_boolean,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.core.labels import labels
from hpo_magic.core.row_scores import RowOrder
from hpo_magic.core.space import Parameter
from hpo_magic.errors import HpoError, NoNameError, NotCovered, SpaceError, did_you_mean
from hpo_magic.language.optuna_trial import OptunaTrial
from hpo_magic.language.scores import Metric, scored
from hpo_magic.language.trial_context import Scope, TrialContext, current_trial

# What is asked of `hp` by those who know Hyperopt's, KerasTuner's or Optuna's.
_WAYS_OUT = {
    "choice": "Write hp.Choice([…]).",
    "uniform": "Write hp.Float(low, high).",
    "loguniform": 'Write hp.Float(low, high, sampling="log"), with the bounds themselves.',
    "quniform": "Write hp.Float(low, high, step=q), or hp.Int.",
    "qloguniform": 'Write hp.Int(low, high, sampling="log"), with the bounds themselves.',
    "normal": "Write hp.Float(low, high): the search needs bounds.",
    "lognormal": 'Write hp.Float(low, high, sampling="log"): the search needs bounds.',
    "randint": "Write hp.Int(0, n - 1): both bounds are included.",
    "uniformint": "Write hp.Int(low, high).",
    "space": "The study has it, once the search has ended: study.space.",
    "copy": "Within a trial there is one hp; hp.values has the values so far as a dict.",
    "get_config": "The study has the space, once the search has ended: study.space.",
    "suggest_float": "Write hp.Float(low, high), or hp.trial.suggest_float.",
    "suggest_int": "Write hp.Int(low, high), or hp.trial.suggest_int.",
    "suggest_categorical": "Write hp.Choice([…]), or hp.trial.suggest_categorical.",
}


class HyperParameters:
    """The hyperparameters of a cell or function; `hp` is the one instance.

    Every call takes a name, first or as `name=`. Without one it is named by where it stands: the
    keyword or parameter it is passed to, or the variable it is assigned to.

    >>> hp.Int(16, 512, sampling="log", default=64)
    64
    >>> hp.Float("lr", 1e-4, 1e-2, sampling="log")
    0.001
    """

    def __reduce__(self) -> str:
        return "hp"  # the one instance, also where a pickled cell is unpacked

    def Int(self, *args: Any, **options: Any) -> int:  # noqa: N802  (KerasTuner's spelling)
        """Return a whole number of a range.

        Parameters
        ----------
        name : str, optional
            First, or by keyword; without it the place of the call gives the name.
        min_value, max_value : int
            The bounds, both included.
        step : int, optional
            The distance between values; on a log scale their ratio.
        sampling : {"linear", "log"}
            "log" tries each order of magnitude equally often.
        default : int, optional
            Where the search starts, and what the call returns outside a trial; without it the
            middle of the range (the geometric middle on a log scale).

        Raises
        ------
        SpaceError
            If the range is empty or does not fit its step, scale or default, or the call has no
            name; the message shows the line.
        """
        value: int = self._ask("Int", args, options, describe_int)
        return value

    def Float(self, *args: Any, **options: Any) -> float:  # noqa: N802
        """Return a real number of a range.

        Parameters
        ----------
        name : str, optional
            First, or by keyword; without it the place of the call gives the name.
        min_value, max_value : float
            The bounds, both included.
        step : float, optional
            The distance between values; on a log scale their ratio.
        sampling : {"linear", "log"}
            "log" tries each order of magnitude equally often.
        default : float, optional
            Where the search starts, and what the call returns outside a trial; without it the
            middle of the range (the geometric middle on a log scale).

        Raises
        ------
        SpaceError
            As for `Int`.
        """
        value: float = self._ask("Float", args, options, describe_float)
        return value

    def Choice(self, *args: Any, **options: Any) -> Any:  # noqa: N802
        """Return one of the given objects: the object itself, not a copy.

        Parameters
        ----------
        name : str, optional
            First, or by keyword; without it the place of the call gives the name.
        values : sequence
            What to choose from: numbers, strings, or any objects, functions and classes.
        ordered : bool, optional
            Whether their order means something; True for numbers unless said otherwise.
        default : object, optional
            Where the search starts; the first value unless said otherwise.

        Raises
        ------
        SpaceError
            If there are no values, or one of them twice, or the default is not among them.
        """
        return self._ask("Choice", args, options, describe_choice)

    def Boolean(self, *args: Any, **options: Any) -> bool:  # noqa: N802
        """Return True or False. Takes a name, and a `default` (False unless said otherwise)."""
        value: bool = self._ask("Boolean", args, options, describe_boolean)
        return value

    def Fixed(self, *args: Any, **options: Any) -> Any:  # noqa: N802
        """Return `value`, which the search does not vary but records. Takes a name before it."""
        return self._ask("Fixed", args, options, describe_fixed)

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put `name/` before the names that are given inside; those that a place gives stay."""
        trial = current_trial()
        if trial is None:
            yield
            return
        trial.prefixes.append(str(name))
        try:
            yield
        finally:
            trial.prefixes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Declare that the parameters inside matter only for some values of another one.

        Parameters
        ----------
        parent_name
            The name of a parameter that was asked for before.
        parent_values
            A value or a list of values of it.
        """
        trial = current_trial()
        if trial is None:
            yield
            return
        parent_name = _in_scope(trial, parent_name)
        if parent_name not in trial.known:
            raise SpaceError(
                f"hp.conditional_scope({parent_name!r}, …): no parameter of that name was asked "
                f"for before. Known here: {', '.join(trial.values) or 'none'}."
                f"{did_you_mean(parent_name, trial.values)}"
            )
        trial.scopes.append(_scope(parent_name, parent_values))
        try:
            yield
        finally:
            trial.scopes.pop()

    def seed(self) -> int:
        """Return the seed of this trial's split or training: the same in every trial.

        Another one where a setting is re-checked. Outside a trial it is 0.
        """
        trial = current_trial()
        if trial is None:
            return 0
        trial.used_seed = True
        return trial.run.seed

    def report(self, step: int | None = None, **metrics: float) -> None:
        """Report what an epoch of a training loop measured, for the live curve.

        It is also where a stopped trial ends. Outside a trial it does nothing.

        Parameters
        ----------
        step
            The epoch, from 1; left out, it counts by itself.
        **metrics
            The numbers by name: `hp.report(val_loss=loss)`.
        """
        trial = current_trial()
        if trial is not None:
            trial.report(step, metrics)

    def score(
        self,
        metric: Metric,
        y_true: Any,
        y_pred: Any,
        *,
        groups: Any = None,
        order: bool = False,
    ) -> float:
        """Return the score of predictions, and remember what each row adds to it.

        From the rows comes how much of the best score is luck, and an honest number without a
        further training. In a cross-validation, score each fold and end with the mean.

        Parameters
        ----------
        metric
            "accuracy", "error", "mae", "mse", "log_loss" or "r2"; or a function of (y_true,
            y_pred). Of a function that is no mean over rows, such as an AUC, only the score is
            remembered; in `%%hpo_test` it gets an interval all the same.
        y_true, y_pred
            The true values and the predictions: labels or probabilities for "accuracy" and "error",
            probabilities for "log_loss".
        groups
            What each row belongs to, if rows belong together: the patient, the user, the document.
            Split by these groups, too (GroupKFold, GroupShuffleSplit).
        order
            Whether the rows are in the order of time, so that neighbours are alike.

        Raises
        ------
        MetricError
            If there is no such metric, or it cannot be computed on these.

        >>> hp.score("accuracy", [0, 1, 1, 0], [0, 1, 0, 0])
        0.75
        """
        known = RowOrder.TIME if order else RowOrder.NONE
        found = scored(metric, y_true, y_pred, groups, known)
        trial = current_trial()
        if trial is not None:
            trial.scored.append(found)
        return found.value

    @property
    def trial(self) -> OptunaTrial:
        """The running trial in Optuna's spelling: end a cell with `objective(hp.trial)`."""
        return OptunaTrial()

    @property
    def values(self) -> dict[str, Any]:
        """The values asked for so far in this trial, by name; empty outside a trial."""
        trial = current_trial()
        return {} if trial is None else dict(trial.objects)

    def get(self, name: str) -> Any:
        """Return the value of a parameter that was asked for before in this trial."""
        values, trial = self.values, current_trial()
        name = _in_scope(trial, name) if trial else name
        if name not in values:
            known = ", ".join(values) or "none"
            raise SpaceError(f"hp.get({name!r}): not asked for in this trial. Known: {known}.")
        return values[name]

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        trial = current_trial()
        return trial is not None and _in_scope(trial, str(name)) in trial.objects

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        there = [word for word in dir(type(self)) if not word.startswith("_")]
        fix = _WAYS_OUT.get(name) or did_you_mean(name, there, "hp.").strip()
        fix = fix or f"There are: {', '.join(there)}."
        raise NotCovered(f"hp.{name} on line {sys._getframe(1).f_lineno}: there is none. {fix}")

    def _ask(
        self,
        method: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
        describe: Callable[..., Described],
    ) -> Any:
        """Return the value of a call, with what is wrong with it told by line and name."""
        frame = sys._getframe(2)
        trial = current_trial()
        name: str | None = None
        try:
            name, args, options = _split_name(method, args, options)
            scopes = _take_scopes(options, trial)
            if trial is not None:
                name = (
                    trial.call_names.name_of(frame, method)
                    if name is None
                    else _in_scope(trial, name)
                )
            described = _bound(describe, args, options)
            scopes = (*(trial.scopes if trial else ()), *scopes)
            parameter = Parameter(name or "", described.domain, described.default, scopes)
            if trial is None:
                return described.object_of(parameter.default)
            value = described.object_of(trial.ask(parameter))
            if parameter.name in trial.values:
                trial.objects[parameter.name] = value
            return value
        except NoNameError:
            raise  # says all this itself
        except HpoError as error:
            raise type(error)(_told(frame, method, args, options, name, error)) from None


hp = HyperParameters()


def _split_name(
    method: str, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[str | None, tuple[Any, ...], dict[str, Any]]:
    """Return a call's name, and its arguments without it."""
    if "name" in options:
        rest = {key: value for key, value in options.items() if key != "name"}
        name = options["name"]
    elif args and isinstance(args[0], str) and not _is_value(method, args, options):
        name, args, rest = args[0], args[1:], dict(options)
    else:
        return None, args, dict(options)
    if not isinstance(name, str) or not name.strip():
        raise SpaceError(f"the name must be a string that is not empty, got {name!r}.")
    return name, args, rest


def _is_value(method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Return whether the first argument, a string, is what an unnamed `hp.Fixed` fixes."""
    return method == "Fixed" and len(args) == 1 and "value" not in options


def _in_scope(trial: TrialContext, name: str) -> str:
    """Return a name that is given inside the open name scopes."""
    return "/".join([*trial.prefixes, name])


def _take_scopes(options: dict[str, Any], trial: TrialContext | None) -> tuple[Scope, ...]:
    """Return KerasTuner's `parent_name` and `parent_values` as a scope; take them out."""
    parent = options.pop("parent_name", None)
    values = options.pop("parent_values", None)
    if parent is None:
        return ()
    return (_scope(parent if trial is None else _in_scope(trial, parent), values),)


def _scope(parent: str, values: Any) -> Scope:
    """Return a scope of one value or of several."""
    many = isinstance(values, list | tuple | set | frozenset)
    return parent, labels(list(values) if many else [values])


def _bound(
    describe: Callable[..., Described], args: tuple[Any, ...], options: dict[str, Any]
) -> Described:
    try:
        inspect.signature(describe).bind(*args, **options)
    except TypeError as error:
        raise SpaceError(f"{error}.") from None
    return describe(*args, **options)


def _told(
    frame: FrameType,
    method: str,
    args: tuple[Any, ...],
    options: Mapping[str, Any],
    name: str | None,
    error: HpoError,
) -> str:
    """Return the sentence with the call, its line and its name before what is wrong."""
    inside = [_quoted(a) for a in args]
    inside += [f"{key}={_quoted(value)}" for key, value in options.items()]
    shown = ", ".join(part if len(part) < 40 else part[:37] + "…" for part in inside)
    about = f" ({name})" if name else ""
    return f"hp.{method}({shown}) on line {frame.f_lineno}{about}: {error}"


def _quoted(value: Any) -> str:
    """Return a value as the user would write it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
