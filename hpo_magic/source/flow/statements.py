"""The data flow through the statements of cells, and what is found in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hpo_magic.source.flow.expressions import ExpressionFlow
from hpo_magic.source.flow.state import Split, Use
from hpo_magic.source.flow.values import (
    NONE,
    NOTHING,
    Finding,
    Kind,
    Place,
    RowSet,
    Value,
    joined,
)


class Flow(ExpressionFlow):
    """Interprets cells, one after the other.

    Parameters
    ----------
    tables
        The variables that are tables, whose columns have statistics of their own.
    in_time
        The variables whose rows are known to be in the order of time.
    """

    def __init__(self, tables: Iterable[str] = (), in_time: Iterable[str] = ()) -> None:
        super().__init__(tables, in_time)
        self._returned: list[Value] = []
        self._condition = NONE  # the statistics that the statement depends on
        self._homes: dict[int, tuple[int, list[str]]] = {}  # the cells of functions
        self._counters: set[str] = set()  # of loops that go through all rows one by one

    def run(self, number: int, text: str, tree: ast.Module, *, is_searched: bool = False) -> None:
        """Interpret a cell; `number` is its execution count."""
        self._cell, self._lines = number, text.splitlines()
        self.is_searched = is_searched
        self._body(tree.body)

    @property
    def findings(self) -> list[Finding]:
        """What was done with rows that the searched cell uses, before they were split."""
        splits = frozenset(key for key, split in self.splits.items() if len(split.sides) > 1)
        found = [one for use in self.uses for one in self._leaks(use, splits)]
        in_time = {
            key: split.leak_in_time
            for key, split in self.splits.items()
            if split.leak_in_time is not None and key in splits
        }
        used = {key for use in self.uses for key, _ in use.value.rows.parts}
        found += [leak for key, leak in in_time.items() if key in used]
        return list(dict.fromkeys(found))

    def _leaks(self, use: Use, splits: frozenset[str]) -> Iterator[Finding]:
        rows = use.value.rows
        for one in sorted(use.value.all_held, key=lambda s: (s.place, s.what)):
            if rows.are_part_of(one.rows, splits):
                yield Finding(one.kind, one.what, one.place, self._split_of(rows, one.rows, splits))
        for one in sorted(use.given, key=lambda s: (s.place, s.what)):
            if rows.are_part_of(one.rows, splits):
                split = self._split_of(rows, one.rows, splits)
                yield Finding(Kind.MODEL, one.what, one.place, split)

    def _split_of(self, rows: RowSet, whole: RowSet, splits: frozenset[str]) -> Place | None:
        """Return where rows were split from the whole."""
        keys = {key for key, _ in rows.parts - whole.parts} & splits
        return min((self.splits[key].place for key in keys), default=None)

    # Statements.

    def _body(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:  # noqa: C901  (one case for each kind)
        match node:
            case ast.Assign():
                self._assigned(node.targets, node.value)
            case ast.AnnAssign(value=ast.expr() as value):
                self.assign(node.target, self.value(value))
            case ast.AugAssign():
                expression = ast.BinOp(node.target, node.op, node.value)
                self.assign(node.target, self.value(ast.copy_location(expression, node)))
            case ast.Expr():
                self._expression(node.value)
            case ast.Return():
                self._returned.append(self.value(node.value))
            case ast.For() | ast.AsyncFor():
                self._loop(node)
            case ast.If() | ast.While():
                before = self._condition
                self._condition = before | self._statistics_in(node.test)
                self._body([*node.body, *node.orelse])
                self._condition = before
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    found = self.value(item.context_expr)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, found)
                self._body(node.body)
            case ast.Try():
                handlers = [s for handler in node.handlers for s in handler.body]
                self._body([*node.body, *node.orelse, *node.finalbody, *handlers])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.variables[node.name] = Value(function=node)
                self._homes[id(node)] = (self._cell, self._lines)
            case ast.ClassDef():
                methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
                self.classes[node.name] = {one.name: one for one in methods}
                self._homes |= {id(one): (self._cell, self._lines) for one in methods}
            case ast.Delete():
                for target in node.targets:
                    self._delete(target)

    def _assigned(self, targets: Sequence[ast.expr], expression: ast.expr) -> None:
        value = self.value(expression)
        for target in targets:
            is_of_sets = isinstance(target, ast.Tuple | ast.List) and all(
                isinstance(one, ast.Tuple | ast.List) for one in target.elts
            )
            if is_of_sets and value.items is None and value.has_rows:
                value = _several_sets(value, len(target.elts))  # type: ignore[attr-defined]
            self.assign(target, value)

    def _expression(self, node: ast.expr) -> None:
        """Interpret an expression alone, such as `windows.append(row)`."""
        found = self.value(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append" | "extend")):
                before = self.variables.get(name, NOTHING)
                added = self.value(node.args[0]) if node.args else found
                self.variables[name] = replace(
                    joined([before, added]), items=None, names=before.names + added.names
                )
                known = self.variables[name]
                gives = known.gives | before.gives | self._condition
                self.variables[name] = replace(known, gives=gives)

    def _loop(self, node: ast.For | ast.AsyncFor) -> None:
        self.enter(node.target, node.iter)
        self._body([*node.body, *node.orelse])

    def enter(self, target: ast.expr, source: ast.expr) -> None:
        """Give the target of a loop the value of an item."""
        found = self.value(source)
        if isinstance(target, ast.Name) and _is_row_by_row(source):
            self._counters.add(target.id)
        if found.items is not None and found.items:
            items = found.items
            alike = all(one.items is not None for one in items)
            self.assign(target, items[0] if len(items) == 1 or alike else _each(items))
            return
        is_groups = found.grouped == "groups"
        plain = replace(found, grouped="", items=None)
        if is_groups and isinstance(target, ast.Tuple) and len(target.elts) > 1:
            self.assign(target.elts[1], plain)
            return
        self.assign(target, plain)

    def _delete(self, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.variables.pop(target.id, None)
        elif isinstance(target, ast.Subscript):
            owner, index = self.value(target.value), self.value(target.slice)
            self.assign(target.value, owner.without_columns(index.names))

    # Targets.

    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a target a value."""
        match target:
            case ast.Name(id=name):
                self.variables[name] = value
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for place, element in enumerate(elements):
                    items = value.items
                    known = items is not None and len(items) == len(elements)
                    one = items[place] if known and items is not None else value
                    self.assign(element, one if known else replace(one, items=None))
            case ast.Starred(value=inner):
                self.assign(inner, value)
            case ast.Subscript():
                self._assign_part(target, value)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                owner = self.variables.get(name, NOTHING)
                if owner.has_rows:
                    self.variables[name] = owner.with_column(attribute, value.all_held)

    def _assign_part(self, target: ast.Subscript, value: Value) -> None:
        """Put a value into columns or rows of a table or array."""
        holder = target.value
        if isinstance(holder, ast.Attribute) and holder.attr in ("loc", "iloc"):
            holder = holder.value
        owner = self.value(holder)
        timed = owner.timed or value.timed
        if not owner.has_rows:
            items = [*(owner.items or ()), value]
            known = replace(joined(items), items=tuple(items)) if value.has_rows else owner
            if isinstance(holder, ast.Name) and (value.has_rows or value.gives):
                self.variables[holder.id] = replace(known, gives=known.gives | value.gives)
            return
        slices = target.slice.elts[1:] if isinstance(target.slice, ast.Tuple) else [target.slice]
        index = self.value(slices[0]) if slices else NOTHING
        held = value.all_held | (NONE if value.is_mask else value.gives)
        found = owner
        for name in index.names:
            found = found.with_column(name, held)
        if not index.names:
            mine = frozenset(one for one in held if one.rows.sources & owner.rows.sources)
            found = replace(owner, holds=owner.holds | mine)
        if isinstance(holder, ast.Name | ast.Subscript | ast.Attribute):
            self.assign(holder, replace(found, timed=timed))

    # Functions of the notebook.

    def result_of(self, function: ast.AST, arguments: Sequence[Value]) -> Value:
        """Return what a function of the notebook returns, interpreted with these arguments."""
        outside, returned = dict(self.variables), self._returned
        here = self._cell, self._lines
        self._cell, self._lines = self._homes.get(id(function), here)
        self._returned, self._depth = [], self._depth + 1
        parameters = function.args  # type: ignore[attr-defined]
        defaults = [self.value(one) for one in parameters.defaults]
        names = [one.arg for one in (*parameters.posonlyargs, *parameters.args)]
        for name, value in zip(reversed(names), reversed(defaults), strict=False):
            self.variables[name] = value
        self.variables |= dict(zip(names, arguments, strict=False))
        if isinstance(function, ast.Lambda):
            self._returned = [self.value(function.body)]
        else:
            self._body(function.body)  # type: ignore[attr-defined]
        found = self._returned
        self.variables, self._returned, self._depth = outside, returned, self._depth - 1
        self._cell, self._lines = here
        if len(found) == 1:
            return found[0]
        return found[-1] if found else NOTHING

    # Sides of slices and masks.

    def _slice_at(self, key: str, side: str, owner: Value, node: ast.expr) -> None:
        split = self.splits.setdefault(key, Split(self.place(node)))
        split.sides.add(side)
        if owner.shuffled is not None and owner.timed is not None:
            split.leak_in_time = Finding(Kind.TIME, "shuffled rows", owner.shuffled, split.place)

    def _window(self, node: ast.Slice) -> Place | None:
        """Return the place of a slice that goes through all rows one by one: `x[i : i + 10]`."""
        if node.lower is None or node.upper is None:
            return None
        low = {one.id for one in ast.walk(node.lower) if isinstance(one, ast.Name)}
        high = {one.id for one in ast.walk(node.upper) if isinstance(one, ast.Name)}
        return self.place(node) if low & high & self._counters else None

    def _mask(self, key: str, side: str, node: ast.expr, values: Iterable[Value]) -> Value:
        """Return a mask, which is on a side of its own split."""
        known = list(values)
        split = self.splits.setdefault(key, Split(self.place(node)))
        split.sides.add(side)
        gives = NONE.union(*(one.gives for one in known))
        return Value(RowSet(parts=frozenset([(key, side)])), gives=gives, is_mask=True)


def flow_of(
    cells: Sequence[tuple[int, str, ast.Module]],
    searched: tuple[int, str, ast.Module],
    tables: Iterable[str] = (),
    in_time: Iterable[str] = (),
) -> list[Finding]:
    """Return what was done with rows before they were split, in the text of these cells.

    Parameters
    ----------
    cells
        The cells that ran before, in the order in which they ran: execution count, text, tree.
    searched
        The cell that is searched.
    tables, in_time
        As in `Flow`.
    """
    flow = Flow(tables, in_time)
    for number, text, tree in cells:
        flow.run(number, text, tree)
    flow.run(*searched, is_searched=True)
    return flow.findings


def _several_sets(value: Value, n: int) -> Value:
    """Return data sets of their own: `(x_train, y_train), (x_test, y_test) = load_data()`."""
    rows = [
        replace(value.rows, sources=frozenset(f"{source} {i}" for source in value.rows.sources))
        for i in range(n)
    ]
    return replace(value, items=tuple(replace(value, rows=one) for one in rows))


def _each(items: Sequence[Value]) -> Value:
    """Return a value that stands for each of several: the name of each column, say."""
    names = tuple(name for one in items for name in one.names)
    return replace(joined(items), items=None, names=names)


def _is_row_by_row(node: ast.expr) -> bool:
    """Return whether a loop goes over `range(…)` without a step."""
    is_range = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return is_range and node.func.id == "range" and len(node.args) < 3  # type: ignore[attr-defined]
