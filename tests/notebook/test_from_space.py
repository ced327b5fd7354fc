"""`hp.from_space` in a notebook: spaces of other tools, searched and frozen."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

SPACE = """
    from hyperopt import hp as dist
    from hyperopt.pyll import scope
    space = {
        "kind": dist.choice("kind", [
            {"name": "svm", "C": dist.lognormal("C", 0, 1)},
            {"name": "tree", "depth": scope.int(dist.quniform("depth", 1, 9, 1))},
        ]),
        "shift": dist.uniform("shift", -1, 1),
    }
"""
CELL = """
    got = hp.from_space(space)
    kind = got["kind"]
    value = abs(got["shift"]) + (kind["C"] if kind["name"] == "svm" else kind["depth"])
"""


def searched(notebook: Any, cell: str) -> Any:
    """Search a cell; return the study."""
    options = "--minimize value --trials 6 --sampler random --recheck 0 --ui none"
    notebook.ok(f"%%hpo s {options}\n{dedent(cell)}")
    return notebook["s"]


def test_a_space_of_hyperopt_s_is_searched_and_frozen(notebook: Any) -> None:
    """A branch has its parameters only where it is chosen; frozen, it is a dict of values."""
    notebook.ok(SPACE)
    study = searched(notebook, CELL)
    by_kind = {trial.params["kind"]: set(trial.params) for trial in study.trials}
    assert by_kind == {"svm": {"kind", "C", "shift"}, "tree": {"kind", "depth", "shift"}}
    frozen = str(study.freeze())
    assert "got = {'kind': {" in frozen
    notebook.ok(frozen)
    assert notebook["value"] == study.best_seen


def test_a_space_that_the_cell_makes_is_frozen(notebook: Any) -> None:
    """It is built again from the cell's own lines."""
    study = searched(notebook, f"{dedent(SPACE)}\n{dedent(CELL)}")
    notebook.ok(str(study.freeze()))
    assert notebook["value"] == study.best_seen
    assert "hp.from_space" not in str(study.freeze("function"))


def test_an_object_that_cannot_be_written_is_refused(notebook: Any) -> None:
    """With the way out."""
    cell = 'value = hp.from_space({"f": [max, min]})["f"](1, hp.Float("x", 0, 3))'
    study = searched(notebook, cell)
    shown = notebook.run("s.freeze()")
    assert "gave an object that no text gives back" in str(shown.error)
    assert "take study.best_params" in str(shown.error)
    assert study.best_seen <= 1
    cell = "def f():\n    local = {'a': [1, 2]}\n    return hp.from_space(local)\nvalue = f()['a']"
    searched(notebook, cell)
    assert "cannot be built again (NameError" in str(notebook.run("s.freeze()").error)
