"""The data flow through calls: functions of the notebook, methods of tables, and all others."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from hpo_magic.source.flow import names
from hpo_magic.source.flow.called import Called, last_name
from hpo_magic.source.flow.estimators import EstimatorFlow
from hpo_magic.source.flow.statistics import StatisticFlow
from hpo_magic.source.flow.values import (
    NONE,
    NOTHING,
    Kind,
    RowSet,
    Statistic,
    Statistics,
    Value,
    joined,
)

MOST_CALLS_DEEP = 4  # of functions of the notebook in each other


class CallFlow(EstimatorFlow, StatisticFlow):
    """Interprets calls."""

    def call(self, node: ast.Call) -> Value:
        """Return the value of a call."""
        name = last_name(node.func)
        method = isinstance(node.func, ast.Attribute)
        receiver = self.value(node.func.value) if isinstance(node.func, ast.Attribute) else NOTHING
        arguments = [self.value(one) for one in node.args]
        given = {word.arg or "": self.value(word.value) for word in node.keywords}
        function = self._function(node.func) or self._method(receiver, name)
        if function is not None and receiver.estimator:
            arguments = [receiver, *arguments]
        if function is not None and self._depth < MOST_CALLS_DEEP:
            return self.result_of(function, [*arguments, *given.values()])
        called = Called(node, name, receiver, arguments, given)
        for step in (
            self._estimator if receiver.estimator or not method else None,
            self._splitting,
            self._cross_validation,
            self._groups if receiver.grouped else None,
            self._order_in_time,
            self._statistic,
            self._copies,
            self._shuffling,
            self._fitting_function,
            self._of_estimator,
            self._about_columns,
        ):
            found = step(called) if step is not None else None
            if found is not None:
                return found
        return self._other(called)

    def _about_columns(self, called: Called) -> Value | None:
        """Return a table after a method that changes its columns."""
        table = called.receiver
        if not table.has_rows:
            return None
        if called.name == "drop":
            gone = [one.names for one in (*called.arguments, called.given.get("columns", NOTHING))]
            found = table.without_columns(name for some in gone for name in some)
            chosen = NONE.union(*(one.gives for one in called.everything))
            return self._in_place(called, found.with_statistics(as_selection(chosen)))
        if called.name == "assign":
            for name, value in called.given.items():
                table = table.with_column(name, value.all_held | value.gives)
            return table
        if called.name == "pop":
            gone_names = called.arguments[0].names if called.arguments else ()
            column = dict(table.columns)
            held = NONE.union(*(column.get(name, NONE) for name in gone_names))
            self._hold(called, table.without_columns(gone_names))
            return replace(table, columns=(), holds=table.holds | held)
        return None

    def _other(self, called: Called) -> Value:
        """Return what any other call gives: something made of the rows that it is given."""
        functions = [one.function for one in called.everything if one.function is not None]
        if functions and called.receiver.has_rows and not called.is_by_row:
            return self._mapped(called, functions)
        known = [one for one in (called.receiver, *called.everything) if one.has_rows or one.gives]
        if called.name in ("clone", "deepcopy") and called.data.estimator:
            return replace(called.data, gives=NONE)
        if known or called.name in ("list", "next", "iter", "enumerate", "zip", "reversed"):
            found = joined([called.receiver, *called.everything])
            if called.receiver.has_rows and not called.receiver.items:
                found = replace(found, columns=called.receiver.columns, holds=self._held(called))
                return self._in_place(called, found.with_statistics(found.gives | _gives(called)))
            items = called.arguments[0].items if len(called.arguments) == 1 else None
            if called.name == "next" and items:
                return items[0]
            if called.name in ("enumerate",):
                return Value(items=(Value(items=(NOTHING, called.arguments[0])),))
            self._use_container(called, found)
            is_table = called.name in names.TABLES
            return replace(found, items=None if is_table else items)
        parts = joined(called.everything)
        if parts.rows.parts or parts.shuffled:  # of indices
            return parts
        if names.MAKES_DATA.fullmatch(called.name):
            return Value(RowSet(frozenset([self._key(called)])))
        return NOTHING

    def _mapped(self, called: Called, functions: Iterable[object]) -> Value:
        """Return what functions of the notebook make of the columns or values of a table."""
        plain = replace(called.receiver, items=None)
        made = [
            self.result_of(function, [plain])
            for function in functions
            if isinstance(function, ast.AST) and self._depth < MOST_CALLS_DEEP
        ]
        return replace(joined([plain, *made]), columns=called.receiver.columns)

    def _held(self, called: Called) -> Statistics:
        return called.receiver.holds.union(*(one.all_held for one in called.everything))

    def _use_container(self, called: Called, found: Value) -> None:
        """Take note of rows that are given to a container that is trained or scored on."""
        if called.name in names.USES and called.data.has_rows:
            first = called.data.items[0] if called.data.items else called.data
            self._use(first if first.has_rows else found)

    def _in_place(self, called: Called, value: Value) -> Value:
        """Give the variable of the receiver the value, where the call works in place."""
        word = called.keyword("inplace")
        if isinstance(word, ast.Constant) and word.value is True:
            self._hold(called, value)
        return value

    def _hold(self, called: Called, value: Value) -> None:
        if called.holder is not None:
            self.assign(called.holder, value)

    def _method(self, receiver: Value, name: str) -> ast.AST | None:
        """Return a method of a class of the notebook, other than those of an estimator."""
        is_usual = name in names.USES or name.startswith("fit")
        return None if is_usual else self.classes.get(receiver.estimator, {}).get(name)

    def _function(self, node: ast.expr) -> ast.AST | None:
        known = self.variables.get(node.id) if isinstance(node, ast.Name) else None
        function = known.function if known is not None else None
        return function if isinstance(function, ast.AST) else None


def as_selection(statistics: Iterable[Statistic]) -> Statistics:
    """Return statistics as what columns were selected by."""
    return frozenset(replace(one, kind=Kind.SELECTED) for one in statistics)


def _gives(called: Called) -> Statistics:
    return NONE.union(*(one.gives for one in called.everything if not one.is_mask))
