"""The data flow through statistics, groups, windows of time, and copies of rows."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from hpo_magic.source.flow import names
from hpo_magic.source.flow.called import Called, is_axis
from hpo_magic.source.flow.state import FlowState
from hpo_magic.source.flow.values import (
    NOTHING,
    Kind,
    Place,
    RowSet,
    Statistic,
    Value,
    joined,
)

_DATE_RANGES = ("date_range", "period_range", "bdate_range")
# What the rows of a panel are dated by, repeated for each of its members, is no copy of rows.
_RANGES = (*_DATE_RANGES, "linspace")


class StatisticFlow(FlowState):
    """Interprets calls that compute something from many rows, or change which rows there are."""

    def _groups(self, called: Called) -> Value | None:
        """Return what a method of `groupby` or `rolling` gives."""
        receiver, name = called.receiver, called.name
        rows = replace(receiver, grouped="")
        if receiver.grouped == "windows" or name in names.OF_EARLIER_ROWS:
            is_window = name in ("rolling", "expanding", "ewm")
            return replace(rows, grouped="windows" if is_window else "")
        if name in ("sample", "apply", "filter", "get_group", "pipe"):
            return rows
        learned = Statistic(Kind.GROUPS, "groupby", self.place(called.node), receiver.rows)
        if name == "transform":
            first = called.node.args[0] if called.node.args else None
            is_earlier = isinstance(first, ast.Constant) and first.value in names.OF_EARLIER_ROWS
            return rows if is_earlier else rows.with_statistics(frozenset([learned]))
        if name in ("rolling", "expanding", "resample"):
            return replace(rows, grouped="windows")
        # A table with a row for each group: data of its own, and a statistic of the rows.
        return Value(RowSet(frozenset([self._key(called)])), gives=frozenset([learned]))

    def _order_in_time(self, called: Called) -> Value | None:
        """Return what uses an order in time: lags, windows, a range of dates."""
        place = self.place(called.node)
        if called.name in _DATE_RANGES:
            return Value(RowSet(frozenset([self._key(called)])), timed=place)
        if called.name in names.IN_TIME and called.data.has_rows:
            if called.name == "resample" and not called.receiver.has_rows:
                return None  # scikit-learn's
            is_window = called.name in ("rolling", "expanding", "ewm", "resample")
            grouped = "windows" if is_window else ""
            return replace(called.data, timed=place, grouped=grouped)
        if called.name == "groupby" and called.receiver.has_rows:
            return replace(called.receiver, grouped="groups")
        return None

    def _statistic(self, called: Called) -> Value | None:
        """Return a statistic of rows."""
        if called.name in names.ABOUT_SHAPE or called.name in ("len", "range", "print", "type"):
            return Value(is_mask=True) if called.name in names.ABOUT_SHAPE else NOTHING
        if called.name not in names.STATISTICS:
            return None
        several = [called.data, *called.everything]
        is_of_several = sum(one.has_rows for one in called.everything) > 1
        data = called.data if called.data.has_rows and not is_of_several else joined(several)
        if called.is_by_row or called.name == "append":
            return joined(called.everything)
        if not data.has_rows or data.is_mask:
            return Value(gives=data.gives)
        what = called.name
        learned = Statistic(Kind.STATISTIC, what, self.place(called.node), data.rows)
        return Value(gives=frozenset([learned]))

    def _fitting_function(self, called: Called) -> Value | None:
        """Return what functions such as `scale` make of rows."""
        data = called.data
        is_by_row = called.is_by_row and called.name not in ("zscore",)
        if called.name == "normalize" and not is_axis(called.keyword("axis"), (0,)):
            return None
        known = called.name in names.FITTING_FUNCTIONS or called.name == "normalize"
        if not known or not data.has_rows or is_by_row:
            return None
        learned = Statistic(Kind.FITTED, called.name, self.place(called.node), data.rows)
        return data.with_statistics(frozenset([learned]))

    def _copies(self, called: Called) -> Value | None:
        """Return rows below each other, or repeated ones."""
        if (
            called.name in names.CONCATENATIONS
            and called.node.args
            and not called.receiver.has_rows
        ):
            return self._concatenated(called)
        is_resample = called.name == "resample" and not called.is_false("replace")
        is_range = all(one.startswith(_RANGES) for one in called.data.rows.sources)  # of a panel
        is_repeated = called.name in ("repeat", "tile", "resample") and called.data.has_rows
        is_repeated &= not is_range
        if is_repeated and (called.name != "resample" or is_resample):
            copies = Statistic(Kind.COPIES, called.name, self.place(called.node), called.data.rows)
            found = called.data.with_statistics(frozenset([copies]))
            if called.name == "resample" and len(called.arguments) > 1:
                return replace(found, items=(found, *called.arguments[1:]))
            return found
        return None

    def _concatenated(self, called: Called) -> Value:
        axis = called.keyword("axis") or called.keyword("dim") or called.positional(1)
        items = called.arguments[0].items
        if items is None or is_axis(axis, (1, -1, "columns")):
            return joined(items or called.everything)
        found = self.below_each_other(items, self.place(called.node))
        return found

    def below_each_other(self, items: Sequence[Value], place: Place) -> Value:
        """Return rows below each other; copies of rows are taken note of."""
        known = [one for one in items if one.has_rows]
        if not known:
            return joined(items)
        parts = frozenset.intersection(*(one.rows.parts for one in known))
        sources = frozenset().union(*(one.rows.sources for one in known))
        rows = RowSet(sources, parts, len({one.rows.sources for one in known}) > 1)
        # What went into some of the rows is a statistic of rows among these.
        held = [
            replace(one, rows=replace(one.rows, parts=one.rows.parts & parts))
            for one in joined(items).all_held
        ]
        found = replace(joined(items), rows=rows, holds=frozenset(held))
        pairs = [(a, b) for i, a in enumerate(known) for b in known[:i]]
        if any(
            a.rows.sources & b.rows.sources and not a.rows.are_apart_from(b.rows) for a, b in pairs
        ):
            copies = Statistic(Kind.COPIES, "copies", place, rows)
            return found.with_statistics(frozenset([copies]))
        return found

    def _shuffling(self, called: Called) -> Value | None:
        """Return rows or indices in random order."""
        if called.name not in names.SHUFFLES:
            return None
        if called.name in ("permutation", "permuted") or called.receiver.has_rows:
            return self._shuffled(called, called.data)
        found = [self._shuffled(called, one) for one in called.arguments]
        for argument, value in zip(called.node.args, found, strict=False):
            if isinstance(argument, ast.Name) and called.is_statement:  # rng.shuffle(x)
                self.variables[argument.id] = value
        return replace(joined(found), items=tuple(found)) if len(found) > 1 else joined(found)
