"""A function whose parameters are those of a dataclass, for type checkers and for Shift-Tab."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import ParamSpec, TypeVar, get_type_hints

from hpo_magic.search.option import options_of

P = ParamSpec("P")
Result = TypeVar("Result")


def takes(arguments: Callable[P, object]) -> Callable[[Callable[..., Result]], Callable[P, Result]]:
    """Return a decorator that gives a function the signature of a class of options.

    In the function's docstring `{options}` becomes a list of the options.
    """
    hints = get_type_hints(arguments)
    parameters = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature(arguments).parameters.items()
    ]
    options = options_of(arguments) if isinstance(arguments, type) else ()
    listed = "\n    ".join(f"{o.name}\n        {o.text} [{o.shown_default}]" for o in options)

    def decorated(function: Callable[..., Result]) -> Callable[P, Result]:
        returned = get_type_hints(function)["return"]
        shown = signature(function).replace(parameters=parameters, return_annotation=returned)
        function.__signature__ = shown  # type: ignore[attr-defined]
        function.__doc__ = (function.__doc__ or "").replace("{options}", listed)
        return function

    return decorated
