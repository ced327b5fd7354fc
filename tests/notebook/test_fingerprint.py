"""Fingerprints: what counts as a change of a cell, and of what it reads."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpo_magic.notebook import fingerprint as module
from hpo_magic.notebook.fingerprint import (
    array_fingerprint,
    data_fingerprint,
    fingerprint,
    inputs_of,
)
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.source.cell_text import CellText


def cell(source: str) -> CellText:
    """Return what the text of a cell says."""
    return CellText(source, ast.parse(source))


def mark(source: str, **namespace: Any) -> Fingerprint:
    """Return the fingerprint of a cell."""
    source = textwrap.dedent(source)
    return fingerprint(CellText(source, ast.parse(source)), namespace)


CELL = """
    lr = hp.Float(1e-4, 1e-1, sampling="log", default=1e-3)
    units = hp.Int("units", 16, 512)
    model.fit(x, batch_size=64)
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1e-4, 1e-1", "1e-5, 1"),
        (', sampling="log"', ""),
        ("default=1e-3", "default=1e-2"),
        ('"units", 16, 512', '"units", 16, 512, step=16'),
        ('"units", 16, 512', '"units", min_value=16, max_value=512'),
        ("Int(", "Choice("),
    ],
)
def test_ranges_choices_and_defaults_are_ranges(old: str, new: str) -> None:
    """Their change leaves the code as it was."""
    before, after = mark(CELL), mark(CELL.replace(old, new))
    assert before.ranges != after.ranges
    if new != "Choice(":
        assert before.code == after.code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("64", "32"),
        ("lr = ", "rate = "),
        ('"units"', '"width"'),
        ("model.fit", "model.train"),
        ('    units = hp.Int("units", 16, 512)\n', ""),
    ],
)
def test_everything_else_is_code(old: str, new: str) -> None:
    """A name too: the trials speak of parameters by it."""
    assert mark(CELL).code != mark(CELL.replace(old, new)).code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model.fit", "# trains\n    model.fit"),
        ("1e-4, 1e-1", "0.0001,   0.1"),
        ("lr = ", "\n\n    lr = "),
        ('"log"', "'log'"),
    ],
)
def test_comments_and_formatting_change_nothing(old: str, new: str) -> None:
    """Only the source itself is another."""
    before, after = mark(CELL), mark(CELL.replace(old, new))
    assert (before.code, before.ranges, before.data) == (after.code, after.ranges, after.data)
    assert before.source != after.source


def test_a_name_made_in_a_loop_is_a_name() -> None:
    """`hp.Int(f"units_{i}", …)` is about other parameters when it says `f"width_{i}"`."""
    cell = 'hp.Int(f"units_{i}", 1, 9)'
    assert mark(cell).code != mark(cell.replace("units", "width")).code
    assert mark(cell).code == mark(cell.replace("9", "8")).code


def test_the_tree_is_left_as_it_was() -> None:
    """It is run afterwards, ranges and all."""
    tree = ast.parse("x = hp.Int(1, 9)")
    before = ast.dump(tree)
    fingerprint(CellText("x = hp.Int(1, 9)", tree), {})
    assert ast.dump(tree) == before


def data(source: str, **namespace: Any) -> str:
    """Return the fingerprint of what a cell reads."""
    return mark(source, **namespace).data


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
    assert array_fingerprint(array) == array_fingerprint(array.copy())


def test_large_arrays_are_compared_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """First and last bytes included."""
    monkeypatch.setattr(module, "WHOLE_BYTES", 4096)
    array = np.zeros(100_000)
    prints = {array_fingerprint(array)}
    for place in (0, -1):
        array[place] = 1.0
        prints.add(array_fingerprint(array))
    assert len(prints) == 3


def test_an_array_that_cannot_be_read_does_no_harm() -> None:
    """A tensor on a GPU, or one that still wants a gradient."""

    class Tensor:
        def __array__(self, *args: object, **options: object) -> object:
            raise RuntimeError("can't convert a CUDA tensor")

    assert data("fit(x)", x=Tensor()) == data("fit(x)", x=Tensor())


def test_only_what_the_cell_reads_is_looked_at() -> None:
    """Other variables, private ones, modules and handles are not."""
    namespace = {"x": X, "other": 3, "_hidden": 4, "np": np, "model": object(), "n": 2}
    assert sorted(inputs_of(cell("model.fit(x, n, np, _hidden, absent)"), namespace)) == [
        "n",
        "x",
    ]
    assert data("pass", x=X) == ""


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
from hpo_magic.notebook.fingerprint import fingerprint
from hpo_magic.source.cell_text import CellText
namespace = {{"__name__": "__main__", "words": {{"a", "b", "c", "d"}}}}
exec(textwrap.dedent({BUILD!r}), namespace)
print(fingerprint(CellText("", ast.parse("build(words)")), namespace).data)
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


def test_functions_of_modules_are_not_data() -> None:
    """They change with their package, which is not the cell's business."""
    assert inputs_of(cell("f(x)"), {"f": textwrap.dedent, "x": 1}) == {"x": 1}


def test_no_data_has_no_fingerprint() -> None:
    """An empty fingerprint is not compared."""
    assert data_fingerprint({}) == ""
