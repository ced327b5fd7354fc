"""An `hp` that is not ours: it is named before anything runs."""

from __future__ import annotations

from typing import Any

import pytest

LINE = "%%hpo s --maximize value --trials 3 --recheck 0 --ui none\n"


class HyperParameters:
    """Stands for KerasTuner's class of that name."""

    def Int(self, *_: object) -> int:
        """Return the default."""
        return 3


@pytest.mark.parametrize(
    ("hp", "cell", "sentence"),
    [
        (5, "x = hp.Float(0, 1)\nx", "line 2 is not hpo_magic's: in this notebook it is an obj"),
        (5, "x = hp.Float(0, 1)\nx", "of type int. Run `from hpo_magic import hp`, and give the"),
        ({"lr": 1}, "\nx = hp.Choice([1, 2])\nx", "the hp of line 3 is not hpo_magic's"),
        (pytest, "x = hp.Int(1, 2)\nx", "it is the module pytest. Run `from hpo_magic import hp`"),
        (int, "[hp.Int('a', 1, 2) for _ in 'ab'][0]", "it is the class int."),
        (HyperParameters(), "x = hp.Int('x', 1, 2)\nx", "hpo_magic's hp has the calls of Keras"),
        (HyperParameters(), "def b(h):\n    return h.Int('u', 1, 3)\nb(hp)", "the hp of line 4 is"),
        (None, "def f():\n    return hp.Boolean()\nf() + 1.0", "the hp of line 3 is not hpo_mag"),
    ],
)
def test_a_variable_of_the_notebook(notebook: Any, hp: Any, cell: str, sentence: str) -> None:
    """The sentence says what it is, and what to run."""
    notebook.shell.user_ns["hp"] = hp
    assert sentence in notebook.run(LINE + cell).usage_error
    assert "s" not in notebook


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (
            "from hyperopt import hp\nx = hp.uniform('x', 0, 1)\nx",
            "(from hyperopt import hp). Leav",
        ),
        (
            "import hyperopt.hp as hp\nx = hp.choice('x', [1])\nx",
            "write hp.Float(low, high) for hp",
        ),
        ("hp = kt.HyperParameters()\nhp.Int('x', 1, 3)", "line 2 of the cell makes it another one"),
        ("hp = 5\nx = hp.Int(1, 2)\nx", "(hp = 5). Leave that line out, and give the other one"),
        ("class hp:\n    Int = print\nhp.Int(1)", "the hp of line 4 is not hpo_magic's: line 2"),
        (
            "class H:\n    pass\nhp = H()\nx = hp.Int(1, 2)\nx",
            "line 4 of the cell makes it another",
        ),
        ("if True:\n    import pytest as hp\nx = hp.Int(1, 2)\nx", "(import pytest as hp)"),
    ],
)
def test_one_that_the_cell_makes(notebook: Any, cell: str, sentence: str) -> None:
    """The sentence quotes the line."""
    assert sentence in notebook.run(LINE + cell).usage_error


def test_none_at_all(notebook: Any) -> None:
    """It was deleted."""
    notebook.ok("del hp")
    said = notebook.run(f"{LINE}x = hp.Float(0, 1)\nx").usage_error
    assert said == (
        "%%hpo: line 2 of the cell calls hp, which is not there. Run `from hpo_magic import hp`."
    )


@pytest.mark.parametrize(
    "cell",
    [
        "from hpo_magic import hp\nhp.Float('x', 0, 1)",
        "from hpo_magic import *\nhp.Float('x', 0, 1)",
        "import hpo_magic\nhp = hpo_magic.hp\nhp.Float('x', 0, 1)",
        "def f(hp):\n    return hp.Float('x', 0, 1)\nfrom hpo_magic import hp as h\nf(h)",
        "from hpo_magic import hp as h\nhp = [3]\nhp.append(h.Float('x', 0, 1))\nhp[-1]",
        "from hpo_magic import hp as h\nhp = h\nhp.Float('x', 0, 1)",
        "f = lambda hp: hp.Float('x', 0, 1)\nfrom hpo_magic import hp as h\nf(h)",
        "%run -n made.py\nhp.Float('x', 0, 1)",
    ],
)
@pytest.mark.parametrize("known", [None, 5])
def test_what_may_be_ours_runs(notebook: Any, cell: str, known: Any) -> None:
    """A parameter called hp, an import in the cell, a variable that is not asked for values."""
    from pathlib import Path

    Path("made.py").write_text("from hpo_magic import hp\n")
    if known is None:
        notebook.ok("del hp")
    elif "*" in cell or "%run" in cell:
        return  # an hp of the notebook is taken for the one that is meant
    else:
        notebook.shell.user_ns["hp"] = known
    notebook.ok(LINE + cell)
    assert list(notebook["s"].space) == ["x"]
    assert len(notebook["s"].trials) == 3
