"""Leaks that the data itself shows before a search: rows in both parts, the target as a feature.

Pure functions of arrays. Each is careful with data that is so by nature: tables with few different
rows, a pair of equal flowers, features that come centred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray

Array = npt.NDArray[np.generic]

# Fewer equal rows, or a smaller share of them, are met in data without a fault.
FEWEST_COPIES, LEAST_SHARE = 3, 0.01
# Of a column whose values seldom come twice this share is different.
MOSTLY_DIFFERENT = 0.5
# More numbers are compared in a sample of rows: a million rows of ten numbers take 30 ms.
MOST_NUMBERS = 10_000_000
# How near a mean must be to 0 and a standard deviation to 1, where the numbers are float32.
ROUNDING = 1e-4
FEWEST_ROWS = 20
MOST_COLUMNS = 2_000
MOST_CLASSES = 20
# What is looked at first: most data is ruled out by it, in milliseconds.
SOME_ROWS, SOME_COLUMNS = 200, 8
SOME_HELD_OUT = 5_000
# A column that tells the target on so many rows is a leak, whatever it does on the others.
MOST_ROWS = 50_000


class Copies(NamedTuple):
    """Rows that are there twice: how many of how many."""

    n_copies: int
    n_rows: int


def shared_rows(train: Array, held_out: Array) -> Copies | None:
    """Return how many held-out rows are training rows, too; None if none more than by nature.

    Both have the shape (n_rows, ...) with as many values in each row.
    """
    if not (np.ndim(train) and np.ndim(held_out) and len(train) and len(held_out)):
        return None
    if _width(train) != _width(held_out):
        return None
    rough = _hashes(train, n_numbers=1)
    some = _hashes(held_out[_spread(len(held_out), SOME_HELD_OUT)], n_numbers=1)
    if rough is None or some is None:
        return None
    if not _may_be_copies(int(np.isin(some, rough).sum()), len(some)):
        return None
    one, other = _hashes(train), _hashes(held_out)
    if one is None or other is None:
        return None
    is_there = np.isin(other, one)
    together = np.concatenate([_rows(train), _rows(held_out)])
    return _unnatural(is_there, _rows(held_out), together)


def repeated_rows(rows: Array) -> Copies | None:
    """Return how many rows are copies of others; None if no more than such data has by nature.

    Shape (n_rows, ...). A random split puts copies of a row into both parts.
    """
    rough = _hashes(rows, n_numbers=1)
    if rough is None:
        return None
    in_order = np.sort(rough)
    if not _may_be_copies(1 + int((in_order[1:] == in_order[:-1]).sum()), len(rough)):
        return None
    hashes = _hashes(rows)
    if hashes is None:
        return None
    _, places, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return _unnatural(counts[places.reshape(-1)] > 1, _rows(rows), _rows(rows))


def column_of_target(features: Array, target: Array) -> int | None:
    """Return the column of the features that tells the target exactly; None if there is none.

    It does if each of its values goes with one value of the target and the other way round, in the
    same or the reverse order where both are numbers. Several columns do together if they are the
    target's one-hot code; then the first of them is returned.

    Parameters
    ----------
    features : shape (n_rows, n_columns)
        One column alone may be all that a target is made of, and is not looked at.
    target : shape (n_rows,)
    """
    table, wanted = np.asarray(features), np.ravel(np.asarray(target))
    if table.ndim != 2 or table.shape[1] < 2 or table.shape[1] > MOST_COLUMNS:
        return None
    if len(table) != len(wanted) or len(table) < FEWEST_ROWS:
        return None
    if len(table) > MOST_ROWS:
        kept = _spread(len(table), MOST_ROWS)
        table, wanted = table[kept], wanted[kept]
    codes, n_classes = _codes(wanted)
    if n_classes < 2:
        return None
    some = _some_of_each(codes)
    # Values that come once each fit to anything, in some order.
    is_ordered = n_classes > MOST_CLASSES
    one_hot: dict[int, int] = {}
    for column in range(table.shape[1]):
        if not _may_tell(table[some, column], codes[some], is_ordered=is_ordered):
            continue
        own, n_own = _codes(table[:, column])
        if n_own == n_classes and _is_same_code(own, codes, n_classes, is_ordered=is_ordered):
            return column
        if n_own == 2 and not is_ordered and n_classes > 2:
            of = _class_marked(own, codes, n_classes)
            if of is not None:
                one_hot.setdefault(of, column)
    is_complete = n_classes > 2 and len(one_hot) >= n_classes - 1
    return min(one_hot.values()) if is_complete else None


def are_scaled_together(train: Array, *others: Array) -> bool:
    """Return whether rows were standardized together: their means are 0 and their deviations 1.

    Parameters
    ----------
    train, others : shape (n_rows, n_columns)
        The training rows, and the others; of rows that are split later the former alone. With
        others the training rows by themselves must not be standardized: then the scaler is theirs.
    """
    if not _may_be_standardized([train, *others]):
        return False
    tables = [_numbers(one) for one in (train, *others)]
    known = [one for one in tables if one is not None]
    if len(known) < len(tables) or len({one.shape[1] for one in known}) > 1:
        return False
    together = np.concatenate(known)
    if len(together) < FEWEST_ROWS or together.shape[1] < 1:
        return False
    return _is_standardized(together) and not (others and _is_standardized(known[0]))


def _may_be_standardized(tables: Sequence[Array]) -> bool:
    """Return whether some columns of these rows together have mean 0 and deviation 1.

    Each has the shape (n_rows, n_columns).
    """
    known = [np.asarray(one) for one in tables]
    if any(one.ndim != 2 or one.dtype.kind != "f" for one in known):
        return False
    if len({one.shape[1] for one in known}) > 1:
        return False
    n_columns = known[0].shape[1]
    for column in _spread(n_columns, SOME_COLUMNS):
        together = np.concatenate([one[:, column] for one in known]).astype(np.float64)
        if len(together) and np.ptp(together) > 0 and not _is_standardized(together[:, None]):
            return False
    return True


def _is_standardized(table: FloatArray) -> bool:
    """Return whether all columns have mean 0 and deviation 1; shape (n_rows, n_columns)."""
    varied = table[:, table.std(axis=0) > 0]
    if not varied.shape[1]:
        return False
    deviations = (varied.std(axis=0), varied.std(axis=0, ddof=1))
    near = [bool((np.abs(one - 1) < ROUNDING / 10).all()) for one in deviations]
    return any(near) and bool((np.abs(varied.mean(axis=0)) < ROUNDING / 10).all())


def _may_be_copies(n_found: int, n_rows: int) -> bool:
    """Return whether copies may be more than data without a fault has, by a part of the rows."""
    return n_found >= max(FEWEST_COPIES - 1, n_rows * LEAST_SHARE / 2)


def _unnatural(is_copy: npt.NDArray[np.bool_], rows: Array, among: Array) -> Copies | None:
    """Return how many rows are copies, if rows of this kind are seldom equal by nature.

    They seldom are if a column has mostly different values, in the different rows of the data and
    in those that have a copy: not the one value that missing numbers were filled with.

    `is_copy` has the shape (n_rows,), `rows` (n_rows, n_values), `among` as many columns.
    """
    n_found = int(is_copy.sum())
    if n_found < FEWEST_COPIES or n_found < LEAST_SHARE * len(rows):
        return None
    copied, different = _different(rows[is_copy]), _different(among)
    if len(copied) < FEWEST_COPIES:
        return None
    is_found = any(
        _share_of_different(different[:, k]) > MOSTLY_DIFFERENT
        and _share_of_different(copied[:, k]) > MOSTLY_DIFFERENT
        for k in _some_columns(different.shape[1])
    )
    return Copies(n_found, len(rows)) if is_found else None


def _different(rows: Array) -> Array:
    """Return the rows without repeated ones; shapes (n_rows, n_values), (n_different, n_values)."""
    hashes = _hashes(rows)
    if hashes is None:
        return rows
    _, first = np.unique(hashes, return_index=True)
    return np.asarray(rows[first])


def _share_of_different(column: Array) -> float:
    """Return the number of different values by that of rows; shape (n_rows,)."""
    known = column[column == column]
    return len(set(known.tolist())) / max(len(column), 1)


def _some_columns(n: int) -> list[int]:
    """Return which columns are looked at: 30, evenly spread."""
    return [int(k) for k in np.unique(np.linspace(0, n - 1, min(n, 30)).astype(int))] if n else []


def _spread(n: int, most: int) -> npt.NDArray[np.intp]:
    """Return at most so many of n places, evenly spread; shape (min(n, most),)."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))


def _some_of_each(codes: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return some rows, with two of each class where there are few classes.

    `codes` has the shape (n_rows,), the result (n_some,).
    """
    in_order = np.argsort(codes, kind="stable")
    _, first = np.unique(codes[in_order], return_index=True)
    of_each = [first, first + 1] if len(first) <= MOST_CLASSES else []
    places = np.concatenate([*of_each, np.linspace(0, len(codes) - 1, SOME_ROWS)])
    return in_order[np.minimum(places.astype(np.intp), len(codes) - 1)]


def _may_tell(column: Array, codes: npt.NDArray[np.intp], *, is_ordered: bool) -> bool:
    """Return whether a column may tell the target, or mark a class of it, by some of the rows.

    Both have the shape (n_some,).
    """
    own, n_own = _codes(column)
    known, n_classes = _codes(codes)
    if n_own == n_classes and _is_same_code(own, known, n_classes, is_ordered=is_ordered):
        return True
    return n_own == 2 and not is_ordered and _class_marked(own, known, n_classes) is not None


def _width(array: Array) -> int:
    """Return the number of values in a row; shape (n_rows, ...)."""
    return int(np.reshape(array, (len(array), -1)).shape[1])


def _rows(array: Array) -> Array:
    """Return rows as a table, of very many numbers the first part.

    `array` has the shape (n_rows, ...), the result (at most n_rows, n_values).
    """
    table = np.reshape(array, (len(array), -1))
    return table[: max(1, MOST_NUMBERS // max(1, table.shape[1]))]


def _hashes(array: Array, n_numbers: int = 2) -> npt.NDArray[np.generic] | None:
    """Return a number for each row, equal for equal rows; None for what cannot be compared.

    Of many thousands of rows some that differ have the same one number; two numbers tell them.

    `array` has the shape (n_rows, ...), the result (n_rows,).
    """
    if np.ndim(array) < 1 or not len(array):
        return None
    table = _rows(array)
    if table.dtype.kind in "OUS":
        try:
            return np.array([hash(tuple(row)) for row in table.tolist()])
        except TypeError:
            return None
    if table.dtype.kind not in "biuf":
        return None
    numbers = np.asarray(table, dtype=np.float64)
    weights = np.random.default_rng(0).standard_normal((numbers.shape[1], n_numbers))
    mixed = numbers @ weights
    if not np.isfinite(mixed).all():
        mixed = np.nan_to_num(numbers, nan=1.2345e9) @ weights
    rounded = np.round(mixed, 9)
    return np.asarray(rounded[:, 0] if n_numbers == 1 else rounded[:, 0] + 1j * rounded[:, 1])


def _numbers(array: Array) -> FloatArray | None:
    """Return a table of floats, shape (n_rows, n_columns); None if it is none, or has NaN."""
    table = np.asarray(array)
    if table.ndim != 2 or table.dtype.kind != "f" or table.shape[1] > MOST_COLUMNS:
        return None
    numbers = np.asarray(_rows(table), dtype=np.float64)
    return numbers if np.isfinite(numbers).all() else None


def _codes(column: Array) -> tuple[npt.NDArray[np.intp], int]:
    """Return the place of each value among the different ones, shape (n_rows,), and their number.

    `column` has the shape (n_rows,).
    """
    values = np.asarray(column)
    if values.dtype == object:
        values = np.array([str(one) if isinstance(one, str) else one for one in values.tolist()])
    different, places = np.unique(values, return_inverse=True)
    return np.asarray(places.reshape(-1), dtype=np.intp), len(different)


def _is_same_code(
    own: npt.NDArray[np.intp], codes: npt.NDArray[np.intp], n: int, *, is_ordered: bool
) -> bool:
    """Return whether two codes name the same sets of rows, if asked in (reverse) order.

    Both have the shape (n_rows,).
    """
    if is_ordered:
        return bool((own == codes).all() or (own == n - 1 - codes).all())
    return len(np.unique(own * n + codes)) == n


def _class_marked(
    own: npt.NDArray[np.intp], codes: npt.NDArray[np.intp], n_classes: int
) -> int | None:
    """Return the class whose rows a column of two values marks; None if it marks none.

    Both have the shape (n_rows,).
    """
    counts = np.bincount(own * n_classes + codes, minlength=2 * n_classes).reshape(2, n_classes)
    for side in counts:
        classes = np.flatnonzero(side)
        if len(classes) == 1 and side[classes[0]] == counts[:, classes[0]].sum():
            return int(classes[0])
    return None
