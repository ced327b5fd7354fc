"""What the arguments of an `hp` call are in other tools, for those who come from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from inspect import signature
from typing import Any

_LOG = 'sampling="log"'
_HERE = {
    # Optuna
    "log": _LOG,
    "low": "min_value",
    "high": "max_value",
    "choices": "values",
    # scikit-optimize
    "prior": _LOG,
    "categories": "values",
    # Hyperopt
    "q": "step",
    "options": "values",
    "label": "name",
    # Ray Tune, Keras, ConfigSpace, Weights & Biases, NNI
    "lower": "min_value",
    "upper": "max_value",
    "min": "min_value",
    "max": "max_value",
    "start": "min_value",
    "stop": "max_value",
    "scale": _LOG,
    "distribution": _LOG,
    "items": "values",
    "base": _LOG,
    "initial_value": "default",
    "default_value": "default",
}

# Words that are meant for `sampling` where they stand in place of a step.
_SAMPLINGS = ("linear", "log", "reverse_log")


def refused_arguments(
    describe: Callable[..., Any],
    args: tuple[Any, ...],
    options: Mapping[str, Any],
) -> str:
    """Return why a call cannot have these arguments, and how it is written; "" if it can.

    Parameters
    ----------
    describe
        The function whose parameters the call has.
    args, options
        Those of the call, without its name.
    """
    known = signature(describe)
    try:
        step = known.bind(*args, **options).arguments.get("step")
    except TypeError as error:
        takes = [*known.parameters, "name"]
        ours = {n: _written_here(n, takes) for n in options if n not in takes}
        here = [f"{theirs}= is {written} here" for theirs, written in ours.items() if written]
        return f"{error}. {'; '.join(here) or 'It takes ' + ', '.join(takes)}."
    return f"write sampling={step!r}." if isinstance(step, str) and step in _SAMPLINGS else ""


def _written_here(name: str, takes: list[str]) -> str:
    """Return how an argument that is not known is written; "" if that cannot be told."""
    written = _HERE.get(name, "")
    if written.partition("=")[0] in takes:
        return written
    return next(iter(get_close_matches(name, takes, 1, 0.75)), "")
