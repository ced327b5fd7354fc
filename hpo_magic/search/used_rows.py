"""Fingerprints of the rows that a search used; the rows of a test set are compared with them.

The arrays that the code reads from outside are stored before the search. The arrays that its fits
trained and validated on are stored for the first training on each seed: new seeds may make new
splits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpo_magic.core.log import caught
from hpo_magic.core.ports import Fit
from hpo_magic.core.records import UsedRows
from hpo_magic.honesty.leaks import Fingerprints, Overlap, overlap, row_fingerprints

# Arrays with fewer rows are taken for settings or labels, not for data.
FEWEST_ROWS = 5
# Longer arrays are sampled evenly: a million rows of a hundred numbers would take a second.
MOST_ROWS = 200_000


def rows_read(values: Mapping[str, Any]) -> list[UsedRows]:
    """Return the rows of the arrays that the code reads from outside, by name in `values`."""
    return [UsedRows(prints_of(array), is_fitted=False) for array in arrays_in(values).values()]


def fitted_rows(fits: Sequence[Fit]) -> list[UsedRows]:
    """Return the rows that fits trained and validated on."""
    found = {f"{i}": array for i, fit in enumerate(fits) for array in [fit.arrays()]}
    return [UsedRows(prints_of(array), is_fitted=True) for array in arrays_in(found).values()]


def arrays_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays and tables whose rows identify a data set, by name.

    One-dimensional arrays do not, as labels of different data are alike, unless they hold texts.
    Lists, tuples and dicts are searched one level deep.
    """
    found = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            parts = list(value.values())
        else:
            parts = list(value) if isinstance(value, list | tuple) else [value]
        for i, part in enumerate(parts):
            array = _array(part)
            if array is not None:
                found[f"{name}[{i}]" if isinstance(value, list | tuple | Mapping) else name] = array
    return found


def prints_of(array: Any) -> Fingerprints:
    """Return the fingerprints of an array's rows; of a sample if there are over `MOST_ROWS`."""
    rows = np.asarray(array)
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]
    return row_fingerprints(rows)


def leak_of(test: Fingerprints, used: Sequence[UsedRows]) -> tuple[Overlap, bool]:
    """Return how many test rows the search used, and whether a fit used them or only the code.

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


def _array(value: Any) -> Any:
    """Return a value as an array if its rows identify a data set; else None."""
    if not hasattr(value, "__array__") or isinstance(value, type):
        return None
    try:
        array = np.asarray(value)
    except Exception:  # noqa: BLE001  (a library's `__array__` may raise anything)
        caught("a value could not be read as an array")
        return None
    is_text = array.dtype.kind in "USO"
    has_rows = array.ndim > 1 or (array.ndim == 1 and is_text)
    return array if has_rows and len(array) >= FEWEST_ROWS else None
