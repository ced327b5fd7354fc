"""Whether the `hp` of a cell is ours: another one would make every trial the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from hpo_magic.errors import SpaceError
from hpo_magic.language.hp import HyperParameters

# Calls that describe a hyperparameter, ours and Hyperopt's.
OURS = frozenset({"Int", "Float", "Choice", "Boolean", "Fixed"})
HYPEROPTS = frozenset(
    [
        "choice",
        "uniform",
        "loguniform",
        "quniform",
        "qloguniform",
        "normal",
        "qnormal",
        "lognormal",
        "qlognormal",
        "randint",
        "uniformint",
        "pchoice",
    ]
)
IMPORT = "`from hpo_magic import hp`"

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def refuse_other_hp(tree: ast.Module, namespace: Mapping[str, Any]) -> None:
    """Refuse a cell that asks an `hp` for values that is not ours.

    Raises
    ------
    SpaceError
        If it does: says whose it is, and what to write.
    """
    use = next(_uses(tree, namespace.get("hp")), None)
    if use is None:
        return
    bound = [each for each in _bindings(tree.body) if each.lineno <= use.lineno]
    if bound:
        _refuse_bound(bound[-1], use.lineno, tree)
    elif "hp" not in namespace:
        if not _may_come_otherwise(tree):
            raise SpaceError(
                f"line {use.lineno} of the cell calls hp, which is not there. Run {IMPORT}."
            )
    elif not isinstance(namespace["hp"], HyperParameters):
        whose = _in_words(namespace["hp"])
        raise SpaceError(
            f"the hp of line {use.lineno} is not hpo_magic's: in this notebook it is {whose}. "
            f"{_way_out(whose, f'Run {IMPORT}')}"
        )


def asks_outside_functions(tree: ast.Module, namespace: Mapping[str, Any]) -> int | None:
    """Return the line on which a cell asks our `hp` outside of functions; None if it does not."""
    ours = {name for name, value in namespace.items() if isinstance(value, HyperParameters)}
    bound = {name for name in ours if any(_binds(name, s) for s in _statements(tree.body))}
    waiting: list[ast.AST] = list(tree.body)
    lines = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if name in ours - bound:
                lines.append(node.lineno)
        waiting.extend(ast.iter_child_nodes(node))
    return min(lines, default=None)


def _binds(name: str, statement: ast.stmt) -> bool:
    """Return whether a statement binds a name to something that is not ours."""
    match statement:
        case ast.Import(aliases) | ast.ImportFrom(names=aliases):
            is_ours = isinstance(statement, ast.ImportFrom) and statement.module == "hpo_magic"
            return not is_ours and any((a.asname or a.name.split(".")[0]) == name for a in aliases)
        case ast.Assign(targets):
            return any(
                isinstance(n, ast.Name) and n.id == name and _is_stored(n)
                for target in targets
                for n in ast.walk(target)
            )
    return False


def _refuse_bound(statement: ast.stmt, line: int, tree: ast.Module) -> None:
    """Refuse an `hp` that a statement of the cell surely makes another one.

    Raises
    ------
    SpaceError
        If it does.
    """
    text = ast.unparse(statement).splitlines()[0]
    if _makes_another(statement, tree):
        raise SpaceError(
            f"the hp of line {line} is not hpo_magic's: line {statement.lineno} of the cell makes "
            f"it another one ({text}). {_way_out(text, 'Leave that line out')}"
        )


def _makes_another(statement: ast.stmt, tree: ast.Module) -> bool:
    """Return whether what a statement binds `hp` to is surely not ours."""
    match statement:
        case ast.ImportFrom(module=module, names=names):
            return module != "hpo_magic" or not any(a.name == "hp" for a in names)
        case ast.Import() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return True
        case ast.Assign(value=ast.Call(func=function)):
            name = ast.unparse(function)
            classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
            return name in classes or name.endswith("HyperParameters") or name in ("dict", "object")
        case ast.Assign(value=value):
            return not isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.IfExp)
    return False


def _may_come_otherwise(tree: ast.Module) -> bool:
    """Return whether a line of IPython's or `import *` may make an `hp`."""
    nodes = list(ast.walk(tree))
    stars = any(isinstance(n, ast.alias) and n.name == "*" for n in nodes)
    return stars or any(isinstance(n, ast.Name) and n.id == "get_ipython" for n in nodes)


def _way_out(whose: str, first: str) -> str:
    if "yperopt" in whose:
        return (
            f"{first}, and write hp.Float(low, high) for hp.uniform, hp.Choice([…]) for hp.choice."
        )
    if "HyperParameters" in whose or "keras" in whose.lower():
        return f"{first}: hpo_magic's hp has the calls of KerasTuner's."
    return f"{first}, and give the other one another name."


def _uses(tree: ast.Module, known: Any) -> Iterator[ast.expr]:
    """Yield where the cell asks its global `hp` for values, in the order of the text."""
    is_keras_tuners = type(known).__name__ == "HyperParameters"
    is_keras_tuners = is_keras_tuners and not isinstance(known, HyperParameters)
    found = [
        node
        for node in _global_scope(tree.body)
        if _is_call_on_hp(node) or (is_keras_tuners and _is_given_hp(node))
    ]
    yield from sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _global_scope(body: list[Any]) -> Iterator[Any]:
    """Yield the nodes in which the name `hp` is the global one."""
    for node in body:
        if isinstance(node, _SCOPES) and _has_own_hp(node):
            continue
        yield node
        yield from _global_scope(list(ast.iter_child_nodes(node)))


def _has_own_hp(scope: Any) -> bool:
    """Return whether a function has a parameter or a variable called hp."""
    if isinstance(scope, ast.ClassDef):
        return False
    given = {arg.arg for arg in ast.walk(scope.args) if isinstance(arg, ast.arg)}
    body = scope.body if isinstance(scope.body, list) else []
    return "hp" in given or bool(_bindings(body))


def _is_call_on_hp(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="hp"), attr=method)):
            return method in OURS or method in HYPEROPTS
    return False


def _is_given_hp(node: ast.AST) -> bool:
    """Return whether a call gets `hp` as an argument."""
    if not isinstance(node, ast.Call):
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(isinstance(each, ast.Name) and each.id == "hp" for each in given)


def _bindings(body: list[Any]) -> list[ast.stmt]:
    """Return the statements that bind `hp`, in their order, without those inside functions."""
    return [node for node in _statements(body) if _binds_hp(node)]


def _statements(body: list[Any]) -> Iterator[ast.stmt]:
    """Yield statements and those inside their blocks; not those of functions and classes."""
    for node in body:
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, _SCOPES):
            yield from _statements(list(ast.iter_child_nodes(node)))


def _binds_hp(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(aliases) | ast.ImportFrom(names=aliases):
            return any((a.asname or a.name.split(".")[0]) == "hp" for a in aliases)
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return name == "hp"
        case ast.Assign(targets):
            names = [node for target in targets for node in ast.walk(target)]
        case ast.AnnAssign(target) | ast.For(target) | ast.AugAssign(target):
            names = list(ast.walk(target))
        case ast.With(items):
            names = [n for i in items if i.optional_vars for n in ast.walk(i.optional_vars)]
        case _:
            return False
    return any(isinstance(n, ast.Name) and n.id == "hp" and _is_stored(n) for n in names)


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _in_words(value: Any) -> str:
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}"
    kind = value if isinstance(value, type) else type(value)
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    which = "the class" if isinstance(value, type) else "an object of type"
    return f"{which} {module}{kind.__qualname__}"
