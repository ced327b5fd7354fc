"""Frozen cells: searched in a notebook, frozen, run without hpo_magic; the score is the same."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hpo_magic.core.ports import Controls
from hpo_magic.notebook import magic

LINE = "%%hpo s -n 6 --sampler random --recheck 0 --ui none --minimize"
CELLS = {
    "a variable": "x = hp.Float(-1.0, 1.0)\nx ** 2",
    "an expression": "(hp.Int('a', 1, 9) - 4) ** 2 + hp.Float('b', 0, 1)",
    "named by keyword": "k = hp.Int(name='k', min_value=1, max_value=9)\nabs(k - 5)",
    "a keyword argument": "def f(a, b=0): return (a - b) ** 2\nf(a=hp.Int(0, 9), b=hp.Int(0, 9))",
    "a position": "def f(width, depth): return width * depth\nf(hp.Int(1, 9), hp.Int(1, 9))",
    "one name twice": "a = hp.Int('n', 1, 9)\nb = hp.Int('n', 1, 9)\na + b",
    "a for loop": """
        total = 0
        for i in range(hp.Int('layers', 1, 3)):  # each with a width of its own
            total += i * hp.Int('w', 1, 9) + hp.Float(0.0, 1.0, name=f'd{i}')
        total
        """,
    "unnamed in a loop": """
        total = 0.0
        for i in range(3):
            width = hp.Int(1, 64, sampling="log")
            total += width / (i + 1)
        total
        """,
    "a while loop": """
        left, spent = 3, 0
        while left:
            cost = hp.Int(1, 9)
            spent += cost * left
            left -= 1
        spent
        """,
    "a comprehension": "w = [hp.Int(1, 9) for _ in range(3)]\nw[0] + 10 * w[1] + 100 * w[2]",
    "a nested comprehension": """
        r = [[hp.Float(0, 1) * k for k in range(2)] for _ in range(2)]
        sum(map(sum, r))
        """,
    "a dict": "d = {c: hp.Float(0.0, 1.0) for c in 'ab'}\nd['a'] - d['b']",
    "branches": """
        kind = hp.Choice(["flat", "tall"])
        if kind == "tall":
            height = hp.Int(1, 9)
        else:
            height = 0.5  # no parameter here
        height * hp.Float("width", 1.0, 2.0)
        """,
    "a conditional expression": "a = hp.Int(1, 9) if hp.Boolean('big') else hp.Float(0, 1)\na",
    "nested functions": """
        def outer(scale):
            def inner():
                rate = hp.Float(0.0, 1.0)
                return rate * scale
            return inner() + hp.Int("base", 1, 5)

        outer(2)
        """,
    "a function called in a loop": """
        def layer(k):
            units = hp.Int(1, 32)
            return units * k

        sum(layer(k) for k in (1, 2, 3))
        """,
    "objects among the choices": """
        import math
        act = hp.Choice([math.sin, math.cos, abs])
        act(hp.Float("x", 0.0, 3.0))
        """,
    "a seed, a report and a score": """
        import random
        rng = random.Random(hp.seed())
        for epoch in range(2):
            hp.report(loss=epoch)
        rng.random() + hp.Float("x", 0.0, 1.0)
        """,
    "a conditional scope": """
        total = 1.0
        if hp.Boolean("norm"):
            with hp.conditional_scope("norm", [True]):
                total += hp.Float("eps", 0.0, 1.0)
        total
        """,
    "a class and a step": """
        class Net:
            widths = [hp.Int(8, 64, step=8) for _ in range(2)]
            rate = hp.Float(0.0, 0.5, step=0.1)

        sum(Net.widths) * (1 + Net.rate)
        """,
    "a dict at the end": "x = hp.Float(0.0, 1.0)\n{'loss': x, 'size': 3}",
    "data and global random numbers": """
        import numpy as np
        noise = np.random.default_rng(hp.seed()).normal(size=len(data))
        float(((data - hp.Float("shift", 0.0, 3.0)) ** 2).mean() + noise.mean())
        """,
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_a_frozen_cell_gives_the_score_on_record(notebook: Any, cell: str) -> None:
    """Checked by itself, and run once more where there is no `hp`."""
    body = dedent(cell).strip()
    notebook.ok("import numpy as np\ndata = np.arange(4.0)\nimport random")
    metric = " loss" if body.endswith("}") and "'loss'" in body else ""
    notebook.ok(f"{LINE}{metric}\n{body}")
    frozen = str(notebook.ok("frozen = s.freeze(check=True)\nfrozen").value)
    assert "hp." not in frozen
    assert [line for line in body.splitlines() if "#" in line] == [] or "#" in frozen
    best = notebook["s"].best_trial
    notebook.ok("del hp")
    value = notebook.ok(frozen).value
    assert (value["loss"] if isinstance(value, dict) else value) == pytest.approx(best.value)


def searched(notebook: Any, cell: str) -> Any:
    """Search a cell, after one that makes what it reads, and return the study."""
    body = dedent(cell).strip()
    notebook.ok("import numpy as np\ndata = np.arange(4.0)\nimport random")
    metric = " loss" if body.endswith("}") and "'loss'" in body else ""
    notebook.ok(f"{LINE}{metric}\n{body}")
    return notebook["s"]


def value_of(shown: Any) -> float:
    """Return the number that a cell ended in."""
    return float(shown["loss"] if isinstance(shown, dict) else shown)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_a_function_gives_the_score_on_record(notebook: Any, cell: str) -> None:
    """Checked by itself, and called where there is no `hp`; other values give other scores."""
    study = searched(notebook, cell)
    text = str(notebook.ok("function = s.freeze('function', check=True)\nfunction").value)
    assert "hp." not in text
    assert notebook.shell.rl_next_input == text
    notebook.ok(f"del hp\n{text}")
    assert value_of(notebook.ok("train()").value) == pytest.approx(study.best_trial.value)
    parameters = inspect.signature(notebook["train"]).parameters
    for name, value in study.best_params.items():
        whole = name.partition("[")[0]
        if name in parameters:
            assert parameters[name].default == value
        elif whole in parameters:
            default = parameters[whole].default
            assert value in default if isinstance(default, tuple) else value == default
        else:
            assert f"act = math.{value}" in text or f"act = {value}" in text  # made in the cell


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_a_script_gives_the_score_on_record(notebook: Any, cell: str, tmp_path: Path) -> None:
    """Checked by itself, and run by Python alone: the score is printed."""
    study = searched(notebook, cell)
    text = str(notebook.ok("script = s.freeze('script', check=True)\nscript").value)
    assert "hp." not in text
    assert ("data = np.arange(4.0)" in text) == ("data" in cell)
    file = tmp_path / "alone.py"
    file.write_text(text, encoding="utf-8")
    alone = subprocess.run(
        [sys.executable, "-I", str(file)], capture_output=True, text=True, check=True
    )
    value = value_of(ast.literal_eval(alone.stdout.strip().splitlines()[-1]))
    assert value == pytest.approx(study.best_trial.value)


def test_a_function_can_be_called_with_other_values(notebook: Any) -> None:
    """The parameters are those of the search, in the order of the cell; a seed is one, too."""
    searched(notebook, "lr = hp.Float(0.0, 1.0)  # rate\nn = hp.Int(1, 9)\nlr + n + hp.seed() * 0")
    notebook.ok(str(notebook.ok("s.freeze('function')").value))
    assert list(inspect.signature(notebook["train"]).parameters) == ["lr", "n", "seed"]
    assert notebook.ok("train(0.25, n=3)").value == 3.25
    assert notebook["train"].__doc__.startswith("Trial ")


def test_a_function_reads_what_the_cell_binds_again(notebook: Any) -> None:
    """`data = data / 4`: the notebook's array is a default, and stays as it is."""
    study = searched(notebook, "data = data / 4 + hp.Float(0.0, 1.0, name='shift')\ndata.sum()")
    text = str(notebook.ok("s.freeze('function', check=True)").value)
    assert "data=data" in text
    notebook.ok(text)
    for _ in range(2):
        assert notebook.ok("float(train())").value == pytest.approx(study.best_trial.value)


def test_what_a_function_cannot_do_is_refused(notebook: Any) -> None:
    """With the line, the reason, and what to do."""
    searched(
        notebook, "total = 0\ndef add():\n    global total\n    total += hp.Int(1, 9)\nadd()\n1"
    )
    error = str(notebook.run("s.freeze('function')").error)
    assert error.startswith("The cell cannot be a function: line 3 is `global total`.")
    assert "freeze it as it is" in error
    notebook.ok(f"{LINE} --fresh\n!true\nx = hp.Float(0.0, 1.0)\nx")
    for form in ("function", "script"):
        error = str(notebook.run(f"s.freeze({form!r})").error)
        assert error.startswith("Line 1 of the cell is IPython's: '!true'.")


def test_values_that_were_asked_for_elsewhere_are_refused(notebook: Any) -> None:
    """In a function of another cell they would be the defaults, without a word."""
    notebook.ok("def layer():\n    return hp.Int('units', 1, 9)")
    notebook.ok(f"{LINE}\nlayer() + hp.Float(0.0, 1.0, name='x')")
    for form in ("cell", "function", "script"):
        error = str(notebook.run(f"s.freeze({form!r})").error)
        assert error.startswith("The cell cannot be frozen: code outside of it asked for units=")


def test_a_form_that_is_not_there_is_said(notebook: Any) -> None:
    """With the one that was meant."""
    searched(notebook, "hp.Float(0.0, 1.0, name='x')")
    error = str(notebook.run("s.freeze('scripts')").error)
    assert "form: 'scripts' is not one of cell, script, function. Did you mean script?" in error


def test_a_script_has_the_cells_that_it_needs(notebook: Any) -> None:
    """The latest that made a name, those that changed it, what they need; and no others."""
    notebook.ok("import random")
    notebook.ok("import math, json")
    notebook.ok("def load():  # old\n    return [9, 9]")
    notebook.ok("%time x = 3\ndef load():\n    return [1, 2, x]")
    notebook.ok("data = load()\nprint('loaded')")
    notebook.ok("data.append(4)")
    notebook.ok("table = {}\ntable['a'] = data[0]")
    notebook.ok("%%time\nscale = 2")
    notebook.ok(f"{LINE}\nk = hp.Int(1, 9)\nscale * k + math.fsum(data)")
    notebook.ok("data = None")
    text = str(notebook.ok("s.freeze('script', check=True)").value)
    for needed in ("import math, json", "x = 3\n", "data = load()", "data.append(4)", "scale = 2"):
        assert needed in text
    for idle in ("# old", "table", "data = None", "%", "hpo_magic", "load_ext"):
        assert idle not in text.split("\n", 1)[1]
    assert text.endswith("print(scale * k + math.fsum(data))\n")


def test_a_script_without_its_cells_is_refused(new_notebook: Callable[[], Any]) -> None:
    """In a new kernel that has the data from elsewhere."""
    searched(new_notebook(), "x = hp.Float(0.0, 1.0)\nx + data.sum()")
    notebook = new_notebook()
    notebook.shell.user_ns["data"] = 3
    notebook.ok("%hpo s")
    error = str(notebook.run("s.freeze('script')").error)
    assert error.startswith("The cell cannot be a script: it needs data, which no cell of this")
    notebook.ok("import numpy as np\ndata = np.arange(4.0)")
    assert "data = np.arange(4.0)" in str(notebook.ok("s.freeze('script', check=True)").value)
    notebook.ok("from hpo_magic import load_study\nloaded = load_study('s')")
    error = str(notebook.run("loaded.freeze('script')").error)
    assert error.startswith("A script needs what the notebook made for the cell: run %hpo s")


def test_a_score_that_is_another_one_is_said(notebook: Any) -> None:
    """The cell reads a variable that changed since; nothing is put below."""
    notebook.ok("shift = 0.0")
    notebook.ok(f"{LINE}\nx = hp.Float(1.0, 2.0)\nx + shift")
    notebook.ok("shift = 5.0")
    error = notebook.run("s.freeze(check=True)").error
    assert str(error).startswith("The frozen cell came to 6.")
    assert "in the search. Why was not checked: other data" in str(error)
    notebook.ok("del shift")
    assert "The frozen cell does not run: failed" in str(notebook.run("s.freeze(check=True)").error)


def test_a_study_without_its_notebook_cannot_check(notebook: Any) -> None:
    """A script has no cell to run; freezing alone works."""
    notebook.ok(f"{LINE}\nx = hp.Float(1.0, 2.0)\nx")
    notebook.ok("from hpo_magic import load_study\nloaded = load_study('s')")
    assert str(notebook.ok("loaded.freeze()").value).startswith("x = 1.")
    error = notebook.run("loaded.freeze(check=True)").error
    assert str(error).startswith("The cell of study 's' can be checked in a notebook alone")


def test_a_narrowed_cell_goes_on_with_the_trials_that_fit(notebook: Any) -> None:
    """It is put below, searches the narrower ranges, and keeps what fits."""
    notebook.ok(
        "%%hpo s -n 30 --sampler random --recheck 0 --ui none --minimize value --seed 3\n"
        "x = hp.Float(0.0, 1.0, default=1.0)  # where?\n(x - 0.3) ** 2"
    )
    before = len(notebook["s"].trials)
    cell = str(notebook.ok("s.narrowed()").value)
    line = "%%hpo s --trials 45 --minimize value --sampler random --recheck 0 --ui none --seed 3"
    assert cell.startswith(f"{line}\nx = hp.Float(0.")
    assert "# where?" in cell
    notebook.ok(cell)
    study = notebook["s"]
    domain = study.space["x"].domain
    assert 0.0 < domain.low < 0.3 < domain.high < 0.6
    assert study.record.revision == 1
    assert 5 < before - len(study.set_aside) < before
    assert all(t.params["x"] in domain for t in study.trials)


def test_the_button_puts_the_narrowed_cell_below(
    notebook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pressed once or twice during the search, there is one cell at its end."""

    class Pressing:
        def __init__(self, controls: Controls) -> None:
            assert controls.can_narrow
            controls.narrow()
            controls.narrow()

        def notice(self, event: object, snapshot: object) -> None: ...

        def poll(self) -> None: ...

        def close(self, snapshot: object) -> None: ...

    put: list[str] = []
    monkeypatch.setattr(magic, "make_listener", lambda ui, shell, controls: Pressing(controls))
    monkeypatch.setattr(notebook.shell, "set_next_input", lambda text, replace: put.append(text))
    line = "%%hpo s -n 30 --sampler random --recheck 0 --minimize value"
    notebook.ok(f"{line}\nx = hp.Float(0.0, 1.0, default=1.0)\n(x - 0.3) ** 2")
    assert put == [notebook["s"].narrowed_cell()]
    shown = notebook.ok(f"{line.replace('30', '5')} --fresh\nx = hp.Float(0.0, 1.0)\nx ** 2")
    assert "Narrower ranges need 20 trials, 10 of them complete" in shown.text
    assert len(put) == 1
