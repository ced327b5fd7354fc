"""`hp.Int`, `hp.Float`, `hp.Choice`, `hp.Boolean` and `hp.Fixed`, in KerasTuner's spelling.

Inside a trial a call declares a parameter and returns its value; outside it returns the default.
Each call has two forms: with the name first, as in KerasTuner, and without a name or with `name=`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, get_type_hints, overload

from hpo_magic.core.describe import (
    Described,
    describe_boolean,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.language.call import value_of_call

Sampling = Literal["linear", "log", "reverse_log"]
T = TypeVar("T")
Call = TypeVar("Call", bound=Callable[..., Any])
# What every call takes beside what describes its range.
_OF_EACH_CALL = ("name", "parent_name", "parent_values")


def _described_by(describe: Callable[..., Described]) -> Callable[[Call], Call]:
    """Return a decorator that gives a call the signature that Shift-Tab shows.

    It has the parameters of `describe`, and by keyword those of each call.
    """

    def decorated(call: Call) -> Call:
        hints = get_type_hints(describe)
        taken = inspect.signature(describe).parameters.values()
        of_range = [p.replace(annotation=hints[p.name]) for p in taken]
        by_keyword = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
            for name in _OF_EACH_CALL
        ]
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        shown = inspect.Signature([own, *of_range, *by_keyword])
        returned = get_type_hints(call)["return"]
        call.__signature__ = shown.replace(return_annotation=returned)  # type: ignore[attr-defined]
        return call

    return decorated


class Ranges:
    """The calls that declare a hyperparameter."""

    @overload
    def Int(
        self,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: Sampling | None = "linear",
        default: int | None = None,
        *,
        name: str | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> int: ...

    @overload
    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: Sampling | None = "linear",
        default: int | None = None,
        *,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> int: ...

    @_described_by(describe_int)
    def Int(self, *args: Any, **options: Any) -> int:  # noqa: N802
        """Return a whole number from a range.

        Parameters
        ----------
        name : str, optional
            First, or by keyword. Without it the parameter is named after the variable, keyword or
            parameter that the call is assigned or passed to.
        min_value, max_value : int
            Bounds, both included.
        step : int, optional
            Difference between neighbouring values; on a log scale their ratio. None: 1.
        sampling : {"linear", "log", "reverse_log"}
            "log" tries each order of magnitude equally often; "reverse_log" the same from
            `max_value` down.
        default : int, optional
            Value of the first trial, and outside a trial. None: the middle of the range, on a log
            scale the geometric middle.
        parent_name, parent_values
            KerasTuner's: the parameter is active only where the parameter `parent_name` has one of
            these values.

        Raises
        ------
        SpaceError
            If the range is empty, its step, scale or default does not fit it, or the call has no
            name. The message shows the line.

        Examples
        --------
        >>> from hpo_magic import hp
        >>> hp.Int(16, 512, sampling="log", default=64)
        64
        """
        value: int = value_of_call("Int", args, options, describe_int)
        return value

    @overload
    def Float(
        self,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: Sampling | None = "linear",
        default: float | None = None,
        *,
        name: str | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> float: ...

    @overload
    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: Sampling | None = "linear",
        default: float | None = None,
        *,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> float: ...

    @_described_by(describe_float)
    def Float(self, *args: Any, **options: Any) -> float:  # noqa: N802
        """Return a real number from a range.

        Parameters
        ----------
        name : str, optional
            First, or by keyword. Without it the parameter is named after the variable, keyword or
            parameter that the call is assigned or passed to.
        min_value, max_value : float
            Bounds, both included.
        step : float, optional
            Difference between neighbouring values; on a log scale their ratio. None: any value.
        sampling : {"linear", "log", "reverse_log"}
            "log" tries each order of magnitude equally often; "reverse_log" the same from
            `max_value` down.
        default : float, optional
            Value of the first trial, and outside a trial. None: the middle of the range, on a log
            scale the geometric middle.
        parent_name, parent_values
            As for `Int`.

        Raises
        ------
        SpaceError
            As for `Int`.

        Examples
        --------
        >>> from hpo_magic import hp
        >>> hp.Float("lr", 1e-4, 1e-2, sampling="log")
        0.001
        """
        value: float = value_of_call("Float", args, options, describe_float)
        return value

    @overload
    def Choice(
        self,
        values: Iterable[T],
        ordered: bool | None = None,
        default: T | None = None,
        *,
        name: str | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> T: ...

    @overload
    def Choice(
        self,
        name: str,
        values: Iterable[T],
        ordered: bool | None = None,
        default: T | None = None,
        *,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> T: ...

    @_described_by(describe_choice)
    def Choice(self, *args: Any, **options: Any) -> Any:  # noqa: N802
        """Return one of the given objects: the object itself, not a copy.

        Parameters
        ----------
        name : str, optional
            First, or by keyword. Without it the parameter is named after the variable, keyword or
            parameter that the call is assigned or passed to.
        values : list or tuple
            Numbers, strings, or any objects, functions and classes.
        ordered : bool, optional
            Whether neighbours are alike. None: True for numbers, which are then sorted.
        default : object, optional
            Value of the first trial, and outside a trial. None: the first of `values`.
        parent_name, parent_values
            As for `Int`.

        Raises
        ------
        SpaceError
            If there are no values, or one of them twice, or the default is not among them.

        Examples
        --------
        >>> from hpo_magic import hp
        >>> hp.Choice(["relu", "tanh"])
        'relu'
        """
        return value_of_call("Choice", args, options, describe_choice)

    @overload
    def Boolean(
        self,
        default: bool = False,
        *,
        name: str | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> bool: ...

    @overload
    def Boolean(
        self,
        name: str,
        default: bool = False,
        *,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> bool: ...

    @_described_by(describe_boolean)
    def Boolean(self, *args: Any, **options: Any) -> bool:  # noqa: N802
        """Return True or False.

        Parameters
        ----------
        name : str, optional
            First, or by keyword, as for `Int`.
        default : bool
            Value of the first trial, and outside a trial.
        parent_name, parent_values
            As for `Int`.
        """
        value: bool = value_of_call("Boolean", args, options, describe_boolean)
        return value

    @overload
    def Fixed(
        self,
        value: T,
        *,
        name: str | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> T: ...

    @overload
    def Fixed(
        self,
        name: str,
        value: T,
        *,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> T: ...

    @_described_by(describe_fixed)
    def Fixed(self, *args: Any, **options: Any) -> Any:  # noqa: N802
        """Return `value`, which is the same in each trial and is stored with it.

        Parameters
        ----------
        name : str, optional
            First, or by keyword, as for `Int`.
        value : object
            A number, a string, or any object, function or class.
        parent_name, parent_values
            As for `Int`.
        """
        return value_of_call("Fixed", args, options, describe_fixed)
