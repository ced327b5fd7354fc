"""Why a cell cannot be frozen, and what to do then."""

from __future__ import annotations

import ast
from collections.abc import Collection
from importlib.util import find_spec
from typing import NamedTuple

from hpo_magic.errors import HpoError
from hpo_magic.source.matching import Matching
from hpo_magic.source.syntax import METHODS


class CannotFreeze(HpoError, ValueError):
    """A call cannot be replaced: `call` and `line` say which, `reason` why and what to do."""

    def __init__(self, call: str, line: int, reason: str) -> None:
        super().__init__(call, line, reason)
        self.call, self.line, self.reason = call, line, reason

    def __str__(self) -> str:
        """Return the sentence for the user."""
        return f"The cell cannot be frozen: {self.call} on line {self.line} {self.reason}"


def refuse_elsewhere(matching: Matching, unnamed: Collection[str] = ()) -> None:
    """Refuse a cell whose values code outside of it asked for, where they cannot be given to it.

    An objective of Optuna's is given a `FixedTrial`, a function of KerasTuner's `HyperParameters`.

    Parameters
    ----------
    unnamed
        The parameters that have their names from the place of their calls, which is our own way.

    Raises
    ------
    HpoError
        With the values, and what to do.
    """
    elsewhere = matching.elsewhere
    if not elsewhere or matching.trials:
        return
    told = ", ".join(f"{name}={value!r}" for name, value in elsewhere.items())
    is_got = _other_use(matching) is not None
    if matching.handed_on and not is_got and not set(elsewhere) & set(unnamed):
        if find_spec("keras_tuner") is not None:
            return
        raise HpoError(
            f"The cell cannot be frozen: a function outside of it that gets hp asked for {told}. "
            f"Install keras-tuner, whose HyperParameters can give it these values, or put the "
            f"function into the cell and search again."
        )
    if place := _other_use(matching):
        raise HpoError(
            f"The cell cannot be frozen: {place.text} on line {place.line} is no call, so which "
            f"call asked for {told} cannot be told. Write hp.Int(…) or the like where each value "
            f"is needed, and search again."
        )
    raise HpoError(
        f"The cell cannot be frozen: code outside of it asked for {told}. Put that code into the "
        f"cell, and search again."
    )


class _Use(NamedTuple):
    """A place of the cell where a method of `hp` is taken without a call."""

    text: str
    line: int


def _other_use(matching: Matching) -> _Use | None:
    """Return the first use of `hp` that is no call: `I = hp.Int`, `getattr(hp, "Int")`."""
    source = matching.source
    for node in source.nodes:
        parent = source.parents.get(node)
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            is_called = isinstance(parent, ast.Call) and parent.func is node
            if not is_called and ast.unparse(node.value) in matching.bases:
                return _Use(f"`{ast.unparse(node)}`", node.lineno)
        if isinstance(node, ast.Name) and node.id in matching.bases:
            is_got = isinstance(parent, ast.Call) and ast.unparse(parent.func) == "getattr"
            if is_got or isinstance(parent, ast.Assign):
                return _Use(f"`{ast.unparse(parent)}`", node.lineno)  # type: ignore[arg-type]
    return None


def refusal_of(call: ast.Call, reason: str) -> CannotFreeze:
    """Return the refusal of a call; `reason` goes on after it."""
    return CannotFreeze(f"{ast.unparse(call.func)}(...)", call.lineno, reason)
