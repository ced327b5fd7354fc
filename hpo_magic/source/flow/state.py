"""The state of the data flow: variables, splits, and what the searched cell uses."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from hpo_magic.source.flow.called import Called
from hpo_magic.source.flow.values import (
    NONE,
    Finding,
    Place,
    Statistics,
    Value,
)


@dataclass
class Split:
    """A split of rows: where it is, the sides that are used, and whether it is at random.

    `leak_in_time` says that rows with an order in time were split at random.
    """

    place: Place
    sides: set[str] = field(default_factory=set)
    leak_in_time: Finding | None = None


@dataclass
class Use:
    """Rows that the searched cell trains or scores on; `given`: by a model fitted to these."""

    value: Value
    given: Statistics = NONE


class FlowState(ABC):
    """What is known while cells are interpreted: what all parts of the interpreter share."""

    def __init__(self, tables: Iterable[str] = (), in_time: Iterable[str] = ()) -> None:
        self.variables: dict[str, Value] = {}
        self.splits: dict[str, Split] = {}
        self.uses: list[Use] = []
        self.classes: dict[str, dict[str, ast.AST]] = {}  # the methods of the notebook's classes
        self.is_searched = False  # whether the cell is the one that is searched
        self._tables, self._in_time = frozenset(tables), frozenset(in_time)
        self._cell, self._lines = 0, [""]
        self._depth = 0

    @abstractmethod
    def value(self, node: ast.expr | None) -> Value:
        """Return the value of an expression."""

    @abstractmethod
    def result_of(self, function: ast.AST, arguments: Sequence[Value]) -> Value:
        """Return what a function of the notebook returns."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a target a value."""

    def place(self, node: ast.AST) -> Place:
        """Return where a node stands."""
        line = getattr(node, "lineno", 1)
        text = self._lines[line - 1].strip() if line <= len(self._lines) else ""
        return Place(self._cell, line, text)

    def _key(self, called: Called) -> str:
        node = called.node
        return f"{called.name} {self._cell}:{node.lineno}:{node.col_offset}"

    def _use(self, value: Value, given: Statistics = NONE) -> None:
        """Take note of rows that the searched cell trains or scores on."""
        if self.is_searched and value.has_rows:
            self.uses.append(Use(value, given))

    def _shuffled(self, called: Called, value: Value) -> Value:
        """Return rows in random order."""
        return replace(value, shuffled=value.shuffled or self.place(called.node))
