"""The data flow through splits: train_test_split, KFold, cross-validations."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from hpo_magic.source.flow import names
from hpo_magic.source.flow.called import Called
from hpo_magic.source.flow.state import FlowState, Split
from hpo_magic.source.flow.values import (
    NONE,
    NOTHING,
    Finding,
    Kind,
    RowSet,
    Value,
    joined,
)


class SplitFlow(FlowState):
    """Interprets calls that split rows."""

    def _splitting(self, called: Called) -> Value | None:
        """Return the parts that a function splits rows into."""
        if called.name == "train_test_split":
            return self._train_test_split(called)
        if called.name in ("random_split", "split", "array_split") and called.data.has_rows:
            if called.name != "random_split" and called.node.args[:1] == []:
                return None  # a text's split
            return self._split_in_pieces(called)
        if called.name in ("take", "skip") and called.receiver.has_rows and called.node.args:
            key = (
                f"take {ast.unparse(called.node.args[0])} of {sorted(called.receiver.rows.sources)}"
            )
            return self._side(called, key, called.receiver, called.name)
        if called.name == "sample" and called.receiver.has_rows:
            return self._sample(called)
        if called.name == "drop" and called.receiver.has_rows and called.arguments:
            gone = called.arguments[0].rows.parts  # df.drop(train.index)
            sides = [part for part in gone if part[1] == "sampled"]
            if sides:
                self.splits[sides[0][0]].sides.add("left")
                return called.receiver.in_parts([(sides[0][0], "left")])
        return None

    def _train_test_split(self, called: Called) -> Value:
        is_random = not called.is_false("shuffle")
        key = self._key(called)
        self._split_at(called, key, called.arguments, {"0", "1"}, is_random=is_random)
        arrays = list(called.arguments)
        sides = [one.in_parts([(key, side)]) for one in arrays for side in ("0", "1")]
        rows = joined([one.in_parts([(key, "0")]) for one in arrays])
        return replace(rows, items=tuple(sides))

    def _split_in_pieces(self, called: Called) -> Value:
        key = self._key(called)
        is_random = called.name == "random_split"
        self._split_at(called, key, [called.data], {"0", "1"}, is_random=is_random)
        sides = tuple(called.data.in_parts([(key, f"{i}")]) for i in range(4))
        return replace(sides[0], items=sides)

    def _sample(self, called: Called) -> Value:
        """Return a random part of a table, or all its rows in random order."""
        share = called.keyword("frac")
        if isinstance(share, ast.Constant) and share.value == 1:
            return self._shuffled(called, called.receiver)
        return self._side(called, self._key(called), called.receiver, "sampled", is_random=True)

    def _side(
        self, called: Called, key: str, value: Value, side: str, *, is_random: bool = False
    ) -> Value:
        """Return the rows on one side of a split, whose other side another call may have."""
        self._split_at(called, key, [value], {side}, is_random=is_random)
        return value.in_parts([(key, side)])

    def _split_by(self, called: Called) -> Value:
        """Return the pairs of indices that a splitter such as KFold gives."""
        if called.name != "split":
            return NOTHING
        kind, key = called.receiver.estimator, self._key(called)
        is_random = kind in names.SPLITTERS_AT_RANDOM or called.receiver.shuffled is not None
        is_in_time = kind in names.SPLITTERS_IN_ORDER
        self._split_at(
            called, key, [called.data], {"0", "1"}, is_random=is_random, is_in_time=is_in_time
        )
        pair = tuple(Value(RowSet(parts=frozenset([(key, side)]))) for side in ("0", "1"))
        return Value(items=(Value(items=pair),))

    def _cross_validation(self, called: Called) -> Value | None:
        """Return what a cross-validation gives; its rows are split inside."""
        if called.name not in names.CROSS_VALIDATIONS:
            return None
        data = called.arguments[1] if len(called.arguments) > 1 else called.given.get("X", NOTHING)
        self._use(self._all_sides(called, data))
        target = called.arguments[2] if len(called.arguments) > 2 else NOTHING
        return replace(target, holds=NONE) if called.name == "cross_val_predict" else NOTHING

    def _all_sides(self, called: Called, data: Value, *, is_in_order: bool = False) -> Value:
        """Return the rows on one side of a split inside of the call."""
        key = self._key(called)
        cv = called.given.get("cv", NOTHING)
        self._split_at(
            called,
            key,
            [data],
            {"0", "1"},
            is_random=cv.estimator in names.SPLITTERS_AT_RANDOM or cv.shuffled is not None,
            is_in_time=cv.estimator in names.SPLITTERS_IN_ORDER,
        )
        return data.in_parts([(key, "0")])

    def _split_at(
        self,
        called: Called,
        key: str,
        data: Iterable[Value],
        sides: set[str],
        *,
        is_random: bool = False,
        is_in_time: bool = False,
    ) -> None:
        """Take note of a split, and whether it breaks an order in time."""
        split = self.splits.setdefault(key, Split(self.place(called.node)))
        split.sides |= sides
        for value in data:
            timed = value.timed or (split.place if is_in_time else None)
            if timed and (is_random or value.shuffled):
                what = called.name if is_random else "shuffled rows"
                place = split.place if is_random else (value.shuffled or split.place)
                split.leak_in_time = Finding(Kind.TIME, what, place, split.place)
