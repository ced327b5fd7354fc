"""The data flow through expressions other than calls: columns, slices, masks, arithmetic."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace

from hpo_magic.source.flow import names
from hpo_magic.source.flow.calls import CallFlow, as_selection
from hpo_magic.source.flow.values import (
    NONE,
    NOTHING,
    Part,
    Place,
    RowSet,
    Statistics,
    Value,
    joined,
)

# Attributes of a fitted estimator that describe it and not the rows.
_OF_FITTED = ("n_features_in_", "feature_names_in_", "classes_", "n_iter_", "best_params_")
_ROW_SELECTORS = ("loc", "iloc")


class ExpressionFlow(CallFlow):
    """Interprets expressions."""

    def value(self, node: ast.expr | None) -> Value:  # noqa: C901  (one case for each kind)
        """Return the value of an expression."""
        match node:
            case None:
                return NOTHING
            case ast.Call():
                return self.call(node)
            case ast.Name():
                return self._name(node)
            case ast.Constant(value=str() as text):
                return Value(names=(text,))
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._subscript(node)
            case ast.Tuple() | ast.List() | ast.Set():
                return self._several([self.value(one) for one in node.elts])
            case ast.Dict():
                return self._several([self.value(one) for one in node.values])
            case ast.BinOp():
                return self._arithmetic(node)
            case ast.Compare():
                return self._comparison(node)
            case ast.UnaryOp():
                return self._unary(node)
            case ast.Lambda():
                return Value(function=node)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehension(node, node.elt)
            case ast.DictComp():
                return self._comprehension(node, node.value)
            case ast.NamedExpr():
                found = self.value(node.value)
                self.assign(node.target, found)
                return found
            case ast.Starred() | ast.Await() | ast.FormattedValue():
                return self.value(node.value)
            case ast.IfExp():
                return joined([self.value(node.body), self.value(node.orelse)])
            case ast.BoolOp():
                return replace(joined(self.value(one) for one in node.values), is_mask=True)
        return NOTHING

    def _name(self, node: ast.Name) -> Value:
        found = self.variables.get(node.id, NOTHING)
        if node.id in self._in_time and found.has_rows and found.timed is None:
            return replace(found, timed=self.place(node))
        return found

    def _several(self, items: Sequence[Value]) -> Value:
        """Return a tuple or list; of texts, one that has them all."""
        texts = tuple(name for one in items for name in one.names)
        return replace(joined(items), items=tuple(items), names=texts)

    def _attribute(self, node: ast.Attribute) -> Value:
        owner = self.value(node.value)
        if owner.estimator:
            is_learned = node.attr.endswith("_") and node.attr not in _OF_FITTED
            if is_learned or not owner.gives:
                return Value(gives=owner.gives)
            return replace(owner, gives=owner.gives)
        if not owner.has_rows:
            return owner
        if node.attr == "index":  # df.drop(train.index): the sides that it is on
            return Value(replace(owner.rows, sources=frozenset()))
        if node.attr in names.ABOUT_SHAPE:
            return NOTHING
        column = dict(owner.columns).get(node.attr)
        if column is not None:
            return replace(owner, columns=(), holds=owner.holds | column)
        return replace(owner, items=None) if node.attr in ("data", "target") else owner

    # Subscripts.

    def _subscript(self, node: ast.Subscript) -> Value:
        if isinstance(node.value, ast.Attribute) and node.value.attr in ("c_", "r_"):
            items = self.value(node.slice).items or (self.value(node.slice),)
            is_below = node.value.attr == "r_"
            return self.below_each_other(items, self.place(node)) if is_below else joined(items)
        owner = self.value(node.value)
        if owner.items is not None and not owner.columns:
            return self._item(owner, node)
        if owner.estimator or owner.function:
            return owner
        if not owner.has_rows:
            gives = owner.gives | self._statistics_in(node.slice)
            return replace(owner, rows=self._rows_of_index(owner, node), gives=gives)
        is_of_rows = isinstance(node.value, ast.Attribute) and node.value.attr in _ROW_SELECTORS
        if isinstance(node.slice, ast.Tuple):
            rows, *columns = node.slice.elts
            found = self._selected_rows(owner, rows, is_of_rows=True)
            return self._selected_columns(found, columns[0]) if columns else found
        if isinstance(node.slice, ast.Slice) or is_of_rows:
            return self._selected_rows(owner, node.slice, is_of_rows=True)
        index = self.value(node.slice)
        if index.names or index.without or (index.gives and not index.is_mask):
            return self._selected_columns(owner, node.slice)
        if index.rows.parts or index.is_mask or index.shuffled:
            return self._selected_rows(owner, node.slice, is_of_rows=True)
        return self._selected_columns(owner, node.slice)

    def _rows_of_index(self, owner: Value, node: ast.Subscript) -> RowSet:
        """Return the rows that a slice of indices stands for, such as `order[:n]`."""
        sides = [] if owner.gives else self._sides(owner, node.slice)
        return replace(owner.rows, parts=owner.rows.parts | frozenset(sides))

    def _item(self, owner: Value, node: ast.Subscript) -> Value:
        """Return an element of a tuple, list or dict."""
        items = owner.items or ()
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
            place = node.slice.value
            return items[place] if -len(items) <= place < len(items) else NOTHING
        if isinstance(node.slice, ast.Slice):
            return owner
        index = self.value(node.slice)
        if owner.has_rows and (index.rows.parts or index.is_mask):
            return owner.in_parts(index.rows.parts)
        return joined(items)

    def _selected_rows(self, owner: Value, node: ast.expr, *, is_of_rows: bool) -> Value:
        """Return some rows: a slice, a mask, or indices."""
        if isinstance(node, ast.Slice):
            is_all = node.lower is None and node.upper is None
            found = owner if is_all else owner.in_parts(self._sides(owner, node))
            return replace(found, timed=found.timed or self._window(node))
        index = self.value(node)
        shuffled = owner.shuffled or index.shuffled
        return replace(owner.in_parts(index.rows.parts), shuffled=shuffled)

    def _sides(self, owner: Value, node: ast.expr) -> list[Part]:
        """Return the sides that a slice is on: below its upper bound, not below its lower one."""
        if not isinstance(node, ast.Slice) or node.step is not None:
            return []
        of = ",".join(sorted(owner.rows.sources)) or "indices"
        sides = []
        for bound, side in ((node.lower, "from"), (node.upper, "before")):
            if bound is not None:
                key = f"slice at {ast.unparse(bound)} of {of} {sorted(owner.rows.parts)}"
                sides.append((key, side))
                self._slice_at(key, side, owner, node)
        return sides

    @abstractmethod
    def _slice_at(self, key: str, side: str, owner: Value, node: ast.expr) -> None: ...

    @abstractmethod
    def _window(self, node: ast.Slice) -> Place | None: ...

    def _selected_columns(self, owner: Value, node: ast.expr) -> Value:
        """Return some columns of a table, with the statistics that they were selected by."""
        index = self.value(node)
        own = NONE if index.is_mask else index.gives
        chosen = as_selection(self._statistics_in(node) | own)
        columns = dict(owner.columns)
        if index.names and not index.without:
            kept = {name: columns[name] for name in index.names if name in columns}
        else:
            gone = {*index.without}
            kept = {n: _certain(held) for n, held in columns.items() if n not in gone}
        if isinstance(node, ast.Constant):
            held = owner.holds.union(*kept.values())
            return replace(owner, columns=(), holds=held, items=None)
        found = replace(owner, columns=tuple(kept.items()), items=None)
        return found.with_statistics(chosen)

    def _statistics_in(self, node: ast.expr) -> Statistics:
        """Return the statistics that an expression is made of, masks included.

        A comparison with 0 selects what is not constant, which tells nothing.
        """
        if isinstance(node, ast.Compare):
            others = [one for one in node.comparators if not _is_zero(one)]
            if not others:
                return NONE
        found = self.value(node).gives
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                found |= self._statistics_in(child)
        return found

    # Operators.

    def _arithmetic(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and left.items is not None and right.items is not None:
            return self._several([*left.items, *right.items])
        if isinstance(node.op, ast.Div) and left.has_rows and self._is_whole_maximum(node.right):
            return left  # pixels: 255 or 16, whichever rows there are
        if isinstance(node.op, ast.BitAnd | ast.BitOr | ast.BitXor):
            return self._mask(ast.unparse(node), "1", node, [left, right])
        if left.names and right.names:
            return Value(names=left.names + right.names)
        return joined([left, right])

    def _is_whole_maximum(self, node: ast.expr) -> bool:
        """Return whether an expression is the maximum of all numbers of an array."""
        if not isinstance(node, ast.Call) or any(word.arg == "axis" for word in node.keywords):
            return False
        function = node.func
        if not isinstance(function, ast.Attribute) or function.attr not in ("max", "amax"):
            return False
        owner = node.args[0] if node.args else function.value
        root = owner
        while isinstance(root, ast.Attribute | ast.Subscript):
            root = root.value
        return not (isinstance(root, ast.Name) and root.id in self._tables)

    def _comparison(self, node: ast.Compare) -> Value:
        values = [self.value(node.left), *(self.value(one) for one in node.comparators)]
        right, operator = ast.unparse(node.comparators[0]), node.ops[0]
        left = ast.unparse(node.left)
        match operator:
            case ast.Lt() | ast.LtE():
                key, side = f"{left} at {right}", "before"
            case ast.Gt() | ast.GtE():
                key, side = f"{left} at {right}", "from"
            case ast.Eq():
                key, side = f"which {left}", right
            case ast.NotEq():
                key, side = f"which {left}", f"not {right}"
            case _:
                key, side = f"{left} in {right}", type(operator).__name__
        return self._mask(key, side, node, values)

    def _unary(self, node: ast.UnaryOp) -> Value:
        found = self.value(node.operand)
        if isinstance(node.op, ast.Invert | ast.Not) and found.is_mask:
            sides = [(key, f"not {side}") for key, side in found.rows.parts]
            for key, side in sides:
                if key in self.splits:
                    self.splits[key].sides.add(side)
            return replace(found, rows=replace(found.rows, parts=frozenset(sides)))
        if isinstance(node.op, ast.USub):
            return replace(found, items=None)
        return found

    @abstractmethod
    def _mask(self, key: str, side: str, node: ast.expr, values: Iterable[Value]) -> Value: ...

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, element: ast.expr
    ) -> Value:
        """Return what a comprehension makes of its items, and which names its conditions leave."""
        before = dict(self.variables)
        conditions: Statistics = NONE
        without: tuple[str, ...] = ()
        for one in node.generators:
            self.enter(one.target, one.iter)
            for condition in one.ifs:
                conditions |= self._statistics_in(condition)
                without += self._names_in(condition)
        found = self.value(element)
        self.variables = before
        is_names = not found.has_rows
        return replace(
            found,
            items=None,
            names=() if is_names else found.names,
            without=without,
            gives=found.gives | (conditions if is_names else NONE),
            is_mask=False,
        )

    @abstractmethod
    def enter(self, target: ast.expr, source: ast.expr) -> None:
        """Give the target of a loop the value of an item."""

    def _names_in(self, node: ast.expr) -> tuple[str, ...]:
        """Return the texts in an expression, those of variables included."""
        found: tuple[str, ...] = ()
        for child in ast.walk(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str):
                found += (child.value,)
            elif isinstance(child, ast.Name):
                found += self.variables.get(child.id, NOTHING).names
        return found


def _certain(held: Statistics) -> Statistics:
    """Return the statistics of a column that may be the target: a target's labels are encoded."""
    return frozenset(one for one in held if one.what != "LabelEncoder")


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (0, 0.0)
