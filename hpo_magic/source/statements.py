"""The statements of a cell in the order of its text, and what each binds, reads and calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from hpo_magic.source.last_expression import is_chore


def statements_of(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements and those inside of loops and conditions, in the order of the text."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from statements_of(getattr(statement, name, ()))
        for handler in getattr(statement, "handlers", ()):
            yield from statements_of(handler.body)


def parts_of(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement without those of the statements inside of it."""
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.stmt | ast.excepthandler):
            yield from ast.walk(child)


def calls_in(statement: ast.stmt, wanted: Sequence[str]) -> list[ast.Call]:
    """Return the calls of methods of these names in a statement, without the statements inside."""
    found = [node for node in parts_of(statement) if isinstance(node, ast.Call)]
    return [
        call
        for call in found
        if isinstance(call.func, ast.Attribute) and name_called(call) in wanted
    ]


def bound_in(statement: ast.stmt) -> list[str]:
    """Return the variables that a statement binds, without the statements inside of it."""
    stored = [node for node in parts_of(statement) if isinstance(node, ast.Name)]
    return [node.id for node in stored if isinstance(node.ctx, ast.Store)]


def read_in(statement: ast.stmt) -> set[str]:
    """Return the variables that a statement reads, without the statements inside of it."""
    names = [node for node in parts_of(statement) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


def name_called(call: ast.Call) -> str:
    """Return the name of the function or method that is called; "" of any other expression."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def place_of(node: ast.AST) -> tuple[int, int]:
    """Return the line and the column of a node, by which places are compared."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def as_cell(function: ast.FunctionDef, place: int | None) -> ast.Module | None:
    """Return a function's body as a cell that ends in what it returns; None: it cannot be told.

    `place` chooses one of several values that are returned together.
    """
    ends = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    last = function.body[-1]
    if len(ends) != 1 or not isinstance(last, ast.Return) or last.value is None:
        return None
    value = last.value
    if isinstance(value, ast.Tuple) and place is not None and place < len(value.elts):
        value = value.elts[place]
    elif isinstance(value, ast.Tuple) or place is not None:
        return None
    end = ast.copy_location(ast.Expr(value), last)
    return ast.Module([*function.body[:-1], end], [])


def is_of_folds(loop: ast.For) -> bool:
    """Return whether a loop goes over what a splitter yields: `for train, test in kf.split(X)`."""
    for node in ast.walk(loop.iter):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            first = node.args[0] if node.args else None
            is_text = isinstance(first, ast.Constant) or isinstance(node.func.value, ast.Constant)
            if node.func.attr == "split" and first is not None and not is_text:
                return any(isinstance(one, ast.Tuple) for one in ast.walk(loop.target))
    return False


def is_print(value: ast.expr) -> bool:
    """Return whether an expression is no score, whatever it returns: the value is elsewhere."""
    is_shown = isinstance(value, ast.Call) and name_called(value) in ("print", "display", "show")
    return is_shown or is_chore(value)
