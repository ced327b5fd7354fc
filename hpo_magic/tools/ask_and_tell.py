"""Read a loop of `ask` and `tell` as the search that it is: its body is one training.

    for _ in range(20):                      def objective(trial):
        trial = study.ask()                      loss = train(trial)
        loss = train(trial)            is        return loss
        study.tell(trial, loss)              study.optimize(objective, n_trials=20)

So do Optuna's studies and scikit-optimize's `Optimizer`, whose `run` is the search. What follows
`tell` runs after each trial. Only a loop over a range is read so, with one `ask`, one `tell`, and
no way out of it before. Any other one stays as it is, and its `ask` is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

NAME = "_asked_and_told"  # of the function that the body becomes
_AFTER = "_after_tell"  # of the function that the statements after `tell` become
PASSES = "_passes"  # the values of the loop's variable that are still to come

# How each tool's object searches: the object, the function, and the number of trials.
_CALLS = {
    "optuna": "{study}.optimize({name}, n_trials={n})",
    "skopt": "{study}.run({name}, {n})",
}


@dataclass(frozen=True)
class Loop:
    """A loop of `ask` and `tell`.

    Attributes
    ----------
    node
        The loop.
    passes
        The text of the range that it is over.
    package
        The tool's.
    study, trial
        The expression of what is asked, and the variable that each trial or point is assigned to.
    told
        The variable that the result of `tell` is assigned to; "" for none.
    before, after
        The statements of one training, without `ask` and `tell`, and those after `tell`.
    value
        What is told.
    batch
        How many points each pass asks for, as text; "" if it asks for one.
    """

    node: ast.For
    passes: str
    package: str
    study: str
    trial: str
    told: str
    before: Sequence[ast.stmt]
    after: Sequence[ast.stmt]
    value: ast.expr
    batch: str = ""


def as_search(tree: ast.Module, packages: Mapping[int, str]) -> ast.Module | None:
    """Return the cell with each loop of `ask` and `tell` as a call that searches; None without one.

    The lines of the text stay those of the statements. What the body of a loop assigns are the
    cell's variables, as before. Loops in functions and classes stay as they are.

    Parameters
    ----------
    tree
        The cell.
    packages
        The package of what each `ask` is a method of, by its line: "optuna" or "skopt".
    """
    reader = _Loops(packages)
    body = reader.read(tree.body)
    return ast.Module(body, tree.type_ignores) if reader.n_found else None


def lone_asks(tree: ast.Module) -> set[int]:
    """Return the lines of statements of the cell itself, in no loop or function, that ask once."""
    found = set()
    for statement in _plain(tree.body):
        calls = [n for n in ast.walk(statement) if isinstance(n, ast.Call)]
        if _method(_value(statement), "ask") and sum(_method(c, "ask") for c in calls) == 1:
            found.add(statement.lineno)
    return found


def _plain(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            yield from _plain(statement.body)
        elif isinstance(statement, ast.Assign | ast.Expr):
            yield statement


class _Loops:
    """Replaces the loops in statements and in the blocks of these."""

    def __init__(self, packages: Mapping[int, str]) -> None:
        self._packages = packages
        self.n_found = 0

    def read(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the statements with each loop as the call that it is."""
        read: list[ast.stmt] = []
        for statement in body:
            loop = self._loop(statement)
            if loop is not None:
                self.n_found += 1
                read += _statements(loop)
            else:
                read.append(self._inside(statement))
        return read

    def _inside(self, statement: ast.stmt) -> ast.stmt:
        if not isinstance(statement, ast.For | ast.If | ast.With | ast.Try):
            return statement
        n_before = self.n_found
        read = {
            name: self.read(block)
            for name in ("body", "orelse", "finalbody")
            if (block := getattr(statement, name, None))
        }
        if self.n_found == n_before:
            return statement
        fields = dict(ast.iter_fields(statement)) | read
        return ast.copy_location(type(statement)(**fields), statement)

    def _loop(self, statement: ast.stmt) -> Loop | None:
        match statement:
            case ast.For(target=ast.Name(), orelse=[]) as node:
                passes = _range(node.iter)
            case _:
                return None
        calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
        n_asked, n_told = (sum(_method(one, name) for one in calls) for name in ("ask", "tell"))
        asks = [k for k, one in enumerate(node.body) if _method(_value(one), "ask")]
        tells = [k for k, one in enumerate(node.body) if _method(_value(one), "tell")]
        alone = (n_asked, n_told, len(asks), len(tells)) == (1, 1, 1, 1)
        if not passes or not alone or asks[0] > tells[0] or _leaves(node.body):
            return None
        package = self._packages.get(node.body[asks[0]].lineno, "")
        return _read(node, passes, package, asks[0], tells[0]) if package in _CALLS else None


def _read(node: ast.For, passes: str, package: str, ask: int, tell: int) -> Loop | None:
    """Return the loop, if it asks for one trial or point and tells the value of that."""
    told = ""
    match node.body[tell]:
        case ast.Assign([ast.Name(told)], ast.Call() as telling):
            pass
        case ast.Expr(ast.Call() as telling):
            pass
        case _:
            return None
    before = [one for k, one in enumerate(node.body[:tell]) if k != ask]
    match node.body[ask], telling:
        case (
            ast.Assign([ast.Name(trial)], ast.Call(ast.Attribute(study)) as asking),
            ast.Call(ast.Attribute(again), args=[ast.Name(of), value], keywords=[]),
        ) if of == trial and ast.unparse(study) == ast.unparse(again):
            found = Loop(
                node,
                passes,
                package,
                ast.unparse(study),
                trial,
                told,
                before,
                node.body[tell + 1 :],
                value,
            )
        case _:
            return None
    if not asking.args and not asking.keywords:
        return found
    return _of_batches(found, asking) if package == "skopt" else None


def _of_batches(loop: Loop, asking: ast.Call) -> Loop | None:
    """Return a loop that asks for several points, if each of them is trained on its own.

    Its body is one statement, which calls a function on each point and keeps the values in order.
    """
    given = [*asking.args, *(k.value for k in asking.keywords if k.arg == "n_points")]
    one, target = None, ast.unparse(loop.node.target)
    match loop.before, loop.value:
        case [ast.Assign([ast.Name(told)], value=values)], ast.Name(of) if told == of:
            one = _of_each(values, loop.trial)
        case [], _:
            one = _of_each(loop.value, loop.trial)
    uses = sum(isinstance(n, ast.Name) and n.id == target for n in ast.walk(loop.node))
    if len(given) != 1 or one is None or loop.after or uses > 1:
        return None
    return replace(loop, before=[], value=one, batch=ast.unparse(given[0]))


def _of_each(values: ast.expr, points: str) -> ast.expr | None:
    """Return the value of one point, from an expression that has those of all; None if unclear.

    `[f(p) for p in points]`, `list(map(f, points))`, or joblib's `Parallel()(delayed(f)(p) for …)`.
    In the result the variable of all points has the one.
    """
    match values:
        case ast.Call(ast.Name("list"), [ast.Call(ast.Name("map"), [function, ast.Name(of)])]):
            point = ast.Name(points, ast.Load())
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
            point = ast.Name(points, ast.Load())
            made = ast.arguments([], [ast.arg(target.id)], None, [], [], None, [])
            return ast.Call(ast.Lambda(made, one), [point], []) if len(used) == 1 else None
    return None


def _range(passes: ast.expr) -> str:
    """Return the text of the range that a loop is over, tqdm's bar left out; "" if it is none."""
    match passes:
        case ast.Call(ast.Name("range"), [_, *_], []):
            return ast.unparse(passes)
        case ast.Call(function, [inner, *_]) if ast.unparse(function).endswith("tqdm"):
            return _range(inner)
        case ast.Call(function, [count, *_]) if ast.unparse(function).endswith("trange"):
            return f"range({ast.unparse(count)})"
    return ""


def _statements(loop: Loop) -> list[ast.stmt]:
    """Return the functions of one training and of what follows, and the call that searches.

    The latter is called with what `tell` returns, and whether the trial ran now or is stored.
    """
    node, number = loop.node, ast.unparse(loop.node.target)
    bound = {number, *_bound(node.body), PASSES} - {loop.trial}
    n = f"len({PASSES})" + (f" * ({loop.batch})" if loop.batch else "")
    call = _CALLS[loop.package].format(study=loop.study, name=NAME, n=n)
    told = f"{loop.told} = " if loop.told and loop.package == "skopt" else ""
    head = ast.parse(
        f"{PASSES} = list({loop.passes})\n"
        f"def {NAME}({loop.trial}):\n"
        f"    global {', '.join(sorted(bound))}\n"
        f"    if {PASSES}: {number} = {PASSES}[0]\n"
        f"def {_AFTER}(_told, _is_new):\n"
        f"    global {', '.join(sorted(bound))}\n"
        f"    del {PASSES}[:1]\n"
        f"    {f'{loop.told} = _told' if loop.told else 'pass'}\n"
        f"    if not _is_new: return\n"
        f"{NAME}.after_tell, {_AFTER}.reads = {_AFTER}, {bool(loop.after or loop.told)}\n"
        f"{told}{call}\n"
        f"del {NAME}, {_AFTER}, {PASSES}"
    ).body
    for made in head:
        for part in ast.walk(made):
            if isinstance(part, ast.stmt | ast.expr | ast.arg):
                ast.copy_location(part, node)
                part.end_lineno, part.end_col_offset = node.lineno, node.col_offset
    training, after = head[1:3]
    assert isinstance(training, ast.FunctionDef)
    assert isinstance(after, ast.FunctionDef)
    value = ast.fix_missing_locations(ast.copy_location(loop.value, node.body[-1]))
    training.body += [*loop.before, ast.copy_location(ast.Return(value), value)]
    after.body += loop.after
    for function in (training, after):
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
