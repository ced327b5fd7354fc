"""Fingerprints, to tell whether the cell changed, or what it reads.

Three, because each calls for something else: other ranges keep the trials that still fit, other
code or data make them incomparable.
"""

from __future__ import annotations

import ast
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo_magic.notebook.cell import names_read
from hpo_magic.resume import Fingerprint

__all__ = ["array_fingerprint", "data_fingerprint", "fingerprint", "inputs_of"]

# Arrays up to this size are hashed whole, larger ones by blocks spread over them: 64 MB take 0.1 s.
WHOLE_BYTES = 64_000_000
HP_CALLS = frozenset({"Int", "Float", "Choice", "Boolean", "Fixed"})


def fingerprint(source: str, tree: ast.Module, namespace: Mapping[str, Any]) -> Fingerprint:
    """Return the fingerprint of a cell and of what it reads from `namespace`."""
    ranges: list[str] = []
    code = ast.dump(_Masked(ranges).visit(_copy(tree)))
    data = data_fingerprint(inputs_of(tree, namespace))
    return Fingerprint(source, _hash(code), _hash("\n".join(ranges)), data)


def inputs_of(tree: ast.AST, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the code reads from `namespace` that can be told from another: data, not handles.

    Arrays, tables, numbers and strings, containers of them, and the functions and classes that the
    notebook defines, with what these read in turn.
    """
    found: dict[str, Any] = {}
    waiting = sorted(names_read(tree))
    while waiting:
        name = waiting.pop()
        if name in found or name not in namespace or name.startswith("_"):
            continue
        value = namespace[name]
        if isinstance(value, types.ModuleType) or not _is_comparable(value):
            continue
        found[name] = value
        if isinstance(value, types.FunctionType):
            waiting.extend(value.__code__.co_names)
    return found


def data_fingerprint(inputs: Mapping[str, Any]) -> str:
    """Return a fingerprint of values by name."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(inputs):
        digest.update(name.encode())
        _add(digest, inputs[name], depth=0)
    return digest.hexdigest() if inputs else ""


def array_fingerprint(array: Any) -> str:
    """Return a fingerprint of one array or table, whatever its name."""
    digest = hashlib.blake2b(digest_size=8)
    _add_array(digest, _as_array(array))
    return digest.hexdigest()


class _Masked(ast.NodeTransformer):
    """Takes the arguments out of the `hp` calls, and collects them."""

    def __init__(self, ranges: list[str]) -> None:
        self._ranges = ranges

    def visit_Call(self, node: ast.Call) -> ast.AST:
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in HP_CALLS:
            self._ranges.append(ast.dump(node))
            node.args = [arg for arg in node.args[:1] if _is_name(arg)]
            node.keywords = [word for word in node.keywords if word.arg == "name"]
            return node
        return self.generic_visit(node)


def _is_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _copy(tree: ast.Module) -> ast.Module:
    return ast.parse(ast.unparse(tree))


def _is_comparable(value: Any) -> bool:
    plain = (
        int | float | complex | str | bytes | list | tuple | dict | set | np.ndarray | np.generic
    )
    if value is None or isinstance(value, plain) or hasattr(value, "__array__"):
        return True
    is_code = isinstance(value, types.FunctionType | type)
    return is_code and getattr(value, "__module__", "") == "__main__"


def _add(digest: Any, value: Any, depth: int) -> None:  # noqa: C901  (a line for each type)
    """Feed a value to the digest; what cannot be compared adds only its type."""
    digest.update(type(value).__name__.encode())
    if isinstance(value, types.FunctionType):
        _add_code(digest, value.__code__)
    elif isinstance(value, type):
        for name, member in sorted(vars(value).items()):
            if isinstance(member, types.FunctionType):
                digest.update(name.encode())
                _add_code(digest, member.__code__)
    elif isinstance(value, dict) and depth < 3:
        for key, item in value.items():
            digest.update(repr(key).encode())
            _add(digest, item, depth + 1)
    elif isinstance(value, list | tuple) and depth < 3 and len(value) < 10_000:
        for item in value:
            _add(digest, item, depth + 1)
    elif hasattr(value, "__array__"):
        _add_array(digest, _as_array(value))
    elif isinstance(value, int | float | complex | str | bytes | None):
        digest.update(repr(value).encode())


def _add_code(digest: Any, code: types.CodeType) -> None:
    digest.update(code.co_code)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _add_code(digest, constant)
        else:
            digest.update(repr(constant).encode())
    digest.update(" ".join(code.co_names).encode())


def _as_array(value: Any) -> np.ndarray[Any, Any]:
    return value if isinstance(value, np.ndarray) else np.asarray(value)


def _add_array(digest: Any, array: np.ndarray[Any, Any]) -> None:
    digest.update(f"{array.shape}{array.dtype}".encode())
    if array.dtype.hasobject:
        digest.update(repr(array[:1000].tolist()).encode() if array.ndim else repr(array).encode())
        return
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if flat.size <= WHOLE_BYTES:
        digest.update(flat.data)
        return
    n_blocks, block = 256, WHOLE_BYTES // 256
    for start in np.linspace(0, flat.size - block, n_blocks).astype(int):
        digest.update(flat[start : start + block].data)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
