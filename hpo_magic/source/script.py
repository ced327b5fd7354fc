"""Write a frozen cell as a script: the cells of the notebook that it needs, then the cell.

A cell before it is needed if it assigns a name that the cell reads, or changes its object: assigns
to an item or attribute, or calls a method of it as a statement. The cells that those need in turn
are found in the same way. A function that changes its argument is not seen; running the script
shows it.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Collection, Sequence

from hpo_magic.errors import HpoError
from hpo_magic.source.hp_calls import Source, read_source
from hpo_magic.source.ipython_text import plain_text
from hpo_magic.source.last_expression import is_chore
from hpo_magic.source.rewriting import Rewriting
from hpo_magic.source.syntax import dotted

# Cell magics whose body is Python, run in the notebook.
_TRANSPARENT = ("%%time", "%%capture", "%%prun")
_OWN = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}


def as_script(cells: Sequence[str], frozen: str, seeding: str, about: str) -> str:
    """Return a program out of the cells that are needed and the frozen cell.

    Parameters
    ----------
    cells
        As `cells_needed` returns them.
    frozen
        The frozen cell, with or without its last expression printed.
    seeding
        Statements that set the random streams as they were set for the trial.
    about
        The first comment.

    """
    parts = [f"# {about}", *(cell.strip("\n") for cell in cells)]
    parts.append(f"# Seeded as in its trial.\n{seeding}" if seeding else "")
    parts.append(frozen.strip("\n"))
    return "\n\n".join(part for part in parts if part) + "\n"


def with_last_printed(frozen: str) -> str:
    """Return a cell with its last expression printed, as a notebook would show it."""
    tree = read_source(frozen)
    last = tree.tree.body[-1] if tree.tree.body else None
    if not isinstance(last, ast.Expr) or is_chore(last.value):
        return frozen
    called = dotted(last.value.func) if isinstance(last.value, ast.Call) else None
    if called is not None and called[-1] in (
        "print",
        "fit",
    ):  # a fit's history prints as an address
        return frozen
    rewriting = Rewriting(tree)
    rewriting.replace(last, f"print({rewriting.text_of(last.value)})")
    return rewriting.text()


def cells_needed(history: Sequence[str], frozen: str, known: Collection[str]) -> list[str]:
    """Return the cells that make what a frozen cell reads, oldest first, without magics.

    Parameters
    ----------
    history
        The cells as they were typed, oldest first.
    frozen
        The frozen cell.
    known
        The names that the notebook has.

    Raises
    ------
    HpoError
        If a name that the cell reads is there, but no cell has made it.
    """
    needed = _read_by(read_source(frozen))
    missing, chosen = set(needed), []
    for cell in reversed(history):
        text = without_magics(cell)
        source = read_source(text)
        bound = source.names_bound | _starred(source)
        if not (bound & needed or _changed_by(source) & needed):
            continue
        chosen.append(text)
        missing -= bound
        needed = (needed - source.names.certain) | _read_by(source)
        missing |= _read_by(source)
    lost = sorted(missing & set(known))
    if lost:
        raise HpoError(
            f"The cell cannot be a script: it needs {', '.join(lost)}, which no cell of this "
            f"kernel made. Run the cells that do, and freeze again."
        )
    return chosen[::-1]


def _read_by(source: Source) -> set[str]:
    """Return the names that a cell takes from the cells before it."""
    return source.names_read - _OWN


def without_magics(cell: str) -> str:
    """Return a cell without what only IPython understands; "" where that is all of it."""
    first, _, rest = cell.lstrip().partition("\n")
    if first.startswith("%%"):
        return without_magics(rest) if first.split()[0] in _TRANSPARENT else ""
    typed = re.sub(r"^%time +", "", cell, flags=re.MULTILINE)
    try:
        plain = plain_text(typed)
    except SyntaxError:  # it never ran
        return ""
    pairs = zip(typed.split("\n"), plain.split("\n"), strict=True)
    kept = [new for old, new in pairs if old == new or new.startswith(" ")]
    return "\n".join(kept).strip("\n")


def _changed_by(source: Source) -> set[str]:
    """Return the names whose objects a cell changes, as far as its text shows it."""
    found: set[str] = set()
    for node in source.nodes:
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                found |= _root(node)
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                found |= _root(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                found |= _root(method)
    return found


def _root(expression: ast.expr) -> set[str]:
    """Return the name that an expression begins with: {"x"} for `x.loc[0].values`."""
    while isinstance(expression, ast.Attribute | ast.Subscript | ast.Call):
        is_call = isinstance(expression, ast.Call)
        expression = expression.func if is_call else expression.value  # type: ignore[union-attr]
    return {expression.id} if isinstance(expression, ast.Name) else set()


def _starred(source: Source) -> set[str]:
    """Return the names that `from module import *` brought, where the module is imported."""
    found: set[str] = set()
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            found.update(dir(sys.modules.get(node.module or "")))
    return found


def refuse_magics(frozen: str) -> None:
    """Refuse a cell with lines that only IPython understands.

    Raises
    ------
    HpoError
        With the first of them.
    """
    typed, plain = frozen.split("\n"), plain_text(frozen).split("\n")
    for number, (old, new) in enumerate(zip(typed, plain, strict=True), start=1):
        if old != new:
            raise HpoError(
                f"Line {number} of the cell is IPython's: {old.strip()!r}. Only a notebook runs "
                f"that: take it out of the cell, or freeze it as a cell."
            )
