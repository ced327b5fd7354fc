"""Read a loop of Optuna's `ask` and `tell` as the search that it is: its body is one training.

    for _ in range(20):                      def objective(trial):
        trial = study.ask()                      loss = train(trial)
        loss = train(trial)            is        return loss
        study.tell(trial, loss)              study.optimize(objective, n_trials=20)

Only a loop that does just this is read so: one `ask`, one `tell` at its end, and no way out of it
before. Any other one stays as it is, and its `ask` is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NAME = "_asked_and_told"  # of the function that the body becomes


@dataclass(frozen=True)
class Loop:
    """A loop of `ask` and `tell`.

    Attributes
    ----------
    node
        The loop.
    study, trial
        The study's expression, and the variable that each trial is assigned to.
    ask, tell
        The statements that call them.
    value
        What is told.
    """

    node: ast.For
    study: str
    trial: str
    ask: ast.stmt
    tell: ast.stmt
    value: ast.expr


def as_search(tree: ast.Module) -> ast.Module | None:
    """Return the cell with each loop of `ask` and `tell` as a call of `optimize`; None without one.

    The lines of the text stay those of the statements. What the body of a loop assigns are the
    cell's variables, as before.
    """
    body: list[ast.stmt] = []
    for statement in tree.body:
        loop = _loop(statement)
        body += [statement] if loop is None else _statements(loop)
    return ast.Module(body, tree.type_ignores) if len(body) > len(tree.body) else None


def _loop(statement: ast.stmt) -> Loop | None:
    match statement:
        case (
            ast.For(
                target=ast.Name(), iter=ast.Call(func=ast.Name("range"), args=[_]), orelse=[]
            ) as node
        ):
            pass
        case _:
            return None
    asks = [one for one in node.body if _method(_value(one), "ask")]
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    n_asked, n_told = (sum(_method(one, name) for one in calls) for name in ("ask", "tell"))
    last = node.body[-1]
    told = last.value if isinstance(last, ast.Expr) else None
    if len(asks) != 1 or (n_asked, n_told) != (1, 1) or _leaves(node.body):
        return None
    match asks[0], told:
        case (
            ast.Assign([ast.Name(trial)], ast.Call(ast.Attribute(study), args=[], keywords=[])),
            ast.Call(ast.Attribute(again, "tell"), args=[ast.Name(of), value], keywords=[]),
        ) if of == trial and ast.unparse(study) == ast.unparse(again):
            return Loop(node, ast.unparse(study), trial, asks[0], last, value)
    return None


def _statements(loop: Loop) -> list[ast.stmt]:
    """Return the function of one training, the call that searches, and the end of the function."""
    node, number = loop.node, ast.unparse(loop.node.target)
    assert isinstance(node.iter, ast.Call)  # a range, as `_loop` has seen
    body = [one for one in node.body if one not in (loop.ask, loop.tell)]
    bound = {number, *_bound(node.body)} - {loop.trial}
    head = ast.parse(
        f"def {NAME}({loop.trial}):\n"
        f"    global {', '.join(sorted(bound))}\n"
        f"    {number} = {loop.trial}.number\n"
        f"{loop.study}.optimize({NAME}, n_trials={ast.unparse(node.iter.args[0])})\n"
        f"del {NAME}"
    ).body
    for made in head:
        for part in ast.walk(made):
            if isinstance(part, ast.stmt | ast.expr | ast.arg):
                ast.copy_location(part, node)
                part.end_lineno, part.end_col_offset = node.lineno, node.col_offset
    function = head[0]
    assert isinstance(function, ast.FunctionDef)
    function.body += [*body, ast.copy_location(ast.Return(loop.value), loop.tell)]
    function.end_lineno, function.end_col_offset = node.end_lineno, node.end_col_offset
    return head


def _value(statement: ast.stmt) -> ast.expr | None:
    return statement.value if isinstance(statement, ast.Assign | ast.Expr) else None


def _method(value: ast.expr | None, name: str) -> bool:
    """Return whether an expression is a call of a method of this name."""
    return isinstance(value, ast.Call) and (
        isinstance(value.func, ast.Attribute) and value.func.attr == name
    )


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Return whether statements leave the loop that they are the body of, or the pass of it."""
    for statement in body:
        if isinstance(statement, ast.Break | ast.Continue | ast.Return):
            return True
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        is_loop = isinstance(statement, ast.For | ast.While)
        inside = [*_bodies(statement)]
        if not is_loop and any(map(_leaves, inside)):
            return True
    return any(isinstance(n, ast.Yield | ast.Await) for one in body for n in ast.walk(one))


def _bodies(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        if inside := getattr(statement, name, None):
            yield inside
    for part in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield part.body


def _bound(body: Sequence[ast.stmt]) -> Iterator[str]:
    """Yield the names that statements bind in their own scope."""
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    others = (*scopes, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, scopes):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        if not isinstance(node, others):
            waiting += ast.iter_child_nodes(node)
