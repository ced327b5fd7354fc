"""Cells that search by another tool are told what to write instead."""

from __future__ import annotations

import pytest

from hpo_magic.dialects import Translation, translated
from hpo_magic.errors import SpaceError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import optuna\nstudy = optuna.create_study()\nstudy.optimize(objective, n_trials=9)",
            r"^optuna\.create_study\(…\) on line 3 is a search of its own, and %%hpo is one\. "
            r"End the cell with objective\(hp\.trial\)",
        ),
        ("tuner = keras_tuner.RandomSearch(build_model)", r"^keras_tuner\.Ran.*build_model\(hp\)"),
        ("tuner = kt.Hyperband(build_model)", r"^kt\.Hyperband\(…\) on line 2"),
        ("best = fmin(objective, space, algo=tpe.suggest)", r"^fmin\(…\) on line 2 is a search"),
        ("res = skopt.gp_minimize(f, dimensions)", r"^skopt\.gp_minimize.*hp\.\* for its dim"),
        ("optim.minimize(model=create_model, data=data)", r"on top of the cell that has the \{\{"),
    ],
)
def test_a_search_of_its_own_is_refused(text: str, message: str) -> None:
    """A trial that runs a whole search is hardly what was meant."""
    with pytest.raises(SpaceError, match=message):
        translated(text)


def test_a_cell_that_asks_hp_may_search_inside() -> None:
    """Then it was meant."""
    text = "n = hp.Int(1, 9)\nstudy = optuna.create_study()"
    assert translated(text) == Translation(text)
    assert translated("def fmin(x):\n    return x") == Translation("def fmin(x):\n    return x")
