"""Fingerprints of the rows that a search used; the rows of a test set are compared with them.

The arrays that the code reads from outside are stored before the search. The arrays that its fits
trained and validated on are stored for the first training on each seed: new seeds may make new
splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpo_magic.core.ports import Fit
from hpo_magic.core.records import UsedRows
from hpo_magic.honesty.leaks import Fingerprints, Overlap, overlap, row_fingerprints
from hpo_magic.inputs.rows import dense_rows, rows_in

# Longer arrays are sampled evenly: a million rows of a hundred numbers would take a second.
MOST_ROWS = 200_000


def rows_read(values: Mapping[str, Any]) -> list[UsedRows]:
    """Return the rows of what the code reads from outside, whatever holds them."""
    return [
        UsedRows(prints_of(array), is_fitted=False) for array in rows_in(values).arrays.values()
    ]


def fitted_rows(fits: Sequence[Fit]) -> list[UsedRows]:
    """Return the rows that fits trained and validated on."""
    found = {f"{i}": array for i, fit in enumerate(fits) for array in [fit.arrays()]}
    return [UsedRows(prints_of(array), is_fitted=True) for array in rows_in(found).arrays.values()]


def prints_of(array: Any) -> Fingerprints:
    """Return the fingerprints of the rows of an array, a table or a sparse matrix.

    Shape (n_rows,), or (MOST_ROWS,) of more.

    Of very many rows an even sample is taken.
    """
    return row_fingerprints(dense_rows(array, MOST_ROWS))


def leak_of(test: Fingerprints, used: Sequence[UsedRows]) -> tuple[Overlap, bool]:
    """Return how many test rows the search used, and whether a fit used them or only the code.

    `test` has the shape (n_rows,).

    Data that the code only read counts unless a fit used a part of it: a cell that splits its data
    in three reads the test rows, too, and fits on other rows.
    """
    fitted = [one.rows for one in used if one.is_fitted]
    found = overlap(test, fitted)
    if found.is_leak:
        return found, True
    known = np.concatenate(fitted) if fitted else np.empty(0, dtype=np.uint64)
    read = [one.rows for one in used if not one.is_fitted]
    return overlap(test, [rows for rows in read if not np.isin(rows, known).any()]), False
