"""The fingerprint of a cell's code, the same under every version of Python.

`ast.dump` and bytecode differ from one version of Python to the next, so the tree is written out by
rules of our own: a field that is empty is left out, and so is what a newer version added.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from hpo_magic.source.hp_calls import read_source
from hpo_magic.source.ipython_text import plain_text, without_timing
from hpo_magic.source.syntax import METHODS

# Stands in front of each fingerprint; another number is another way to make them.
FORMAT = 2
# Fields that say nothing about what the code does.
_IGNORED = frozenset({"ctx", "kind", "type_comment", "type_ignores"})


class CodeFingerprint(NamedTuple):
    """What tells one cell's text from another's.

    Attributes
    ----------
    code
        Of everything but the arguments of the `hp` calls.
    ranges
        Of the `hp` calls: bounds, choices, defaults.
    """

    code: str
    ranges: str


@lru_cache(maxsize=16)
def code_fingerprint(text: str) -> CodeFingerprint:
    """Return the fingerprint of a cell's text; comments and formatting do not count.

    Lines that only IPython understands count as they were typed.
    """
    try:
        tree, plain = read_source(text).tree, plain_text(text)
    except SyntaxError:  # an IPython syntax that we do not know; the text itself is what we have
        return CodeFingerprint(fingerprint_of(text), fingerprint_of(""))
    pairs = zip(without_timing(text).split("\n"), plain.split("\n"), strict=True)
    typed = [old.strip() for old, new in pairs if old != new]
    calls: list[str] = []
    code = written_out(tree, calls)
    return CodeFingerprint(
        fingerprint_of("\n".join([code, *typed])), fingerprint_of("\n".join(calls))
    )


def format_of(fingerprint: str) -> str:
    """Return the number of the format that made a fingerprint; "" before formats had numbers."""
    number, colon, _ = fingerprint.partition(":")
    return number if colon else ""


def fingerprint_of(text: str) -> str:
    """Return the fingerprint of a text, with the number of the format."""
    return f"{FORMAT}:{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"


def written_out(node: ast.AST, hp_calls: list[str] | None = None) -> str:
    """Return a syntax tree as text that is the same under every version of Python.

    Parameters
    ----------
    node
        The tree, or a part of it.
    hp_calls
        If it is given, the `hp` calls are added to it as they are, and written out without their
        arguments, apart from the name.
    """
    return "".join(_pieces(node, hp_calls))


def _pieces(value: Any, hp_calls: list[str] | None) -> Iterator[str]:
    if isinstance(value, ast.JoinedStr):
        yield from _text_with_values(value, hp_calls)
    elif isinstance(value, ast.AST):
        if hp_calls is not None and _is_hp_call(value):
            hp_calls.append(written_out(value))
            value = _without_range(value)
        yield f"{type(value).__name__}("
        for name, part in ast.iter_fields(value):
            if name not in _IGNORED and part is not None and part != []:
                yield f"{name}="
                yield from _pieces(part, hp_calls)
                yield ","
        yield ")"
    elif isinstance(value, list):
        yield "["
        for part in value:
            yield from _pieces(part, hp_calls)
            yield ","
        yield "]"
    else:
        yield repr(value)


def _text_with_values(node: ast.JoinedStr, hp_calls: list[str] | None) -> Iterator[str]:
    """Yield an f-string; how its constant parts are split differs from version to version."""
    yield "JoinedStr["
    constant = ""
    for part in node.values:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            constant += part.value
            continue
        if constant:
            yield f"{constant!r},"
            constant = ""
        yield from _pieces(part, hp_calls)
        yield ","
    yield f"{constant!r}]" if constant else "]"


def _is_hp_call(node: ast.AST) -> bool:
    is_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return is_method and node.func.attr in METHODS  # type: ignore[attr-defined]


def _without_range(call: Any) -> ast.Call:
    """Return an `hp` call with its name as the only argument, if it was given one."""
    named = [argument for argument in call.args[:1] if _is_name(argument)]
    return ast.Call(call.func, named, [word for word in call.keywords if word.arg == "name"])


def _is_name(node: ast.expr) -> bool:
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return is_text or isinstance(node, ast.JoinedStr)  # f"units_{layer}"
