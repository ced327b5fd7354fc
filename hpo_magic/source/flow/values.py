"""The abstract values of the data flow: rows, their parts, and the statistics that went into them.

A split gives each side a part, such as ("train_test_split in line 3", "0"). RowSet that were split
again have several. A statistic remembers the rows that it was computed from. It leaks into a value
whose rows are a part of these: then rows on the other side of a split went into it, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

Part = tuple[str, str]  # the split, and which of its sides
Parts = frozenset[Part]


class Kind(Enum):
    """What was done with rows before they were split."""

    FITTED = "fitted"  # a transformer or encoder was fitted on them
    STATISTIC = "statistic"  # a mean, maximum or the like of them was computed by hand
    GROUPS = "groups"  # a statistic of groups of them
    SELECTED = "selected"  # columns were selected by them
    COPIES = "copies"  # copies of them, or rows made from them, were added
    MODEL = "model"  # a model was fitted on them, and is scored on a part of them
    TIME = "time"  # they have an order in time that the split does not keep


class Place(NamedTuple):
    """A line of a cell: the cell's execution count (0: the cell that runs now), the line from 1."""

    cell: int
    line: int
    text: str = ""


@dataclass(frozen=True)
class RowSet:
    """Which rows a value has.

    Attributes
    ----------
    sources
        Where they come from: one name for each data set that was loaded or made.
    parts
        The sides of splits that they are on; none: all rows.
    is_stacked
        Whether rows of several sources were put below each other.
    """

    sources: frozenset[str] = frozenset()
    parts: Parts = frozenset()
    is_stacked: bool = False

    def are_part_of(self, others: RowSet, splits: frozenset[str]) -> bool:
        """Return whether these are some of other rows, and not all, by splits with two sides."""
        if not self.sources & others.sources:
            return False
        own = {part for part in self.parts if part[0] in splits}
        theirs = {part for part in others.parts if part[0] in splits}
        is_source_of_it = others.is_stacked and self.sources < others.sources
        return theirs <= own and (theirs != own or is_source_of_it)

    def are_apart_from(self, others: RowSet) -> bool:
        """Return whether these are on another side of a split than other rows."""
        sides = dict(others.parts)
        return any(split in sides and sides[split] != side for split, side in self.parts)


@dataclass(frozen=True)
class Statistic:
    """What was computed from rows: by a transformer that was fitted, or by hand."""

    kind: Kind
    what: str
    place: Place
    rows: RowSet


Statistics = frozenset[Statistic]
NONE: Statistics = frozenset()


@dataclass(frozen=True)
class Value:
    """What is known of a value.

    Attributes
    ----------
    rows
        Its rows; of a mask or an array of indices there are no sources, and its parts are those of
        what it selects.
    holds
        The statistics that went into its rows.
    gives
        The statistics that it is made of or was fitted to: they go into rows that it is combined
        with, or that it transforms.
    columns
        Statistics of single columns of a table, by name.
    names
        The text, or texts, that it is.
    without
        Names that a selection of columns leaves out.
    items
        The elements of a tuple or list; None for other values.
    estimator
        The class of an estimator; "" for other values.
    is_mask
        Whether it is the result of a comparison.
    grouped
        "groups" after `groupby`, "windows" after `rolling`; "" for other values.
    shuffled
        Where its rows were put into random order.
    timed
        Where an order in time was used: lags, rolling means, dates in a row.
    """

    rows: RowSet = RowSet()
    holds: Statistics = NONE
    gives: Statistics = NONE
    columns: tuple[tuple[str, Statistics], ...] = ()
    names: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    items: tuple[Value, ...] | None = None
    estimator: str = ""
    is_mask: bool = False
    grouped: str = ""
    shuffled: Place | None = None
    timed: Place | None = None
    function: object = field(default=None, compare=False)

    @property
    def has_rows(self) -> bool:
        """Whether it is data with rows that come from somewhere."""
        return bool(self.rows.sources)

    @property
    def all_held(self) -> Statistics:
        """The statistics in its rows, those of single columns included."""
        return self.holds.union(*(held for _, held in self.columns))

    def with_statistics(self, given: Statistics) -> Value:
        """Return the value after statistics of the same data went into all its columns."""
        mine = {one for one in given if one.rows.sources & self.rows.sources}
        return replace(self, holds=self.holds | mine)

    def with_column(self, name: str, held: Statistics) -> Value:
        """Return the table with a column that holds these statistics."""
        mine = frozenset(one for one in held if one.rows.sources & self.rows.sources)
        others = tuple((n, h) for n, h in self.columns if n != name)
        return replace(self, columns=(*others, (name, mine)))

    def without_columns(self, names: Iterable[str]) -> Value:
        """Return the table without some columns."""
        gone = set(names)
        return replace(self, columns=tuple((n, h) for n, h in self.columns if n not in gone))

    def in_parts(self, parts: Iterable[Part]) -> Value:
        """Return the rows of the value that are on these sides of splits."""
        return replace(self, rows=replace(self.rows, parts=self.rows.parts | frozenset(parts)))


NOTHING = Value()


class Finding(NamedTuple):
    """Something that was done with rows before they were split.

    Attributes
    ----------
    kind, what, place
        As in `Statistic`.
    split
        Where the rows were split afterwards; None where that is not known.
    """

    kind: Kind
    what: str
    place: Place
    split: Place | None = None


def joined(values: Iterable[Value]) -> Value:
    """Return what is made of several values by an operation on each row."""
    known = list(values)
    with_rows = [one for one in known if one.has_rows]
    if not with_rows:
        parts = frozenset().union(*(one.rows.parts for one in known))
        return Value(
            RowSet(parts=parts),
            gives=NONE.union(*(one.gives for one in known)),
            is_mask=any(one.is_mask for one in known),
            shuffled=_first(one.shuffled for one in known),
            timed=_first(one.timed for one in known),
        )
    sources = frozenset().union(*(one.rows.sources for one in with_rows))
    merged = Value(
        RowSet(sources, _parts_of(with_rows), any(one.rows.is_stacked for one in with_rows)),
        holds=NONE.union(*(one.all_held for one in with_rows)),
        gives=NONE.union(*(one.gives for one in with_rows)),
        is_mask=all(one.is_mask for one in with_rows),
        shuffled=_first(one.shuffled for one in known),
        timed=_first(one.timed for one in known),
    )
    return merged.with_statistics(NONE.union(*(o.gives for o in known if not o.is_mask)))


def _parts_of(values: Iterable[Value]) -> Parts:
    """Return the sides that rows beside each other are on; of several sides those of all."""
    known = [one.rows.parts for one in values]
    parts: Parts = frozenset().union(*known)
    is_one_side = len({key for key, _ in parts}) == len(parts)
    return parts if is_one_side else frozenset.intersection(*known)


def _first(places: Iterable[Place | None]) -> Place | None:
    return next((place for place in places if place is not None), None)
