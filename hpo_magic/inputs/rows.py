"""The arrays, tables and sparse matrices among values, and what may have rows that are not seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.inputs.reading import Kind, as_array
from hpo_magic.inputs.walk import Node, is_dataset, walk

# Arrays with fewer rows are settings or labels of something else, not data.
FEWEST_ROWS = 5
# Rows of a sparse matrix are compared as dense ones, so many numbers at a time.
MOST_NUMBERS = 8_000_000


@dataclass(frozen=True)
class RowsFound:
    """What has rows among values.

    Attributes
    ----------
    arrays
        Arrays, tables and sparse matrices whose rows can be told apart, by path.
    labels
        Arrays of one dimension, by path: their rows are all alike.
    not_seen
        The variables that may have rows which only running the code would show.
    """

    arrays: Mapping[str, Any]
    labels: Mapping[str, npt.NDArray[Any]]
    not_seen: tuple[str, ...]


def rows_in(values: Mapping[str, Any]) -> RowsFound:
    """Return what has rows among values by name, in whatever holds it; weights of models do not."""
    arrays: dict[str, Any] = {}
    labels: dict[str, npt.NDArray[Any]] = {}
    not_seen: set[str] = set()
    with_rows: set[str] = set()
    for node in _outside_models(walk(values)):
        is_hidden = node.reading.kind is Kind.SELECTION and node.reading.rows is None
        if is_hidden or (node.reading.unseen and node.reading.kind is not Kind.CODE):
            not_seen.add(node.root)
        if any(node.reading.same_as.startswith(name) for name in with_rows):
            with_rows.add(node.root)
        for path, rows in _rows_of(node):
            n_dimensions, n_rows, is_text = _shape_of(rows)
            if n_rows < FEWEST_ROWS or n_dimensions == 0:
                continue
            with_rows.add(node.root)
            if n_dimensions > 1 or is_text:
                arrays[path] = rows
            else:
                labels[path] = np.asarray(rows)
    not_seen |= {name for name, v in values.items() if is_dataset(v) and name not in with_rows}
    return RowsFound(arrays, labels, tuple(sorted(not_seen)))


def dense_rows(rows: Any, most_rows: int) -> npt.NDArray[Any]:
    """Return rows as an array, of very many an even sample; shape (n_rows, …)."""
    n_rows = rows.shape[0] if hasattr(rows, "shape") else len(rows)
    if hasattr(rows, "tocsr"):
        n_most = min(most_rows, max(1, MOST_NUMBERS // max(1, rows.shape[1])))
        chosen = np.linspace(0, n_rows - 1, min(n_rows, n_most)).astype(int)
        return np.asarray(rows.tocsr()[chosen].toarray())
    array = np.asarray(rows)
    if len(array) > most_rows:
        array = array[np.linspace(0, len(array) - 1, most_rows).astype(int)]
    return array


def _rows_of(node: Node) -> list[tuple[str, Any]]:
    """Return what has rows of one object, by path: of a selection there are several arrays."""
    rows = node.reading.rows
    if rows is None:
        return []
    if node.reading.kind is not Kind.SELECTION:
        return [(node.path, rows)]
    return [(f"{node.path}[{i}]", array) for i, array in enumerate(rows)]


def _outside_models(nodes: Iterator[Node]) -> Iterator[Node]:
    """Yield the nodes but what models hold, and the parts of what has rows itself."""
    inside = ""
    for node in nodes:
        if inside and node.path.startswith((f"{inside}.", f"{inside}[", f"{inside}(")):
            continue
        kind = node.reading.kind
        is_model = kind in (Kind.WEIGHTS, Kind.ESTIMATOR, Kind.RANDOM)
        is_whole = is_model or kind is Kind.SELECTION or node.reading.rows is not None
        inside = node.path if is_whole else ""
        if not is_model:
            yield node


def _shape_of(rows: Any) -> tuple[int, int, bool]:
    """Return the number of dimensions and of rows, and whether the rows are texts."""
    if hasattr(rows, "tocsr"):
        return 2, rows.shape[0], False
    array = as_array(rows)
    if array is None:
        return 0, 0, False
    is_text = array.dtype.kind in "USO"
    return array.ndim, len(array) if array.ndim else 0, is_text
