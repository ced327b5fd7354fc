"""Which attributes the methods of a class set, read in the source of the class."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from hpo_magic.inputs.origin import is_users
from hpo_magic.inputs.reading import Part, parts_of


@lru_cache(maxsize=256)
def set_when_training_begins(kind: Any) -> frozenset[str]:
    """Return the attributes that a callback sets anew when a fit or an epoch begins.

    Those of `self.n = self.n + 1` are not among them.
    """
    found: set[str] = set()
    waiting, done = ["on_train_begin", "on_epoch_begin"], set()
    while waiting:
        method = waiting.pop()
        done.add(method)
        for base in kind.__mro__:
            for node in ast.walk(_source_of_method(base, method)):
                match node:
                    case ast.Assign(targets=targets, value=value):
                        names = {name for target in targets for name in _stored_on_self(target)}
                        found |= names - set(_loaded_from_self(value))
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                        waiting += [] if name in done else [name]
    return frozenset(found)


def _source_of_method(kind: type, name: str) -> ast.AST:
    function = vars(kind).get(name)
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def users_attributes(value: Any) -> list[Part]:
    """Return the attributes that the user's own class sets in an object of a library's kind."""
    if not is_users(type(value).__module__):
        return []
    kind: Any = type(value)
    names = _set_by_users(kind)
    held = {name: v for name, v in vars(value).items() if name in names}
    return parts_of(sorted(held.items()))


@lru_cache(maxsize=256)
def _set_by_users(kind: Any) -> frozenset[str]:
    """Return the attributes that the methods of the user's classes set on `self`."""
    found: set[str] = set()
    for base in kind.__mro__:
        if not is_users(base.__module__):
            continue
        for name in vars(base):
            found |= set(_stored_on_self(_source_of_method(base, name)))
    return frozenset(found)


def _stored_on_self(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def _loaded_from_self(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Load()):
                yield name
