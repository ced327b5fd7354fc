"""Optuna's tuner of LightGBM under `%%hpo`: its whole space is one search of ours."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import stepwise_tuner
from scripts_run import run

from hpo_magic.views.words.notices import messages

CELL = """
    from optuna_integration.lightgbm import LightGBMTuner, Rows
    data = [1.0, 2.0]
    tuner = LightGBMTuner({"metric": "l2", "reg_lambda": 1.0}, Rows(data), valid_sets=[Rows(data)])
    tuner.run()
    best, booster = tuner.best_params, tuner.get_best_booster()
"""


@pytest.fixture(autouse=True)
def tuner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the tuner where Optuna's integration has its own."""
    package = ["optuna_integration", "lightgbm", "_lightgbm_tuner", "optimize"]
    for n in range(1, len(package)):
        module = ModuleType(".".join(package[:n]))
        vars(module)["LightGBMTuner"] = stepwise_tuner._LightGBMBaseTuner
        vars(module)["Rows"] = stepwise_tuner.Rows
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, ".".join(package), stepwise_tuner)


def test_the_tuner_gets_our_trials(notebook: Any) -> None:
    """Its study, its best parameters and its best booster are those of the search."""
    study = run(notebook, CELL, options="--trials 12 --recheck 0")
    best, tuner = study.best_trial, notebook["tuner"]
    assert len(study.trials) == 12 == len(tuner.study.trials) == tuner.objectives[0].n
    assert notebook["best"] == {"metric": "l2", "lambda_l2": 1.0, **best.params}
    assert notebook["booster"] == f"booster {best.value:.6f}"
    assert list(messages(study.snapshot)[:2]) == [
        "Optuna's lgb.train on line 6 is this search: minimize its value, 12 trials, in place of "
        "LightGBMTuner's. The lines after it get LightGBMTuner's own results.",
        "All hyperparameters of the tuner are searched together, not one after the other.",
    ]


def test_a_finished_search_of_the_tuner_has_its_booster_again(notebook: Any) -> None:
    """The best setting alone is trained; with other data all of it is."""
    run(notebook, CELL, options="--trials 6 --recheck 0")
    was = notebook["best"], notebook["booster"]
    again = run(notebook, CELL, options="--trials 6 --recheck 0")
    assert notebook["tuner"].objectives[0].n == 1
    assert (notebook["best"], notebook["booster"]) == was
    assert again.record.revision == 1
    other = run(notebook, CELL.replace("2.0]", "5.0]"), options="--trials 6 --recheck 0")
    assert other.record.revision == 2


def test_the_tuner_asks_for_as_many_trainings_as_its_steps_have(notebook: Any) -> None:
    """Where the line has no number of its own."""
    study = run(notebook, CELL, options="--recheck 0 --sampler random")
    assert len(study.trials) == 68
