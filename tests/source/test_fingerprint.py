"""The fingerprint of a cell's code: what counts."""

from __future__ import annotations

import linecache
import textwrap
from types import FunctionType
from typing import Any

import pytest

from hpo_magic.source.definitions import class_definition, code_text, definition_of
from hpo_magic.source.fingerprint import FORMAT, code_fingerprint, format_of


def test_a_fingerprint_says_how_it_was_made() -> None:
    """Another format is another number; before there were none it is empty."""
    assert format_of(code_fingerprint("x = 1").code) == str(FORMAT)
    assert format_of("0123456789abcdef0123456789abcdef") == ""


@pytest.mark.parametrize("cell", ["x = 1", "!ls\nhp.Int(1, 2)", "def f(): pass\nf()"])
def test_comments_and_blank_lines_do_not_count(cell: str) -> None:
    """Nor do they with IPython's lines."""
    assert code_fingerprint(f"\n# a comment\n{cell}\n") == code_fingerprint(cell)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%time f(x)", "%time f(y)"),
        ("!ls", "!ls -l"),
        ("x = f'{a} b'", "x = f'{a} c'"),
        ("x = f'{a}'", "x = f'{a!r}'"),
        ("x = f'{a:}'", "x = f'{a}'"),
        ("x = 1", "x = 1.0"),
        ("x = (1, 2)", "x = [1, 2]"),
        ("x = b'a'", "x = 'a'"),
        ("def f(a, /): pass", "def f(a): pass"),
        ("del x", "x"),
        ("hp.Int(1, 2)", "hp.Float(1, 2)"),
    ],
)
def test_what_the_code_does_counts(old: str, new: str) -> None:
    """IPython's lines included."""
    assert code_fingerprint(old).code != code_fingerprint(new).code


def test_a_text_that_nobody_can_parse_has_a_fingerprint() -> None:
    """IPython may know what we do not."""
    assert code_fingerprint("f x y") != code_fingerprint("f x z")


def defined(text: str, filename: str = "<a cell>") -> dict[str, Any]:
    """Return what a text defines, with its source where the interpreter looks for it."""
    text = textwrap.dedent(text)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, filename, "exec"), names)
    return names


def test_a_function_is_its_source() -> None:
    """Decorators count, comments and place do not."""
    one = defined("def f(x):\n    return x + 1", "<one>")["f"]
    same = defined("# moved\n\ndef f(x):\n    return x + 1  # plus one", "<same>")["f"]
    other = defined("def f(x):\n    return x - 1", "<other>")["f"]
    assert code_text(one) == code_text(same) != code_text(other)


def test_lambdas_of_one_line_are_told_apart() -> None:
    """By where their instructions stand."""
    names = defined("f, g = (lambda x: x + 1), (lambda x: x + 2)\nh = (lambda x: x + 1)")
    assert code_text(names["f"]) == code_text(names["h"]) != code_text(names["g"])


def test_a_function_without_source_is_its_bytecode() -> None:
    """Which says of which Python it is."""
    names: dict[str, Any] = {}
    exec("def f(x):\n    return x + 1\ndef g(x):\n    return x - 1", names)
    f, g = names["f"], names["g"]
    assert isinstance(f, FunctionType)
    assert definition_of(f.__code__, names) is None
    assert code_text(f).startswith("Python 3.")
    assert code_text(f) != code_text(g)


def test_a_class_is_found_by_its_methods() -> None:
    """One without methods is not found."""
    names = defined("class A:\n    x = 1\n    def f(self): pass\nclass B:\n    x = 1")
    found = class_definition(names["A"])
    assert found is not None
    assert found.name == "A"
    assert class_definition(names["B"]) is None
