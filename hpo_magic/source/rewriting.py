"""Edits to a source text, placed by its syntax tree; everything else stays byte for byte."""

from __future__ import annotations

import ast
from collections.abc import Collection

from hpo_magic.source.hp_calls import Source


class Rewriting:
    """A text and the edits to it.

    Edit the parts of a node before the node itself: `text_of` returns a node's text with the edits
    made so far, so that its replacement can contain them.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self._text = source.text
        self._lines = source.text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._edits: dict[tuple[int, int], str] = {}
        self._removed: list[ast.stmt] = []

    def text(self) -> str:
        """Return the whole text with the edits made so far."""
        return self._edited(0, len(self._text))

    def text_of(self, node: ast.expr | ast.stmt) -> str:
        """Return the text of `node` with the edits made so far, without what stands before it."""
        start, end = self.span(node)
        return self._edited(start, end, with_insertion=False)

    def is_untouched(self, node: ast.expr) -> bool:
        """Return whether no edit replaces the place where `node` stands."""
        start, end = self.span(node)
        return not any(first <= start and end <= last for first, last in self._edits)

    def is_there(self, statement: ast.stmt) -> bool:
        """Return whether a statement was not taken out."""
        return statement not in self._removed

    def replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        """Put `new` in the place of `node`."""
        self._edits[self.span(node)] = new

    def insert_before(self, statement: ast.stmt, new: str) -> None:
        """Put the simple statement `new` before `statement`, on a line of its own if it can be.

        Of two insertions at one place the later one comes first.
        """
        place, ending = self._beginning(statement)
        self._edits[place, place] = new + ending + self._edits.get((place, place), "")

    def remove(self, statements: Collection[ast.stmt]) -> None:
        """Take `statements` out, their lines too where nothing else is on them.

        A comment beside one stays; where the grammar needs a statement, `pass` is left.
        """
        self._removed += statements
        for statement in statements:
            start, end = self.span(statement)
            line_start, line_end = self._line_around(start, end)
            before, after = self._text[line_start:start], self._text[end:line_end]
            shares_line = bool(before.strip()) or after.lstrip().startswith(";")
            if shares_line or self._is_needed(statement):
                self._replace_characters(start, end, "pass")
            elif after.strip():
                self._replace_characters(start, end + len(after) - len(after.lstrip()), "")
            else:
                self._replace_characters(line_start, min(line_end + 1, len(self._text)), "")

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where `node` begins and ends, in characters."""
        start = self._offset(node.lineno, node.col_offset)
        return start, self._offset(node.end_lineno or 0, node.end_col_offset or 0)

    def _replace_characters(self, start: int, end: int, new: str) -> None:
        self._edits[start, end] = new

    def _offset(self, line: int, n_bytes: int) -> int:
        before = self._lines[line - 1].encode()[:n_bytes]
        return self._starts[line - 1] + len(before.decode())

    def _line_around(self, start: int, end: int) -> tuple[int, int]:
        line_end = self._text.find("\n", end)
        return self._text.rfind("\n", 0, start) + 1, len(self._text) if line_end < 0 else line_end

    def _beginning(self, statement: ast.stmt) -> tuple[int, str]:
        """Return where something can be put before `statement`, and what must follow it there."""
        start, _ = self.span(statement)
        if self._text.startswith("elif", start):
            outer = self.source.parents[statement]
            assert isinstance(outer, ast.stmt)
            return self._beginning(outer)
        decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
        line = min([statement.lineno, *(d.lineno for d in decorators)])
        whole = self._lines[line - 1]
        indent = whole[: len(whole) - len(whole.lstrip())]
        if decorators or self._starts[line - 1] + len(indent) == start:
            return self._starts[line - 1] + len(indent), f"\n{indent}"
        return start, "; "  # behind a semicolon, or the colon of `if a: b = ...`

    def _is_needed(self, statement: ast.stmt) -> bool:
        """Return whether something must stand in for `statement`, the first of its block."""
        parent = self.source.parents[statement]
        if parent is self.source.tree:
            return False
        blocks = (value for _, value in ast.iter_fields(parent) if isinstance(value, list))
        block = next(block for block in blocks if statement in block)
        return block[0] is statement and all(other in self._removed for other in block)

    def _edited(self, start: int, end: int, *, with_insertion: bool = True) -> str:
        pieces: list[str] = []
        at = start
        for first, last in sorted(self._edits, key=_outer_first):
            if first == last == start and not with_insertion:
                continue
            if at <= first and last <= end:
                pieces += [self._text[at:first], self._edits[first, last]]
                at = last
        return "".join([*pieces, self._text[at:end]])


def _outer_first(span: tuple[int, int]) -> tuple[int, bool, int]:
    """Order edits so that a replaced part takes the edits inside it along, insertions first."""
    first, last = span
    return first, first < last, -last
