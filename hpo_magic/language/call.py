"""The value of one `hp` call: its name, its parameter, and what is wrong with it, by line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from hpo_magic.core.describe import Described
from hpo_magic.core.labels import labels
from hpo_magic.core.space import Parameter
from hpo_magic.errors import HpoError, NoNameError, SpaceError
from hpo_magic.language.arguments_elsewhere import refused_arguments
from hpo_magic.language.trial_context import CHOOSE_A_NAME, Scope, TrialContext, current_trial

# How deep, and how far, choices are searched for values of other calls.
DEEPEST, MOST_HELD = 4, 100
# A longer argument is cut in a message, to so many characters.
LONGEST_SHOWN = 40


def value_of_call(
    method: str,
    args: tuple[Any, ...],
    options: dict[str, Any],
    describe: Callable[..., Described],
) -> Any:
    """Return the value of an `hp` call: the trial's, or outside a trial the default.

    To be called by the `hp` method itself: the frame that called the method is the user's.

    Parameters
    ----------
    method
        The method's name.
    args, options
        Its arguments.
    describe
        Returns the domain and the default from the arguments, without the name.

    Raises
    ------
    SpaceError
        If the arguments describe no range, or the call has no name. The message shows the line.
    """
    frame = sys._getframe(2)
    trial = current_trial()
    name: str | None = None
    try:
        name, args, options = _split_name(method, args, options)
        scopes = _take_scopes(options, trial)
        if trial is not None:
            name = (
                trial.call_names.name_of(frame, method) if name is None else in_scope(trial, name)
            )
        described = _bound(describe, args, options)
        scopes = (*(trial.scopes if trial else ()), *scopes)
        parameter = Parameter(name or "", described.domain, described.default, scopes)
        if trial is None:
            return described.object_of(parameter.default)
        _refuse_values_inside(described.objects, trial)
        if name in trial.fixed and name in trial.objects:
            return trial.objects[name]
        value = described.object_of(trial.ask(parameter))
        if method == "Fixed" and parameter.name in trial.values:
            trial.fixed.add(parameter.name)
        if parameter.name in trial.values:
            trial.objects[parameter.name] = value
        return value
    except NoNameError as error:
        note_refused(error)
        raise  # says all this itself
    except HpoError as error:
        told = type(error)(_told(frame, method, args, options, name, error))
        note_refused(told)
        raise told from None


def note_refused(error: HpoError) -> None:
    """Note the error of a call, so that it ends the trial also where the user's code catches it."""
    trial = current_trial()
    if trial is not None:
        trial.refused = trial.refused or error


def _split_name(
    method: str, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[str | None, tuple[Any, ...], dict[str, Any]]:
    """Return a call's name, and its arguments without it."""
    if method == "Choice" and options.keys() <= {"name", "ordered", "default"}:
        _refuse_loose_choices(args)
    if "name" in options:
        rest = {key: value for key, value in options.items() if key != "name"}
        name = options["name"]
    elif args and isinstance(args[0], str) and not _is_value(method, args, options):
        name, args, rest = args[0], args[1:], dict(options)
        if method in ("Int", "Float") and _is_number(name):
            raise SpaceError(
                f"the bounds must be numbers, got the text {name!r}. In YAML 1e-4 is a text: write "
                f"float({name!r})."
            )
    else:
        return None, args, dict(options)
    if not isinstance(name, str) or not name.strip():
        raise SpaceError(f"the name must be a string that is not empty, got {name!r}.")
    return name, args, rest


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_values_inside(objects: list[Any], trial: TrialContext) -> None:
    """Refuse choices that hold the values of other calls: they would be others in each trial.

    Floats are told by identity; a number or a text may be the same object by chance.

    Raises
    ------
    SpaceError
        With the way to write a choice of which each has hyperparameters of its own.
    """
    asked = {id(value): name for name, value in trial.objects.items() if type(value) is float}
    for inside in _inside(objects, DEEPEST):
        if id(inside) in asked:
            raise SpaceError(
                f"one of the choices holds the value of another hp call ({asked[id(inside)]}), so "
                f"it would be another choice in each trial. {CHOOSE_A_NAME}"
            )


def _inside(thing: Any, depth: int) -> Iterator[Any]:
    """Yield what a container or an object of the user's holds, to a depth."""
    if isinstance(thing, str | bytes | type) or depth == 0:
        return
    if isinstance(thing, Mapping):
        held: list[Any] = list(thing.values())
    elif isinstance(thing, list | tuple):
        held = list(thing[:MOST_HELD])
    else:
        held = list(getattr(thing, "__dict__", {}).values())[:MOST_HELD]
    for one in held:
        yield one
        yield from _inside(one, depth - 1)


def _refuse_loose_choices(args: tuple[Any, ...]) -> None:
    """Refuse `hp.Choice("relu", "tanh")`: the values belong into one list.

    Raises
    ------
    SpaceError
        With the call as it should be.
    """
    plain = str | int | float | bool | None
    if args and all(isinstance(argument, plain) for argument in args):
        more = "" if len(args) > 1 else ", …"
        listed = ", ".join(map(_quoted, args))
        named = ""
        if len(args) == 2 and isinstance(args[0], str):
            named = f", or hp.Choice({_quoted(args[0])}, [{_quoted(args[1])}, …]) for a name"
        raise SpaceError(f"the values must be one list. Write hp.Choice([{listed}{more}]){named}.")


def _is_value(method: str, args: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Return whether the first argument, a string, is what an unnamed `hp.Fixed` fixes."""
    return method == "Fixed" and len(args) == 1 and "value" not in options


def in_scope(trial: TrialContext, name: str) -> str:
    """Return a name that is given inside the open name scopes."""
    return "/".join([*trial.prefixes, name])


def _take_scopes(options: dict[str, Any], trial: TrialContext | None) -> tuple[Scope, ...]:
    """Return KerasTuner's `parent_name` and `parent_values` as a scope; take them out."""
    parent = options.pop("parent_name", None)
    values = options.pop("parent_values", None)
    if parent is None:
        return ()
    return (scope_of(parent if trial is None else in_scope(trial, parent), values),)


def scope_of(parent: str, values: Any) -> Scope:
    """Return a scope of one value or of several."""
    many = isinstance(values, list | tuple | set | frozenset)
    return parent, labels(list(values) if many else [values])


def _bound(
    describe: Callable[..., Described], args: tuple[Any, ...], options: dict[str, Any]
) -> Described:
    if refused := refused_arguments(describe, args, options):
        raise SpaceError(refused)
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
    shown = ", ".join(
        part if len(part) < LONGEST_SHOWN else part[: LONGEST_SHOWN - 3] + "…" for part in inside
    )
    about = f" ({name})" if name else ""
    return f"hp.{method}({shown}) on line {frame.f_lineno}{about}: {error}"


def _quoted(value: Any) -> str:
    """Return a value as the user would write it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _shortened(text: str) -> str:
    return text if len(text) < LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}…"
