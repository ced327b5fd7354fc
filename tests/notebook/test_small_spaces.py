"""A space with fewer settings than trials: what is said at its end."""

from __future__ import annotations

from typing import Any

import pytest

LINE = "%%hpo s --maximize value --trials 50 --ui text "
NO_CALL = "Nothing varies: the code reached no hp call, so every trial would be the same."


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        ("a = hp.Choice([1, 2, 3, 4])\na * 1.0", "a: these are all 4 settings, and too few to run"),
        ("a = hp.Choice([1, 2])\nb = hp.Boolean()\na + b", "a, b: these are all 4 settings, and"),
        ("a = hp.Int(1, 3)\na * 1.0", "a: these are all 3 settings, and too few to run the best"),
        ("a = hp.Int(1, 6)\na + hp.seed()", "a: these are all 6 settings. For more trials widen"),
        ("a = hp.Fixed(3)\na * 1.0", "Nothing varies: a has one value. Widen its range or add"),
        ("a = hp.Int(3, 3)\na * 1.0", "Nothing varies: a has one value. Widen its range or add"),
        ("3.0", NO_CALL),
        ("hp = 5\nhp * 1.0", NO_CALL),
        ("def f():\n    return hp.Float(0, 1)\n1.0", NO_CALL),
        ("if False:\n    x = hp.Float(0, 1)\n1.0", NO_CALL),
        ("def f(hp):\n    return hp['u'] * 1.0\nf({'u': 3})", NO_CALL),
    ],
)
def test_the_end_of_a_small_space(notebook: Any, cell: str, sentence: str) -> None:
    """The reason is said; a re-check is announced only where it comes."""
    text = notebook.ok(f"{LINE}\n{cell}").text
    assert sentence in text
    result = text.partition("s: maximize value\n")[2]
    has_reruns = any(trial.kind.value == "re-check" for trial in notebook["s"].trials)
    assert ("reserved for the re-check" in result) is has_reruns
