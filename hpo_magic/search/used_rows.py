"""The rows that a search used, as fingerprints on disk: what the test's rows are compared with.

Arrays that the code reads from outside are recorded before the search, and those that a watched fit
trained and validated on, at the first training on each seed (new seeds may make new splits).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hpo_magic.core.log import caught
from hpo_magic.core.ports import Fit
from hpo_magic.core.records import UsedRows
from hpo_magic.honesty.leaks import Fingerprints, Overlap, overlap, row_fingerprints

# Arrays with fewer rows are settings or labels of something else, not data.
FEWEST_ROWS = 5
# Of longer arrays an even sample is recorded: a million rows of a hundred numbers take a second.
MOST_ROWS = 200_000


def rows_read(values: Mapping[str, Any]) -> list[UsedRows]:
    """Return the rows of the arrays that the code reads from outside, by name in `values`."""
    return [UsedRows(prints_of(array), is_fitted=False) for array in arrays_in(values).values()]


def fitted_rows(fits: Sequence[Fit]) -> list[UsedRows]:
    """Return the rows that fits trained and validated on."""
    found = {f"{i}": array for i, fit in enumerate(fits) for array in [fit.arrays()]}
    return [UsedRows(prints_of(array), is_fitted=True) for array in arrays_in(found).values()]


def arrays_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays and tables with rows that can be told apart, by name.

    Those of one dimension are labels, which are all alike, unless they are texts. Containers are
    looked into once.
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
    """Return the fingerprints of an array's rows, or of an even sample of very many."""
    rows = np.asarray(array)
    if len(rows) > MOST_ROWS:
        rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(int)]
    return row_fingerprints(rows)


def leak_of(test: Fingerprints, used: Sequence[UsedRows]) -> tuple[Overlap, bool]:
    """Return how many test rows the search used, and whether a fit did; else it only read them.

    Data that was read counts if no fit is known to have used a part of it: a cell that splits in
    three reads the test rows too, and leaves them alone.
    """
    fitted = [one.rows for one in used if one.is_fitted]
    found = overlap(test, fitted)
    if found.is_leak:
        return found, True
    known = np.concatenate(fitted) if fitted else np.empty(0, dtype=np.uint64)
    read = [one.rows for one in used if not one.is_fitted]
    return overlap(test, [rows for rows in read if not np.isin(rows, known).any()]), False


def _array(value: Any) -> Any:
    """Return a value as an array if its rows can be told apart; else None."""
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
