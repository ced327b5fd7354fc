"""Hyperas pastes the body of `data` above the model's function, which so can read its variables.

Here each function has its own: what the model reads of `data` is returned by the one and becomes a
parameter of the other, on the same lines.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from hpo_magic.errors import SpaceError
from hpo_magic.source.hp_calls import Source
from hpo_magic.source.rewriting import Rewriting

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


def with_locals_of_data(
    source: Source, function: ast.FunctionDef, data: ast.FunctionDef, first_line: int
) -> str:
    """Return the cell in which `function` gets the variables of `data` that it reads.

    The cell as it is where it reads none.

    Raises
    ------
    SpaceError
        If `data` returns neither variables nor a tuple, so that no more can be returned.
    """
    returns = [node for node in _own_nodes(data) if isinstance(node, ast.Return)]
    read = _read_from_outside(function)
    taken = {a.arg for a in _parameters(function)} | _imported(source.tree)
    wanted = [name for name in _bound(data) if name in read and name not in taken]
    if not wanted or not returns:
        return source.text
    rewriting = Rewriting(source)
    for node in returns:
        value = node.value
        if not isinstance(value, ast.Tuple | ast.Name):
            line, told = node.lineno + first_line - 1, ", ".join(wanted)
            raise SpaceError(
                f"{function.name} reads {told} of {data.name}(), which returns no variables on "
                f"line {line}. Have it return {told}, too, and write {function.name}(…, {told})."
            )
        rewriting.replace(value, _longer(rewriting.text_of(value), value, wanted))
    return _with_parameters(rewriting.text(), function, ", ".join(wanted))


def _longer(text: str, value: ast.Tuple | ast.Name, wanted: list[str]) -> str:
    """Return the text of what is returned with the variables that it lacks."""
    elements = value.elts if isinstance(value, ast.Tuple) else [value]
    returned = {element.id for element in elements if isinstance(element, ast.Name)}
    added = [name for name in wanted if name not in returned]
    if not added:
        return text
    is_wrapped = isinstance(value, ast.Tuple) and text.startswith("(") and text.endswith(")")
    inner = text[1:-1].rstrip() if is_wrapped else text
    longer = ", ".join([inner.removesuffix(","), *added])
    return f"({longer})" if is_wrapped else longer


def _with_parameters(text: str, function: ast.FunctionDef, added: str) -> str:
    """Return the text with parameters behind those that have no default."""
    lines = text.split("\n")
    needed = _parameters(function)[: len(_parameters(function)) - len(function.args.defaults)]
    if needed:
        line, at = (needed[-1].end_lineno or 1) - 1, needed[-1].end_col_offset or 0
        added = f", {added}"
    else:
        at, line = _end_of_head(lines, function)
        added = f"{added}, " if _parameters(function) else added
    encoded = lines[line].encode()
    lines[line] = (encoded[:at] + added.encode() + encoded[at:]).decode()
    return "\n".join(lines)


def _end_of_head(lines: list[str], function: ast.FunctionDef) -> tuple[int, int]:
    """Return column and line behind the parenthesis that opens the parameters."""
    line = function.lineno - 1
    at = lines[line].index("(", lines[line].index(function.name)) + 1
    return len(lines[line][:at].encode()), line


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args]


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function in their order, without those of functions inside."""
    waiting: list[ast.AST] = [*reversed(function.body)]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _SCOPES):
            waiting.extend(list(ast.iter_child_nodes(node))[::-1])


def _bound(function: ast.FunctionDef) -> list[str]:
    """Return the variables of a function, imports and functions included, each once."""
    found: dict[str, None] = {}
    for node in _own_nodes(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name):
                found[name] = None
            case ast.ClassDef(name=name):
                found[name] = None
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {(a.asname or a.name).partition(".")[0]: None for a in names}
    return list(found)


def _imported(tree: ast.Module) -> set[str]:
    """Return what the cell imports itself."""
    imports = (s for s in tree.body if isinstance(s, ast.Import | ast.ImportFrom))
    return {(a.asname or a.name).partition(".")[0] for s in imports for a in s.names}


def _read_from_outside(function: ast.FunctionDef) -> set[str]:
    """Return the names that a function reads and does not set."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return (
        {node.id for node in names if isinstance(node.ctx, ast.Load)}
        - stored
        - set(_bound(function))
    )
