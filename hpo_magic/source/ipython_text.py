"""The text of a cell without IPython's own lines, so that Python can parse it."""

from __future__ import annotations

import ast
import re

# `!ls`, `%time f()`, `files = !ls`, `?f`, `f?`
_IPYTHON_LINE = re.compile(r"^\s*([\w\s,.\[\]\"']+=\s*)?[!%?]|\?\s*$")


# `%time model = fit(hp.Int(1, 9))`: a statement, in which the calls of `hp` are found.
_TIMED = re.compile(r"^([ \t]*)%time([ \t]+)(?=\S.*\bhp\b)", re.MULTILINE)


def without_timing(text: str) -> str:
    """Return `text` with a line magic `%time` before a statement with `hp` replaced by a constant.

    Columns stay the same. IPython would run the statement from a text of its own.

    >>> without_timing("%time model = fit(hp.Int(1, 9))")
    '0;    model = fit(hp.Int(1, 9))'
    """
    return _TIMED.sub(lambda found: f"{found[1]}0;   {found[2]}", text)


def plain_text(text: str) -> str:
    """Return `text` with `pass` for the lines that only IPython understands.

    Raises
    ------
    SyntaxError
        If the rest is not Python.
    """
    return parsed(text)[1]


def parsed(text: str) -> tuple[ast.Module, str]:
    """Return the tree of `text`, and the text with `pass` for the lines that only IPython knows.

    The lines are found where the parser stops: a line that begins with `%` may also continue an
    expression.
    """
    lines = without_timing(text).split("\n")
    if text.startswith("%%"):
        lines[0] = "#"
    while True:
        plain = "\n".join(lines)
        try:
            return ast.parse(plain), plain
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not _IPYTHON_LINE.search(lines[at]):
                raise
            _pass_over(lines, at)


def _pass_over(lines: list[str], at: int) -> None:
    """Replace the line, and those that continue it after a backslash, by `pass`."""
    continues = lines[at].endswith("\\")
    lines[at] = re.sub(r"\S.*", "pass", lines[at], count=1)
    while continues and (at := at + 1) < len(lines):
        continues = lines[at].endswith("\\")
        lines[at] = ""
