"""Colab's forms and the training in different cells: a search varies those of its own cell."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from hpo_magic.dialects.forms import varied_by_forms
from hpo_magic.dialects.searches import speaks_hp
from hpo_magic.errors import SpaceError
from hpo_magic.source.hp_calls import Source, read_source


def forms_elsewhere(cells: Sequence[str], searched: str, read: Iterable[str]) -> str:
    """Return the sentence about variables that forms of earlier cells set; "" if there are none.

    Parameters
    ----------
    cells
        The texts of the cells that ran before, the oldest first.
    searched
        The text of the searched cell; its own forms are `hp` calls.
    read
        The variables of the notebook that it reads.
    """
    source = _source_of(searched)
    waiting = set(read)
    if source is None or not any("@param" in text for text in cells):
        return ""
    if speaks_hp(source) and "@param" not in searched:
        return ""  # it says itself what varies
    found: list[str] = []
    for text in reversed(cells):
        earlier = _source_of(text)
        if earlier is None or not waiting:
            continue
        found += [name for name in varied_by_forms(earlier) if name in waiting]
        waiting -= {name for statement in earlier.tree.body for name in _set_by(statement)}
    if not found:
        return ""
    told = ", ".join(found)
    return (
        f"Not searched: {told}, whose forms stand in an earlier cell. To search them, put their "
        f"form lines into this cell."
    )


def refuse_forms_alone(text: str) -> None:
    """Refuse a cell that has forms and computes nothing: its training is in another cell.

    Raises
    ------
    SpaceError
        With what to do.
    """
    source = _source_of(text)
    names = varied_by_forms(source) if source is not None else []
    if source is None or not names:
        return
    plain = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
    rest = [s for s in source.tree.body if not isinstance(s, plain)]
    has_calls = any(isinstance(node, ast.Call | ast.BinOp) for node in source.parents)
    if not rest and not has_calls:
        raise SpaceError(
            f"the cell has the forms of {', '.join(names)} and trains nothing, so there is no "
            f"value to search by. Put the training into this cell, below its forms."
        )


def _source_of(text: str) -> Source | None:
    try:
        return read_source(text)
    except SyntaxError:
        return None  # another magic's cell


def _set_by(statement: ast.stmt) -> list[str]:
    names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
    return [node.id for node in names if isinstance(node.ctx, ast.Store)]
