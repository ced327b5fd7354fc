"""Read a loop of `ask` and `tell` as the search that it is: its body is one training.

    for _ in range(20):                      def objective(trial):
        trial = study.ask()                      loss = train(trial)
        loss = train(trial)            is        return loss
        study.tell(trial, loss)              study.optimize(objective, n_trials=20)

So do Optuna's studies and scikit-optimize's `Optimizer`, whose `run` is the search. What follows
`tell` runs after each trial. Only a loop over a range is read so, with one `ask`, and one `tell` on
every way through it. Any other one stays as it is, and its `ask` is refused.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hpo_magic.tools.asked_batches import one_of_batch
from hpo_magic.tools.asked_loops import CALLS, Loop, statements_of


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
    reader = _Loops(packages, tree)
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


def asks_of(tree: ast.Module) -> set[int]:
    """Return the lines on which the cell itself asks, outside of functions and classes."""
    found, waiting = set(), list[ast.AST](tree.body)
    while waiting:
        node = waiting.pop()
        if _method(node, "ask"):
            found.add(node.lineno)  # type: ignore[attr-defined]  # a call
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def tells(tree: ast.Module) -> bool:
    """Return whether a cell calls a method `tell`."""
    return _n_calls(tree, "tell") > 0


def _plain(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            yield from _plain(statement.body)
        elif isinstance(statement, ast.Assign | ast.Expr):
            yield statement


class _Loops:
    """Replaces the loops in statements and in the blocks of these."""

    def __init__(self, packages: Mapping[int, str], tree: ast.Module) -> None:
        self._packages = packages
        self._reads = Counter(
            n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        )
        self.n_found = 0

    def read(self, body: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Return the statements with each loop as the call that it is."""
        read: list[ast.stmt] = []
        for statement in body:
            loop = self._loop(statement)
            if loop is not None:
                self.n_found += 1
                read += statements_of(loop)
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
        asks = [k for k, one in enumerate(node.body) if _method(_value(one), "ask")]
        tells = [k for k, one in enumerate(node.body) if _method(_value(one), "tell")]
        n_told = _n_calls(node, "tell")
        if not passes or len(asks) != 1 or _n_calls(node, "ask") != 1 or not n_told:
            return None
        (ask,) = asks
        package = self._packages.get(node.body[ask].lineno, "")
        if package not in CALLS:
            return None
        if n_told == len(tells) == 1 and not _leaves(node.body):
            if ask > tells[0]:
                return None
            loop = _plain_loop(node, passes, package, ask, tells[0])
            is_read = loop is not None and loop.batch and self._reads_outside(node)
            return None if is_read else loop
        return _branching_loop(node, passes, ask) if package == "optuna" else None

    def _reads_outside(self, node: ast.For) -> bool:
        """Return whether the cell reads a variable elsewhere that this loop sets."""
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        inside = Counter(n.id for n in names if isinstance(n.ctx, ast.Load))
        stored = {n.id for n in names if isinstance(n.ctx, ast.Store)}
        return any(self._reads[name] > inside[name] for name in stored)


def _plain_loop(node: ast.For, passes: str, package: str, ask: int, tell: int) -> Loop | None:
    """Return a loop that tells once, if it asks for one trial or point and tells its value."""
    told = ""
    match node.body[tell]:
        case ast.Assign([ast.Name(told)], ast.Call() as telling):
            pass
        case ast.Expr(ast.Call() as telling):
            pass
        case _:
            return None
    asked = _asked(node.body[ask])
    found = None if asked is None else _told(telling, asked[0], asked[1])
    if asked is None or found is None or found[0] is None or found[1]:
        return None
    (trial, owner, asking), value = asked, found[0]
    body = [*node.body[:ask], *_suggested(trial, asking, package), *node.body[ask + 1 : tell]]
    after = node.body[tell + 1 :]
    if package == "skopt" and (asking.args or asking.keywords):
        one, batch = one_of_batch(node, trial, asking, node.body[:ask] + body[ask:], value)
        if one is None or after:
            return None
        body, value = [], one
    else:
        batch = ""
    returned = ast.fix_missing_locations(ast.copy_location(ast.Return(value), node.body[tell]))
    return Loop(node, passes, package, owner, trial, told, [*body, returned], after, batch)


def _branching_loop(node: ast.For, passes: str, ask: int) -> Loop | None:
    """Return a loop of Optuna's whose branches tell, each as its last statement."""
    asked = _asked(node.body[ask])
    if asked is None:
        return None
    trial, owner, asking = asked
    rest = _returning(node.body[ask + 1 :], trial, owner)
    if rest is None or any(_n_calls(one, "tell") for one in node.body[:ask]):
        return None
    body = [*node.body[:ask], *_suggested(trial, asking, "optuna"), *rest]
    return Loop(node, passes, "optuna", owner, trial, "", body)


def _returning(body: Sequence[ast.stmt], trial: str, owner: str) -> list[ast.stmt] | None:
    """Return statements that return what they tell; None if a path tells nothing, or goes on."""
    found: list[ast.stmt] = []
    for k, statement in enumerate(body):
        rest = body[k + 1 :]
        ends = not rest or (len(rest) == 1 and isinstance(rest[0], ast.Continue))
        if not _n_calls(statement, "tell"):
            if _leaves([statement]):
                return None
            found.append(statement)
            continue
        if isinstance(statement, ast.If):
            inside = _returning(statement.body, trial, owner)
            other = _returning(statement.orelse, trial, owner) if statement.orelse else []
            is_guard = not statement.orelse and isinstance(statement.body[-1], ast.Continue)
            if inside is None or other is None or not (is_guard or (ends and statement.orelse)):
                return None
            found.append(ast.copy_location(ast.If(statement.test, inside, other), statement))
            if is_guard:
                continue
            return found
        end = _returned(statement, trial, owner)
        return [*found, end] if ends and end is not None else None
    return None


def _returned(statement: ast.stmt, trial: str, owner: str) -> ast.stmt | None:
    """Return what ends a training in the place of `tell`: of a value, or of the state "pruned"."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return None
    found = _told(statement.value, trial, owner)
    if found is None:
        return None
    value, state = found
    if value is not None and not state:
        return ast.copy_location(ast.Return(value), statement)
    if value is None and state.endswith("State.PRUNED"):
        raised = ast.parse("raise __import__('optuna').TrialPruned()").body[0]
        for part in ast.walk(raised):
            if isinstance(part, ast.stmt | ast.expr):
                ast.copy_location(part, statement)
        return raised
    return None


def _told(telling: ast.Call, trial: str, owner: str) -> tuple[ast.expr | None, str] | None:
    """Return the value and the text of the state that are told of a trial, or of its number."""
    match telling:
        case ast.Call(
            ast.Attribute(study),
            [ast.Name(of) | ast.Attribute(ast.Name(of), "number"), *values],
            named,
        ) if (of, ast.unparse(study)) == (trial, owner):
            given = {keyword.arg: keyword.value for keyword in named}
        case _:
            return None
    if len(values) == 1:
        given["values"] = values[0]
    if len(values) > 1 or given.keys() - {"values", "state"}:
        return None
    return given.get("values"), ast.unparse(given["state"]) if "state" in given else ""


def _asked(statement: ast.stmt) -> tuple[str, str, ast.Call] | None:
    """Return the variable of a trial or point, what is asked for it, and the call of `ask`."""
    match statement:
        case ast.Assign([ast.Name(trial)], ast.Call(ast.Attribute(owner)) as asking):
            return trial, ast.unparse(owner), asking
    return None


def _suggested(trial: str, asking: ast.Call, package: str) -> list[ast.stmt]:
    """Return what suggests the parameters that `ask(distributions)` of Optuna's names."""
    given = [*asking.args, *(k.value for k in asking.keywords)]
    if package != "optuna" or not given:
        return []
    text = (
        f"for _name, _range in ({ast.unparse(given[0])}).items(): {trial}._suggest(_name, _range)"
    )
    made = ast.parse(text).body
    for part in ast.walk(made[0]):
        if isinstance(part, ast.stmt | ast.expr):
            ast.copy_location(part, asking)
    return made


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


def _value(statement: ast.stmt) -> ast.expr | None:
    return statement.value if isinstance(statement, ast.Assign | ast.Expr) else None


def _method(value: ast.AST | None, name: str) -> bool:
    """Return whether an expression is a call of a method of this name."""
    return isinstance(value, ast.Call) and (
        isinstance(value.func, ast.Attribute) and value.func.attr == name
    )


def _n_calls(node: ast.AST, name: str) -> int:
    """Return how many calls of a method of this name a part of the text has."""
    return sum(_method(each, name) for each in ast.walk(node) if isinstance(each, ast.Call))


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
