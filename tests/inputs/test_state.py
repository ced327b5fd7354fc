"""Stored fingerprints of what a cell reads: what counts as a change."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpo_magic.inputs.reads import values_read
from hpo_magic.inputs.state import changed_variables, state_of, without
from hpo_magic.source.cell_text import CellText


def cell(source: str) -> CellText:
    """Return what the text of a cell says."""
    return CellText(source, ast.parse(source))


def data(source: str, **namespace: Any) -> str:
    """Return the fingerprint of what a cell reads."""
    return state_of(values_read(cell(textwrap.dedent(source)), namespace)).fingerprint


X = np.arange(12.0).reshape(3, 4)


def changed_array() -> Any:
    """Return an array with one other number."""
    array = X.copy()
    array[2, 3] += 1
    return array


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (X, changed_array()),
        (X, X.reshape(4, 3)),
        (X, X.astype(np.float32)),
        (np.array(["a", "b"]), np.array(["a", "c"])),
        (np.array([None, 1]), np.array([None, 2])),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 3]})),
        (pd.Series(["a", None]), pd.Series(["a", "b"])),
        (3, 4),
        (1, True),
        (1, 1.0),
        ("a", b"a"),
        (None, 0),
        ([1, [2]], [[1], 2]),
        ([[1], 2], [[1, 2]]),
        ([1, 2], (1, 2)),
        (list(range(30_000)), [*range(29_999), -1]),
        ({"depth": 2}, {"depth": 3}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a", "b"}, {"a", "c"}),
        (frozenset({1}), frozenset({2})),
        ({"x": X}, {"x": changed_array()}),
        (2 + 1j, 2 - 1j),
    ],
)
def test_data_that_changed(before: object, after: object) -> None:
    """Values, types, shapes and nesting tell data apart."""
    assert data("fit(x)", x=before) != data("fit(x)", x=after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (X, X.copy()),
        (X, np.asfortranarray(X)),
        (X[::2], X[::2].copy()),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})),
        ({"a", "b", "c"}, {"c", "b", "a"}),
        (object(), object()),
        ([object()], [object()]),
    ],
)
def test_data_that_did_not_change(before: object, after: object) -> None:
    """Equal data in other memory; handles, such as models and sessions, are not data."""
    assert data("fit(x)", x=before) == data("fit(x)", x=after)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.array(3.0),
        np.array("text"),
        np.array(None, dtype=object),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.zeros(2, dtype=[("a", "i4"), ("b", "U3")]),
        np.zeros((2, 2), dtype=bool),
    ],
)
def test_arrays_of_any_kind(array: Any) -> None:
    """Empty, of no dimension, of dates, records or objects."""
    assert data("x", x=array) == data("x", x=array.copy())


def test_an_array_that_cannot_be_read_does_no_harm() -> None:
    """A tensor on a GPU, or one that still wants a gradient."""

    class Tensor:
        def __array__(self, *args: object, **options: object) -> object:
            raise RuntimeError("can't convert a CUDA tensor")

    assert data("fit(x)", x=Tensor()) == data("fit(x)", x=Tensor())


def test_the_name_of_the_data_counts() -> None:
    """Training and validation rows that change places are other data."""
    assert data("fit(x, y)", x=1, y=2) != data("fit(x, y)", x=2, y=1)


def defined(source: str) -> dict[str, Any]:
    """Return what a cell of the notebook defines."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(textwrap.dedent(source), namespace)
    return namespace


BUILD = """
    scale = 2
    class Block:
        width = 8
        def __init__(self, units, rate=0.1):
            self.units = units
        @staticmethod
        def of(units):
            return Block(units)
        @property
        def size(self):
            return self.units * scale
    def build(units, activation="relu", *, norm=True):
        '''Build a model.'''
        inner = lambda: helper(units)
        return [Block(units) for _ in range(3) if activation in {"relu", "tanh", "gelu"}]
    def helper(units):
        return units + 1
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range(3)", "range(4)"),
        ('activation="relu"', 'activation="tanh"'),
        ("norm=True", "norm=False"),
        ("units + 1", "units - 1"),
        ("scale = 2", "scale = 3"),
        ("width = 8", "width = 9"),
        ("rate=0.1", "rate=0.2"),
        ("return Block(units)\n        @prop", "return Block(units + 1)\n        @prop"),
        ("self.units * scale", "self.units * 2 * scale"),
        ('"gelu"}', '"selu"}'),
    ],
)
def test_functions_and_classes_of_the_notebook_are_data(old: str, new: str) -> None:
    """With their defaults, what they contain, and what these read in turn."""
    assert BUILD.count(old) == 1
    before, after = defined(BUILD), defined(BUILD.replace(old, new))
    assert data("build(3)", **before) != data("build(3)", **after)


def test_a_function_that_was_defined_again_is_the_same() -> None:
    """Running its cell once more changes nothing, nor does having called it."""
    before, after = defined(BUILD), defined("\n# moved down\n" + textwrap.dedent(BUILD))
    first = data("build(3)", **before)
    for _ in range(1000):
        before["build"](3)
    assert data("build(3)", **before) == first == data("build(3)", **after)


STABLE = f"""
import ast, textwrap
from hpo_magic.inputs.reads import values_read
from hpo_magic.inputs.state import state_of
from hpo_magic.source.cell_text import CellText
namespace = {{"__name__": "__main__", "words": {{"a", "b", "c", "d"}}}}
exec(textwrap.dedent({BUILD!r}), namespace)
cell = CellText("", ast.parse("build(words)"))
print(state_of(values_read(cell, namespace)).fingerprint)
"""


def test_another_kernel_finds_the_same() -> None:
    """The order of a set of strings differs from process to process; the fingerprint does not."""
    found = {
        subprocess.run(
            [sys.executable, "-c", STABLE],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_no_data_has_no_fingerprint() -> None:
    """An empty fingerprint is not compared."""
    assert data("pass", x=1) == ""


def test_which_variables_changed() -> None:
    """New ones and those that are gone included."""
    before = data("f(x, y, z)", x=1, y=2, z=3)
    assert changed_variables(before, data("f(x, y, z)", x=1, y=3)) == ["y", "z"]
    assert changed_variables(before, before) == []


def test_a_variable_may_be_left_out_of_the_comparison() -> None:
    """Another one still counts."""
    before = without(data("f(x, y)", x=1, y=2), {"x", "absent"})
    assert changed_variables(before, data("f(x, y)", x=5, y=2)) == []
    assert changed_variables(before, data("f(x, y)", x=5, y=3)) == ["y"]
