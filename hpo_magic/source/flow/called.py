"""A call in a cell, with the values of what it is given."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo_magic.source.flow.values import (
    NOTHING,
    Value,
)


@dataclass(frozen=True)
class Called:
    """A call, with the values of what it is given."""

    node: ast.Call
    name: str
    receiver: Value
    arguments: Sequence[Value]
    given: Mapping[str, Value]

    @property
    def everything(self) -> list[Value]:
        """The values of all arguments."""
        return [*self.arguments, *self.given.values()]

    @property
    def data(self) -> Value:
        """The rows that it works on: the receiver, or the first argument."""
        if self.receiver.has_rows and not self.receiver.estimator:
            return self.receiver
        for name in ("X", "x", "a", "data", "arrays"):
            if name in self.given:
                return self.given[name]
        return self.arguments[0] if self.arguments else NOTHING

    @property
    def held_out(self) -> list[Value]:
        """The rows of `validation_data` and `eval_set`."""
        found = []
        for word in ("validation_data", "eval_set", "evals"):
            value = self.given.get(word, NOTHING)
            pairs = [value] if word == "validation_data" else value.items or ()
            found += [pair.items[0] if pair.items else pair for pair in pairs]
        return found

    @property
    def holder(self) -> ast.expr | None:
        """The expression of the receiver, if it can be assigned to."""
        owner = self.node.func.value if isinstance(self.node.func, ast.Attribute) else None
        return owner if isinstance(owner, ast.Name | ast.Subscript) else None

    @property
    def is_statement(self) -> bool:
        """Whether the call may change its arguments: `rng.shuffle(x)`."""
        return self.name == "shuffle" and isinstance(self.node.func, ast.Attribute)

    @property
    def is_by_row(self) -> bool:
        """Whether a statistic is computed for each row by itself."""
        place = 0 if self.receiver.has_rows else 1
        axis = self.keyword("axis") or self.keyword("dim")
        if axis is None and self.name not in ("quantile", "percentile", "nanpercentile", "agg"):
            axis = self.positional(place)
        if isinstance(axis, ast.Tuple):
            return all(not is_axis(one, (0,)) for one in axis.elts)
        return is_axis(axis, (1, -1, "columns"))

    def keyword(self, name: str) -> ast.expr | None:
        """Return the expression that is given by a keyword."""
        return next((word.value for word in self.node.keywords if word.arg == name), None)

    def positional(self, place: int) -> ast.expr | None:
        """Return the expression that is given at a place."""
        return self.node.args[place] if len(self.node.args) > place else None

    def is_false(self, name: str) -> bool:
        """Return whether a keyword is given as False."""
        word = self.keyword(name)
        return isinstance(word, ast.Constant) and word.value is False


def is_axis(node: ast.expr | None, wanted: tuple[object, ...]) -> bool:
    """Return whether an expression is one of these axes: numbers, or "columns"."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -1 in wanted and isinstance(node.operand, ast.Constant) and node.operand.value == 1
    return isinstance(node, ast.Constant) and node.value in wanted and node.value is not False


def last_name(node: ast.expr) -> str:
    """Return the name of a function without its module: "mean" of `np.mean`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
