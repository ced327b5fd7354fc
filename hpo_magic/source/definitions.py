"""The source of a function or class, as syntax: what it is under every version of Python.

Bytecode differs from one version of Python to the next, the text does not.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from hpo_magic.source.fingerprint import written_out
from hpo_magic.source.hp_calls import Source, read_source
from hpo_magic.source.syntax import Function


def code_text(function: FunctionType) -> str:
    """Return what a function does as text: its source, written out without comments and layout.

    Where the source cannot be read (`exec` of a text), it is the bytecode, with the version of
    Python in front: it cannot be compared with that of another version.
    """
    definition = definition_of(function.__code__, function.__globals__)
    if definition is None:
        return f"Python {sys.version_info[0]}.{sys.version_info[1]} {_bytecode(function.__code__)}"
    return written_out(definition)


def class_definition(kind: type) -> ast.ClassDef | None:
    """Return the definition of a class, found by its methods; None if its source is not there."""
    members = map(function_in, vars(kind).values())
    for method in (member for member in members if isinstance(member, FunctionType)):
        source = _source_of(method.__code__.co_filename, method.__globals__)
        definition = definition_of(method.__code__, method.__globals__)
        parent = source.parents.get(definition) if source and definition else None
        if isinstance(parent, ast.ClassDef) and parent.name == kind.__name__:
            return parent
    return None


def function_in(member: Any) -> Any:
    """Return the function of a class method, static method or property; others as they are."""
    return getattr(member, "__func__", None) or getattr(member, "fget", None) or member


def definition_of(code: CodeType, namespace: Mapping[str, Any]) -> Function | None:
    """Return the definition of a function in its source; None if that cannot be read.

    Parameters
    ----------
    code
        The function's.
    namespace
        The function's globals, which say how to load its source.
    """
    source = _source_of(code.co_filename, namespace)
    found = [] if source is None else list(_definitions_at(source, code))
    if len(found) > 1:
        found = [node for node in found if _contains(node, code)]
    return found[0] if found else None


def _source_of(filename: str, namespace: Mapping[str, Any]) -> Source | None:
    try:
        return read_source("".join(linecache.getlines(filename, dict(namespace))))
    except (SyntaxError, ValueError):
        return None


def _definitions_at(source: Source, code: CodeType) -> Iterator[Function]:
    """Yield the definitions that begin on the line of the code and have its name."""
    for node in source.functions_by_line.get(code.co_firstlineno, ()):
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        if name == code.co_name:
            yield node


def _contains(node: Function, code: CodeType) -> bool:
    """Return whether the instructions of `code` stand in a definition."""
    start, end = (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)
    places = [(p[0], p[2]) for p in code.co_positions() if p[0] and p[2] is not None]
    inner = [place for place in places if place != (code.co_firstlineno, 0)]
    return bool(inner) and all(start <= place <= end for place in inner)


@lru_cache(maxsize=1024)
def _bytecode(code: CodeType) -> str:
    constants = [
        _bytecode(each) if isinstance(each, CodeType) else _stable(each) for each in code.co_consts
    ]
    return f"{code.co_code.hex()} {constants} {code.co_names}"


def _stable(constant: object) -> str:
    is_set = isinstance(constant, frozenset)
    return repr(sorted(map(repr, constant)) if is_set else constant)  # type: ignore[call-overload]
