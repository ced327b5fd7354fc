"""The text of the calls by which a script of another tool makes and starts its search."""

from __future__ import annotations

import ast
import inspect

from hpo_magic.tools.interception import Call


def argument_texts(statement: ast.stmt, call: Call) -> dict[str, str]:
    """Return the texts of a call's arguments by parameter; "*" has all of them as they stand."""
    node = _node_of(statement, call)
    if node is None:
        return {}
    parameters = [p for p in inspect.signature(call.original).parameters if p != "self"]
    texts = dict(zip(parameters, map(ast.unparse, node.args), strict=False))
    texts |= {k.arg: ast.unparse(k.value) for k in node.keywords if k.arg}
    inside = [ast.unparse(a) for a in node.args]
    inside += [ast.unparse(k) for k in node.keywords]
    return texts | {"*": ", ".join(inside)}


def _node_of(statement: ast.stmt, call: Call) -> ast.Call | None:
    """Return the call in the text, by the place of the instruction that runs."""
    places = list(call.frame.f_code.co_positions())
    line, _, column, _ = places[call.frame.f_lasti // 2]
    calls = (node for node in ast.walk(statement) if isinstance(node, ast.Call))
    return next((n for n in calls if (n.lineno, n.col_offset) == (line, column)), None)


def statement_on(tree: ast.Module, line: int) -> tuple[ast.If | None, ast.stmt | None]:
    """Return the simple statement on a line, and the `if __name__ == …` around it.

    The statement is None if it stands anywhere else than in the cell itself or in such a block.
    """
    block: ast.If | None = None
    body = tree.body
    while True:
        around = next((s for s in body if s.lineno <= line <= (s.end_lineno or 0)), None)
        if isinstance(around, ast.Expr | ast.Assign):
            return block, around
        if not isinstance(around, ast.If) or "__name__" not in ast.unparse(around.test):
            return None, None
        block, body = around, around.body


def receivers_of(statement: ast.stmt) -> set[str]:
    """Return the variables whose methods a statement calls."""
    calls = (node.func for node in ast.walk(statement) if isinstance(node, ast.Call))
    objects = (each.value for each in calls if isinstance(each, ast.Attribute))
    return {one.id for one in objects if isinstance(one, ast.Name)}


def statements_of(names: set[str], body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the simple statements that bind or use one of these variables."""
    return [
        statement
        for statement in body
        if isinstance(statement, ast.Expr | ast.Assign)
        and names & {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    ]


def constructor_texts(tree: ast.Module, statement: ast.stmt) -> dict[str, str]:
    """Return the arguments by which the object of a statement's method was made in the cell.

    "new 0" is the first one by position; others go by "new " and their names.
    """
    receivers = receivers_of(statement)
    found: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as made):
                if name in receivers:
                    found |= {f"new {k}": ast.unparse(a) for k, a in enumerate(made.args)}
                    found |= {f"new {k.arg}": ast.unparse(k.value) for k in made.keywords}
    return found
