"""Fingerprints, to tell whether the cell changed, or what it reads.

Three, because each calls for something else: other ranges keep the trials that still fit, other
code or data make them incomparable.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hpo_magic.core.log import caught
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.source.cell_text import CellText
from hpo_magic.source.definitions import code_text, function_in
from hpo_magic.source.fingerprint import FORMAT, code_fingerprint

CHANGES_INPUTS = (
    "The cell changes data that it reads, in place: each trial starts from what the one before "
    "left. Work on a copy in the cell."
)
# Arrays up to this size are hashed whole, larger ones by blocks spread over them: 64 MB take 0.1 s.
WHOLE_BYTES = 64_000_000
N_BLOCKS = 256
# Containers: nested deeper than this, or longer, they are compared in part.
MOST_DEPTH = 3
MOST_ITEMS = 10_000
# Arrays, tables and tensors of any library have `__array__`.
COMPARABLE = (int, float, complex, str, bytes, list, tuple, dict, set, frozenset)


def fingerprint(cell: CellText, namespace: Mapping[str, Any]) -> Fingerprint:
    """Return the fingerprint of a cell and of what it reads from `namespace`."""
    code, ranges = code_fingerprint(cell.text)
    return Fingerprint(cell.text, code, ranges, data_fingerprint(inputs_of(cell, namespace)))


def inputs_of(cell: CellText, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the code reads from `namespace` that can be told from another: data, not handles.

    Arrays, tables, numbers and strings, containers of them, and the functions and classes that the
    notebook defines, with what these read in turn.
    """
    found: dict[str, Any] = {}
    waiting = sorted(cell.names_read)
    while waiting:
        name = waiting.pop()
        if name in found or name not in namespace or name.startswith("_"):
            continue
        value = namespace[name]
        if isinstance(value, types.ModuleType) or not _is_comparable(value):
            continue
        found[name] = value
        if isinstance(value, types.FunctionType | type):
            waiting.extend(name for code in _codes(value) for name in code.co_names)
    return found


def data_fingerprint(inputs: Mapping[str, Any]) -> str:
    """Return a fingerprint of values by name."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(inputs):
        digest.update(name.encode())
        _add(digest, inputs[name], depth=0)
    return f"{FORMAT}:{digest.hexdigest()}" if inputs else ""


def array_fingerprint(array: Any) -> str:
    """Return a fingerprint of one array or table, whatever its name."""
    digest = hashlib.blake2b(digest_size=8)
    _add_array(digest, array)
    return digest.hexdigest()


def _is_comparable(value: Any) -> bool:
    if value is None or isinstance(value, COMPARABLE) or hasattr(value, "__array__"):
        return True
    is_code = isinstance(value, types.FunctionType | type)
    return is_code and getattr(value, "__module__", "") == "__main__"


def _add(digest: Any, value: Any, depth: int) -> None:
    """Feed a value to the digest; what cannot be compared adds only its type."""
    digest.update(type(value).__name__.encode())
    if isinstance(value, types.FunctionType):
        _add_function(digest, value, depth)
    elif isinstance(value, type):
        _add_class(digest, value, depth)
    elif isinstance(value, dict | list | tuple | set | frozenset):
        digest.update(str(len(value)).encode())  # [[1], 2] is not [[1, 2]]
        if depth < MOST_DEPTH:
            _add_items(digest, value, depth)
    elif hasattr(value, "__array__"):
        _add_array(digest, value)
    elif isinstance(value, int | float | complex | str | bytes | None):
        digest.update(repr(value).encode())


def _add_items(digest: Any, values: Any, depth: int) -> None:
    """Feed the items of a container: all of a short one, an even sample of a long one."""
    if isinstance(values, dict):
        values = [part for item in values.items() for part in item]
    elif isinstance(values, set | frozenset):
        values = sorted(values, key=repr)  # their order differs from kernel to kernel
    values = list(values)
    for item in values[:: max(1, len(values) // MOST_ITEMS)] + values[-1:]:
        _add(digest, item, depth + 1)


def _add_function(digest: Any, function: types.FunctionType, depth: int) -> None:
    digest.update(code_text(function).encode())
    if depth < MOST_DEPTH:
        _add(digest, function.__defaults__, depth + 1)
        _add(digest, function.__kwdefaults__, depth + 1)


def _add_class(digest: Any, kind: type, depth: int) -> None:
    """Feed the methods and the plain attributes of a class that the notebook defines."""
    for name, member in sorted(vars(kind).items()):
        if name not in ("__module__", "__doc__", "__dict__", "__weakref__"):
            digest.update(name.encode())
            _add(digest, function_in(member), depth + 1)


def _codes(value: types.FunctionType | type) -> Iterator[types.CodeType]:
    """Yield the code of a function or of a class's methods, with the code inside it."""
    members = vars(value).values() if isinstance(value, type) else [value]
    functions = [f for f in map(function_in, members) if isinstance(f, types.FunctionType)]
    waiting = [function.__code__ for function in functions]
    while waiting:
        code = waiting.pop()
        yield code
        waiting.extend(c for c in code.co_consts if isinstance(c, types.CodeType))


def _add_array(digest: Any, value: Any) -> None:
    """Feed an array, or what can be read as one; a tensor on a GPU may not."""
    try:
        array = np.asarray(value)
    except Exception:  # noqa: BLE001  (a library's `__array__` may raise anything)
        caught("a value could not be read as an array")
        return
    digest.update(f"{array.shape}{array.dtype}".encode())
    if array.dtype.hasobject:
        items = array.reshape(-1)
        digest.update(repr(items[:: max(1, items.size // MOST_ITEMS)].tolist()).encode())
        return
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if flat.size <= WHOLE_BYTES:
        digest.update(flat.data)
        return
    block = WHOLE_BYTES // N_BLOCKS
    for start in np.linspace(0, flat.size - block, N_BLOCKS).astype(int):
        digest.update(flat[start : start + block].data)
