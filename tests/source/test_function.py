"""A cell as a function of what the search chose; that it runs is in test_frozen_cells."""

from __future__ import annotations

from textwrap import dedent

import pytest

from hpo_magic.errors import HpoError
from hpo_magic.source.function import as_function


def function(cell: str, **values: object) -> str:
    """Return the function of a cell, after its first line's name."""
    return as_function(dedent(cell).strip(), values)


def test_comments_and_texts_stay_as_they_are() -> None:
    """The body is indented, what is inside of a text is not."""
    text = function('''
        lr = hp.Float(1e-4, 1e-1)  # rate
        note = """
        two lines"""
        # the end
        len(note) * lr
        ''', lr=0.01)  # fmt: skip
    assert text == (
        'def train(lr=0.01):\n    # rate\n    note = """\ntwo lines"""\n    # the end\n'
        "    return len(note) * lr"
    )


def test_a_variable_with_another_use_keeps_its_own_value() -> None:
    """In a loop, a class, a function or bound twice, it is not the parameter."""
    looped = "total = 0\nfor _ in 'ab':\n    lr = 2 * hp.Float(0, 1, name='lr')\n    total += lr\n"
    assert "    _lr = lr\n" in function(looped, lr=0.5)
    assert "lr = 2 * _lr" in function(looped, lr=0.5)
    twice = function("lr = hp.Float(0, 1)\nlr = lr / 2\nlr", lr=0.5)
    assert twice == "def train(lr=0.5):\n    _lr = lr\n    lr = _lr\n    lr = lr / 2\n    return lr"
    before = function("print(lr)\nlr = hp.Float(0, 1)\nlr", lr=0.5)
    assert "lr = _lr" in before
    inner = function("def f():\n    rate = hp.Float(0, 1)\n    return rate\nf()", rate=0.5)
    assert "    rate = _rate" in inner


def test_what_was_not_reached_is_a_parameter_too() -> None:
    """With the value that it has outside of a trial."""
    text = function("if hp.Boolean('norm'):\n    eps = hp.Float(0.0, 1.0)\n1", norm=False)
    assert text.startswith("def train(norm=False, eps=0.5):\n    if norm:\n        pass\n")


def test_names_that_are_no_identifiers_become_some() -> None:
    """And no two of them the same."""
    text = as_function(
        "hp.Float('a b', 0, 1) + hp.Float('a-b', 0, 1) + hp.Float('1', 0, 1) + hp.Int('if', 0, 1)",
        {"a b": 0.1, "a-b": 0.2, "1": 0.3, "if": 1},
    )
    assert text.startswith("def train(a_b_=0.1, a_b=0.2, _1=0.3, _if=1):")
    assert text.endswith("return a_b_ + a_b + _1 + _if")


def test_a_long_line_of_parameters_is_broken() -> None:
    """One on each line."""
    names = [f"a_rather_long_name_{k}" for k in range(4)]
    text = as_function("\n".join(f"{n} = hp.Int(1, 9)" for n in names), dict.fromkeys(names, 1))
    assert text.startswith("def train(\n    a_rather_long_name_0=1,\n")
    assert text.endswith("\n):\n    pass")


def test_the_metric_is_returned_where_no_expression_ends_the_cell() -> None:
    """If the cell has such a variable."""
    cell = "x = hp.Float(0, 1)\nloss = x ** 2"
    assert as_function(cell, {"x": 0.5}, metric="loss").endswith("\n    return loss")
    assert as_function(cell, {"x": 0.5}, metric="val_loss").endswith("\n    loss = x ** 2")
    report = as_function("x = hp.Float(0, 1)\nloss = x\nhp.report(loss=loss)", {"x": 0.5})
    assert report.endswith("    loss = x")


def test_a_name_of_the_cell_is_not_taken() -> None:
    """A cell that calls the notebook's own `train` still does."""
    assert function("train(hp.Int('n', 1, 9))", n=2).startswith("def train_(n=2):")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("from math import *", "A function cannot import `*`"),
        ("from __future__ import annotations", "A function cannot import from the future"),
        ("await sleep()", "waits for a coroutine"),
        ("!ls", "Line 1 of the cell is IPython's: '!ls'"),
    ],
)
def test_what_no_function_can_do_is_refused(line: str, reason: str) -> None:
    """With the line and the reason."""
    with pytest.raises(HpoError, match=r"(?i)line 1 ") as caught:
        function(f"{line}\nx = hp.Float(0, 1)\nx", x=0.5)
    assert reason in str(caught.value)
