"""Read the training of one point from a loop that asks for several at once."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from hpo_magic.tools.asked_loops import ASKED


def one_of_batch(
    node: ast.For, points: str, asking: ast.Call, before: Sequence[ast.stmt], value: ast.expr
) -> tuple[ast.expr | None, str]:
    """Return the value of one point, and how many points are asked for; None if that is unclear.

    Each must be trained on its own: by one statement that calls a function on each point, and keeps
    the values in order. The loop's own variable must not be read.
    """
    given = [*asking.args, *(k.value for k in asking.keywords if k.arg == "n_points")]
    one, target = None, ast.unparse(node.target)
    match before, value:
        case [ast.Assign([ast.Name(told)], value=values)], ast.Name(of) if told == of:
            one = _of_each(values, points)
        case [], _:
            one = _of_each(value, points)
    uses = sum(isinstance(n, ast.Name) and n.id == target for n in ast.walk(node))
    if len(given) != 1 or uses > 1:
        return None, ""
    return one, ast.unparse(given[0])


def _of_each(values: ast.expr, points: str) -> ast.expr | None:
    """Return the value of one point, from an expression that has those of all; None if unclear.

    `[f(p) for p in points]`, `list(map(f, points))`, or joblib's `Parallel()(delayed(f)(p) for …)`.
    In the result the one point is the function's own parameter.
    """
    match values:
        case ast.Call(ast.Name("list"), [ast.Call(ast.Name("map"), [function, ast.Name(of)])]):
            point = ast.Name(ASKED, ast.Load())
            return ast.Call(function, [point], []) if of == points else None
        case ast.Call(
            ast.Call(ast.Name("Parallel") | ast.Attribute(attr="Parallel")),
            [ast.GeneratorExp(ast.Call(ast.Call(delayed, [function]), args, named), [each])],
        ) if ast.unparse(delayed).rpartition(".")[2] == "delayed":
            one: ast.expr = ast.Call(function, args, named)
        case ast.ListComp(one, [each]):
            pass
        case _:
            return None
    used = [n for n in ast.walk(values) if isinstance(n, ast.Name) and n.id == points]
    match each:
        case ast.comprehension(ast.Name() as target, ast.Name(of), []) if of == points:
            point = ast.Name(ASKED, ast.Load())
            made = ast.arguments([], [ast.arg(target.id)], None, [], [], None, [])
            return ast.Call(ast.Lambda(made, one), [point], []) if len(used) == 1 else None
    return None
