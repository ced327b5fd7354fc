"""Planted leaks are found before the search, in a notebook; nothing is said of clean ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.leak_notebooks.clean import CLEAN
from benchmarks.leak_notebooks.planted import PLANTED
from hpo_magic.views.words.notices import messages

# Those whose leak only the data shows, and some that the cells show.
SHOWN_BY_DATA = (
    "validation rows are training rows",
    "parts from files that overlap",
    "the target is left among the features",
    "the target in other units",
    "the logarithm of the target",
    "the target's one-hot columns",
    "minority class repeated before the split",
    "scaler, fit_transform before train_test_split",
)
CAREFUL = (
    "missing values filled with the training median",
    "rows that are alike by nature",
    "iris, which has two equal rows",
    "diabetes, which comes centred",
    "customers with a date of signing up",
    "three parts, scaler of the first",
    "get_dummies",
)


def said(new_notebook: Callable[[], Any], cells: list[str]) -> str:
    """Return what the last cell of a notebook says."""
    notebook = new_notebook()
    for cell in cells[:-1]:
        notebook.ok(cell)
    return str(notebook.ok(cells[-1]).text)


@pytest.mark.parametrize("name", SHOWN_BY_DATA)
def test_a_planted_leak_is_said(new_notebook: Callable[[], Any], name: str) -> None:
    """In one sentence, with the cell and the line."""
    text = said(new_notebook, PLANTED[name])
    assert "Leak in cell [" in text
    assert ", line " in text


@pytest.mark.parametrize("name", CAREFUL)
def test_a_clean_notebook_is_not_accused(new_notebook: Callable[[], Any], name: str) -> None:
    """Data that looks suspicious by nature included."""
    assert "Leak" not in said(new_notebook, CLEAN[name])


def test_there_are_forty_of_each() -> None:
    """The table of the benchmark counts these."""
    assert (len(PLANTED), len(CLEAN)) == (40, 40)


def test_a_value_on_training_rows_is_told(notebook: Any) -> None:
    """Before the search, with the line; the same cell on other rows is quiet."""
    notebook.ok(
        "import numpy as np\nfrom sklearn.tree import DecisionTreeClassifier as Tree\n"
        "A, C = np.random.default_rng(0).normal(size=(2, 40, 3))\nb, d = A[:, 0] > 0, C[:, 0] > 0"
    )
    cell = "%%hpo s --maximize acc --trials 2 --ui none\n"
    cell += "m = Tree(max_depth=hp.Int(1, 4)).fit(A, b)\n"
    notebook.ok(f"{cell}acc = m.score(A, b)")
    assert (
        "The value is measured on the training rows: m.score(A, b) on line 3 scores the model on "
        "the rows that it was fitted on, so the search prefers settings that overfit. Score it on "
        "other rows."
    ) in messages(notebook["s"].snapshot)
    notebook.ok(f"{cell}acc = m.score(C, d)")
    assert "training rows" not in " ".join(messages(notebook["s"].snapshot))


@pytest.mark.parametrize(
    "function",
    [
        "def scored(m, X, y):\n    return m.score(X, y)",
        "scored = lambda m, X, y: m.score(X, y)",
        "def scored(m, *rows):\n    X, y = rows\n    return m.score(X, y)",
        "def scored(m, A, b):\n    def inside(X, y):\n        return m.score(X, y)\n"
        "    return inside(A, b)",
    ],
)
def test_a_function_s_own_variables_are_not_the_notebook_s(notebook: Any, function: str) -> None:
    """Whatever their names: it is given the validation rows."""
    notebook.ok(
        "import numpy as np\nfrom sklearn.tree import DecisionTreeClassifier as Tree\n"
        "from sklearn.model_selection import train_test_split\n"
        "X = np.random.default_rng(0).normal(size=(80, 3))\ny = X[:, 0] > 0\n"
        f"A, B, a, b = train_test_split(X, y, random_state=0)\n{function}"
    )
    cell = "m = Tree(max_depth=hp.Int(1, 4)).fit(A, a)\nacc = scored(m, B, b)"
    notebook.ok(f"%%hpo s --maximize acc --trials 2 --ui none\n{cell}")
    assert not [one for one in messages(notebook["s"].snapshot) if "Leak" in one]
    if function.startswith("def scored(m, X"):  # given the notebook's own X, it scores all rows
        notebook.ok(
            f"%%hpo s --maximize acc --trials 2 --ui none\n{cell.replace('B, b)', 'X, y)')}"
        )
        assert [one for one in messages(notebook["s"].snapshot) if "Leak" in one]
