"""What the text of a cell says."""

from __future__ import annotations

import ast

import pytest

from hpo_magic.source.cell_text import CellText


def text(code: str) -> CellText:
    """Return what a text says."""
    return CellText(code, ast.parse(code))


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("y = f(x)", "f x"),
        ("x += 1", "x"),  # reads it, and changes an array in place
        ("x[0] = y", "x y"),
        ("def f(a):\n    return a + b", "b"),
        ("x = 1\nx + 1", ""),
        ("if a:\n    x = 1\nx + 1", "a x"),
    ],
)
def test_names_read(code: str, names: str) -> None:
    """Those that the code may need from outside."""
    assert text(code).names_read == set(names.split())


def test_names_bound() -> None:
    """Those of the outermost scope, also where a function declares one global."""
    code = "a = [b for b in c]\ndef f():\n    global d\n    d = e = 1\nimport g.h"
    assert text(code).names_bound == {"a", "f", "d", "g"}


def test_modules_imported() -> None:
    """Their top-level names; relative imports are nobody's."""
    code = "import keras.layers as k, os\nfrom sklearn.svm import SVC\nfrom . import x"
    assert text(code).modules_imported == {"keras", "os", "sklearn"}


@pytest.mark.parametrize(
    ("code", "paths"),
    [
        ("fit(d.x_train, d.y['a'][0])", {"d": {(".x_train",), (".y", "['a']", "[0]")}}),
        ("fit(d)", {"d": {()}}),
        ("d.x[i]", {"d": {(".x",)}, "i": {()}}),
        ("d.count += 1", {"d": {(".count",)}}),
        ("x[d.at]", {"x": {()}, "d": {(".at",)}}),
        ("d = 1\nd.real", {}),
    ],
)
def test_paths_read(code: str, paths: dict[str, set[tuple[str, ...]]]) -> None:
    """Which attributes and items of a name; the empty path is the whole."""
    found = text(code).paths_read
    assert {name: set(found[name]) for name in found if name != "fit"} == paths
