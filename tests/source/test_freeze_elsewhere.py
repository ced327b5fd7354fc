"""Cells whose values no `hp` call in their text asked for: what is written, and what is said."""

from __future__ import annotations

import ast

import pytest

from hpo_magic.errors import HpoError
from hpo_magic.language.hp import hp
from hpo_magic.source.freeze import freeze
from hpo_magic.source.function import as_function


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ("I = hp.Int\nx = I(1, 9)\nx", "`hp.Int` on line 1 is no call"),
        ("I, F = hp.Int, hp.Float\nx = I('x', 1, 9)\nx", "`hp.Int` on line 1 is no call"),
        ("from functools import partial\nx = partial(hp.Int, 1)(9)", "`hp.Int` on line 2 is no"),
        ("x = getattr(hp, 'Int')(1, 9)\nx", "`getattr(hp, 'Int')` on line 1 is no call"),
        ("x = getattr(hp, 'Int')('x', 1, 9)\nx", "`getattr(hp, 'Int')` on line 1 is no call"),
        ("x, = map(hp.Int, ['x'], [1], [9])\nx", "`hp.Int` on line 1 is no call"),
    ],
)
def test_a_method_that_is_taken_without_a_call(cell: str, place: str) -> None:
    """The value may have been asked for inside the cell: nothing says it was outside."""
    with pytest.raises(HpoError) as refused:
        freeze(cell, {"x": 7}, {}, {"hp": hp})
    assert place in str(refused.value)
    assert "outside" not in str(refused.value)


def test_code_outside_is_called_so() -> None:
    """Where nothing in the cell can have asked."""
    with pytest.raises(HpoError, match="code outside of it asked for x=7"):
        freeze("f()", {"x": 7}, {}, {"hp": hp})


@pytest.mark.parametrize(
    "cell",
    [
        "objective(hp.trial)",
        "-objective(hp.trial)",
        "score = objective(hp.trial)\nscore",
        "max(objective(hp.trial), 0)  # at least",
        "(objective(hp.trial)\n + 1)",
        "# the end\nobjective(hp.trial)",
    ],
)
def test_an_objective_of_optunas_as_a_function(cell: str) -> None:
    """It can be read as Python, gets the values, and returns the last expression."""
    pytest.importorskip("optuna")
    text = as_function(cell, {"x": 0.25}, {}, namespace={"hp": hp})
    tree = ast.parse(text)
    seen: dict = {"objective": lambda trial: trial.suggest_float("x", 0, 1)}
    exec(compile(tree, "frozen", "exec"), seen)
    expected = {"-": -0.25, "(": 1.25}.get(cell[0], 0.25)
    assert seen["train"]() == expected
    assert "import optuna" in text


@pytest.mark.parametrize("cell", ["build(hp)", "build(hp) * 2", "build(hps=hp)"])
def test_a_function_of_keras_tuners_as_a_function(cell: str) -> None:
    """It can be read as Python."""
    pytest.importorskip("keras_tuner")
    text = as_function(cell, {"u": 3}, {}, namespace={"hp": hp})
    seen: dict = {"build": lambda hps: hps.Int("u", 1, 5)}
    exec(compile(ast.parse(text), "frozen", "exec"), seen)
    assert seen["train"]() == (6 if "*" in cell else 3)
    assert seen["train"](u=4) == (8 if "*" in cell else 4)
