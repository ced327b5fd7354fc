"""Questions to a syntax tree that several modules ask."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import TypeGuard

# The calls that have a value of their own in each trial, hence a name.
METHODS = frozenset({"Boolean", "Choice", "Fixed", "Float", "Int"})

Parents = Mapping[ast.AST, ast.AST]
Position = tuple[int, int]  # line from 1, column in UTF-8 bytes from 0, as in `ast`
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def dotted(expression: ast.expr) -> tuple[str, ...] | None:
    """Return ("keras", "layers", "Dense") for `keras.layers.Dense`, None for anything else."""
    names: list[str] = []
    while isinstance(expression, ast.Attribute):
        names.append(expression.attr)
        expression = expression.value
    return (expression.id, *reversed(names)) if isinstance(expression, ast.Name) else None


def constant_text(expression: ast.expr | None) -> str | None:
    """Return the string that `expression` writes out, None for anything else."""
    match expression:
        case ast.Constant(value=str(text)):
            return text
    return None


def given_name(call: ast.Call) -> ast.expr | None:
    """Return the name that an `hp` call is given, first or by keyword, as an expression.

    The first argument is taken for the name if it is a text. A variable is taken for a bound or
    value.
    """
    for keyword in call.keywords:
        if keyword.arg == "name":
            return keyword.value
    if not call.args or not _is_text(call.args[0]):
        return None
    # `hp.Fixed("adam")` is a value, `hp.Fixed("optimizer", "adam")` has a name.
    is_value = isinstance(call.func, ast.Attribute) and call.func.attr == "Fixed"
    return None if is_value and len(call.args) + len(call.keywords) == 1 else call.args[0]


def _is_text(expression: ast.expr) -> bool:
    match expression:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add() | ast.Mod(), right=right):
            return _is_text(left) or _is_text(right)
        case ast.Call(func=ast.Attribute(value=value)):
            return _is_text(value)
        case ast.Call(func=ast.Name(id="str")):
            return True
    return False


def is_hp_call(node: ast.AST) -> TypeGuard[ast.Call]:
    """Return whether `node` looks like `hp.Int(...)`, whatever the name of `hp`."""
    if not isinstance(node, ast.Call):
        return False
    chain = dotted(node.func)
    return chain is not None and len(chain) > 1 and chain[-1] in METHODS


def outwards(node: ast.AST, parents: Parents) -> Iterator[ast.AST]:
    """Iterate over what a node stands in, innermost first."""
    while (parent := parents.get(node)) is not None:
        yield parent
        node = parent
