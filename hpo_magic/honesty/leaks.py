"""Leaks: test data that the search used, recognized by name before it and by rows after it.

Caught: the same rows in another order, as another type, as a slice, in any array of the search.
Not caught: rows that were scaled, shifted or otherwise changed in between.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Fingerprints = npt.NDArray[np.uint64]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_OF_TESTS = re.compile(r"tests?|te|tst|test(set|data|x|y)|[xy]te(st)?|holdout|heldout")
# With one of these words the name is no data: test_size, train_test_split, test_accuracy.
_OF_OTHERS = re.compile(
    r"size|fraction|frac|ratio|share|percent|split|train|n|num|seed|every|fn|function"
    r"|loss|acc|accuracy|score|metrics?|error"
)


class Overlap(NamedTuple):
    """How many of the test's rows were used in the search.

    `n_alike`: how many would be found anyway, since the data has rows that are alike.
    """

    n_found: int
    n_rows: int
    n_alike: float

    @property
    def is_leak(self) -> bool:
        """Whether there are more than rows that are alike explain (by three standard errors)."""
        return self.n_found > self.n_alike + 3 * math.sqrt(self.n_alike)


def row_fingerprints(array: npt.ArrayLike) -> Fingerprints:
    """Return a fingerprint of each row; shape (n_rows,), the same in every process.

    Equal numbers have equal fingerprints, whatever their type and shape: integers, float32 and
    float64, images and the same images flattened. Numbers are compared to float32's seven digits.
    """
    rows = np.asarray(array)
    rows = rows.reshape(len(rows), -1) if rows.size else rows.reshape(len(rows), 0)
    numbers = _as_float32(rows)
    if numbers is not None:
        texts: Iterable[bytes] = (row.tobytes() for row in numbers)
    else:
        texts = ("\x1f".join(map(_text, row)).encode() for row in rows.tolist())
    digests = [hashlib.blake2b(text, digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def overlap(test: Fingerprints, used: Sequence[Fingerprints]) -> Overlap:
    """Return how many rows of a test set are in the arrays that a search used.

    Parameters
    ----------
    test : shape (n_rows,)
        Fingerprints of the test's rows.
    used
        Those of each array of the search. Not of labels alone: every label is alike.

    Notes
    -----
    The share of rows that have a twin within one array of the search, the largest over the arrays,
    is the share of new rows from the same source that have one there too.
    """
    if not used:
        return Overlap(0, len(test), 0.0)
    n_found = int(np.isin(test, np.concatenate(used)).sum())
    share = max((_share_of_twins(rows) for rows in used), default=0.0)
    return Overlap(n_found, len(test), share * len(test))


def looks_like_test_data(names: Iterable[str]) -> list[str]:
    """Return the names that look like test data, sorted.

    >>> looks_like_test_data(["x_test", "X_te", "test_images", "test_size", "latest", "x_train"])
    ['X_te', 'test_images', 'x_test']
    """
    return sorted(name for name in names if _is_test_name(name))


def _is_test_name(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    return any(map(_OF_TESTS.fullmatch, words)) and not any(map(_OF_OTHERS.fullmatch, words))


def _as_float32(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.float32] | None:
    """Return the rows as numbers; None if not all of them are.

    `rows` has the shape (n_rows, n_values), and so has the result.
    """
    if np.issubdtype(rows.dtype, np.complexfloating):
        rows = np.concatenate([rows.real, rows.imag], axis=1)
    if rows.dtype.kind not in "biufO":
        return None
    try:
        with np.errstate(over="ignore"):  # 1e300 becomes inf
            numbers = np.ascontiguousarray(rows, dtype=np.float32) + np.float32(0.0)  # no -0.0
    except (TypeError, ValueError):  # a table with texts in it
        return None
    numbers[np.isnan(numbers)] = np.nan  # there are many NaNs
    return numbers


def _text(value: object) -> str:
    """Return a cell of a mixed table so that 1, 1.0 and True are the same."""
    return repr(float(np.float32(value))) if isinstance(value, int | float) else repr(value)


def _share_of_twins(rows: Fingerprints) -> float:
    if len(rows) == 0:
        return 0.0
    _, counts = np.unique(rows, return_counts=True)
    return float(counts[counts > 1].sum()) / len(rows)
