"""Whole scripts of other tools under `%%hpo`: they run once, and their search is ours."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from scripts_run import OPTUNA, run

from hpo_magic.views.words.notices import messages


def test_a_script_of_optuna_s_runs_once(notebook: Any) -> None:
    """Its study has our trials, the enqueued one included, and the lines after it use them."""
    study = run(notebook, OPTUNA)
    assert len(study.trials) == 12
    searched = [trial for trial in study.trials if trial.kind.value != "re-check"]
    assert notebook["n"] == len(searched)
    assert notebook["study"].best_value == study.best_seen
    assert notebook["best"] == study.snapshot.history.best().params
    assert notebook["attributes"] == {"squares": [notebook["best"]["x"] ** 2]}
    assert {"x": 2.5, "kind": "near"} in [dict(trial.params) for trial in searched]
    assert messages(study.snapshot)[1] == (
        "study.optimize on line 14 is this search: minimize its value, 12 trials, in place of "
        "Optuna's. The lines after it get Optuna's own results."
    )


def test_a_frozen_script_trains_once(notebook: Any) -> None:
    """In the place of the search, with nothing after it; it gives what the search measured."""
    study = run(notebook, OPTUNA, options="--recheck 0")
    frozen = str(study.freeze(check=True))
    assert "n_trials" not in frozen
    assert "best = len" not in frozen
    assert notebook.ok(frozen).value == study.best_seen


def test_a_second_call_on_the_same_study_goes_on(notebook: Any) -> None:
    """And the cell that is run again trains only what is missing."""
    more = "print(len(study.trials))\n        study.optimize(objective, n_trials=4)"
    cell = OPTUNA.replace("n, best", f"{more}\n        n, best")
    study = run(notebook, cell, options="--recheck 0 --sampler random")
    assert len(study.trials) == 16 == notebook["n"]
    again = run(notebook, cell, options="--recheck 0 --sampler random")
    assert len(again.trials) == 16 == notebook["n"]
    assert [t.started for t in again.trials] == [t.started for t in study.trials]


def test_the_line_counts_before_the_script(notebook: Any) -> None:
    """Options that stand there; a direction that contradicts the script is refused."""
    study = run(notebook, OPTUNA, options="--trials 5 --recheck 0 --minimize loss")
    assert len(study.trials) == 5
    assert study.record.metric == "loss"
    shown = notebook.run(f"%%hpo s --maximize loss\n{dedent(OPTUNA)}")
    assert shown.usage_error == (
        "%%hpo: the line says maximize, and the script minimize. Leave it out of the line: the "
        "script's counts."
    )


def test_a_trial_of_a_script_has_its_study(notebook: Any) -> None:
    """With direction, best value, attributes, callbacks that stop, and constraints."""
    cell = """
        import optuna
        seen = []
        def objective(trial):
            seen.append((trial.study.direction.name, len(trial.study.trials), trial.number))
            x = trial.suggest_float("x", 0, 1)
            trial.set_constraint("c", x - 0.8)
            assert isinstance(trial, optuna.trial.BaseTrial)
            assert list(trial.distributions) == ["x"] and trial.datetime_start is not None
            trial.study.set_user_attr("last", trial.number)
            return x
        def callback(study, trial):
            if trial.number == 5:
                study.stop()
        study = optuna.create_study(direction="maximize")
        study.optimize(objective, n_trials=20, callbacks=[callback])
    """
    run(notebook, cell, options="--sampler random")
    assert notebook["seen"] == [("MAXIMIZE", n, n) for n in range(6)]
    assert notebook["study"].user_attrs["last"] == 5
    assert notebook["study"].best_value <= 0.8
    assert any(value > 0.8 for value in notebook["study"].trials_dataframe()["params_x"])


def test_artifacts_and_scores_of_folds_belong_to_the_trial(notebook: Any) -> None:
    """Optuna's own functions take the running trial, and find what they stored in the study."""
    cell = """
        import optuna, os, warnings
        from optuna import terminator
        warnings.simplefilter("ignore")
        os.makedirs("kept", exist_ok=True)
        store = optuna.artifacts.FileSystemArtifactStore(base_path="kept")
        def objective(trial):
            x = trial.suggest_float("x", 0, 1)
            with open("note", "w") as file:
                print(x, file=file)
            optuna.artifacts.upload_artifact(
                artifact_store=store, file_path="note", study_or_trial=trial)
            terminator.report_cross_validation_scores(trial, [x, x / 2])
            return x
        study = optuna.create_study()
        study.optimize(objective, n_trials=4)
        kept = [optuna.artifacts.get_all_artifact_meta(trial, storage=study._storage)[0].filename
                for trial in study.trials]
        error = terminator.CrossValidationErrorEvaluator().evaluate(study.trials, "minimize")
    """
    run(notebook, cell, options="--recheck 0")
    assert notebook["kept"] == ["note"] * 4
    assert notebook["error"] >= 0


def test_constraints_of_a_sampler(notebook: Any) -> None:
    """Are asked after each trial, with its values."""
    cell = """
        import optuna, warnings
        warnings.simplefilter("ignore")
        def limits(trial):
            return (trial.params["x"] - 0.5,)
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(constraints_func=limits))
        study.optimize(lambda trial: -trial.suggest_float("x", 0, 1), n_trials=6)
    """
    study = run(notebook, cell, options="--sampler random --recheck 0")
    values = [t["x"] for t in (trial.params for trial in study.trials)]
    assert study.best_params["x"] == max(x for x in values if x <= 0.5)
    limits = [trial.system_attrs["constraints"] for trial in notebook["study"].trials]
    assert limits == [[x - 0.5] for x in values]


def test_several_objectives(notebook: Any) -> None:
    """The script's study has the Pareto front."""
    cell = """
        import optuna
        def objective(trial):
            x = trial.suggest_float("x", 0, 3)
            return x**2, (x - 2) ** 2
        study = optuna.create_study(directions=["minimize", "minimize"])
        study.optimize(objective, n_trials=8)
        front = study.best_trials
    """
    study = run(notebook, cell, options="--recheck 0")
    assert {t.values[0] for t in notebook["front"]} == {t.value for t in study.front}


def test_reports_that_are_no_curve_are_not_pruned(notebook: Any) -> None:
    """A script that never asks `should_prune` reports folds."""
    cell = """
        import optuna
        def objective(trial):
            x = trial.suggest_float("x", 0, 1)
            for fold in range(9):
                trial.report(x, fold)
            return x
        study = optuna.create_study()
        study.optimize(objective, n_trials=15)
    """
    study = run(notebook, cell, options="--recheck 0 --sampler random")
    assert {trial.state.value for trial in study.trials} == {"complete"}


def test_fmin_returns_what_hyperopt_returns(notebook: Any) -> None:
    """The best point by label, a choice by its position; `Trials` has each trial."""
    cell = """
        from hyperopt import STATUS_OK, Trials, fmin as minimise, hp, space_eval, tpe
        space = hp.choice("kind", [("l", hp.lognormal("c", 0, 1)), ("r", hp.uniform("u", 1, 9))])
        trials = Trials()
        def f(args):
            kind, value = args
            return {"loss": value, "status": STATUS_OK, "kind": kind}
        best = minimise(f, space, algo=tpe.suggest, max_evals=12, trials=trials)
        kind, value = space_eval(space, best)
    """
    study = run(notebook, cell, options="--recheck 0")
    assert notebook["value"] == pytest.approx(study.best_seen)
    assert notebook["best"]["kind"] == ["l", "r"].index(notebook["kind"])
    assert len(notebook["trials"]) == len(study.trials) == 12
    assert notebook["trials"].argmin == notebook["best"]
    assert notebook["trials"].best_trial["result"]["kind"] == notebook["kind"]
    assert study.best_seen == notebook.ok(str(study.freeze())).value["loss"]


def test_fmin_as_its_tutorials_write_it(notebook: Any) -> None:
    """A space in the call by Hyperopt's own `hp`, attachments, a space of annotations."""
    cell = """
        from hyperopt import STATUS_OK, Trials, fmin, hp, tpe
        def loss(x):
            return {"loss": x**2, "status": STATUS_OK, "attachments": {"raw": str(x)}}
        trials = Trials()
        best = fmin(loss, hp.uniform("x", -9, 9), algo=tpe.suggest, max_evals=5, trials=trials)
        kept = [trials.trial_attachments(trial)["raw"] for trial in trials.trials]
    """
    study = run(notebook, cell, options="--recheck 0")
    assert notebook["kept"] == [str(trial.params["x"]) for trial in study.trials]
    more = "best = fmin(loss, hp.uniform('x', -9, 9), tpe.suggest, 7, trials=trials)"
    added = run(notebook, more, "more", "--recheck 0")
    assert (len(added.trials), len(notebook["trials"].trials)) == (2, 7)
    assert notebook["best"] == notebook["trials"].argmin
    assert "Not used: the 5 trials that trials has already, to learn from." in messages(
        added.snapshot
    )
    assert notebook.ok(str(study.freeze(check=True))).value["loss"] == study.best_seen
    cell = """
        from hyperopt import fmin, hp, tpe
        def loss(x: hp.uniform("x", -9, 9), k: hp.choice("k", [1, 2])):
            return x**2 + k
        best = fmin(loss, space="annotated", algo=tpe.suggest, max_evals=4)
    """
    assert (
        set(run(notebook, cell, "t", "--recheck 0").best_params)
        == {"x", "k"}
        == {*notebook["best"]}
    )
    wrong = dedent(cell).replace(': hp.choice("k", [1, 2])', ": int")
    refused = notebook.run(f"%%hpo u --ui none\n{wrong}").usage_error
    assert refused.endswith("hp.uniform('x', -1, 1)); k is not.")


def test_gp_minimize_returns_its_own_result(notebook: Any) -> None:
    """Points in the order of the dimensions; its callbacks are called."""
    cell = """
        import skopt
        calls = []
        dimensions = [skopt.space.Real(-2, 2, name="a"), (0, 5), ["p", "q"]]
        res = skopt.gp_minimize(lambda x: (x[0] - 1) ** 2 + x[1] + (x[2] == "p"), dimensions,
                                n_calls=9, x0=[1.5, 1, "q"],
                                callback=[lambda r: calls.append(r.fun)])
    """
    study = run(notebook, cell, options="--recheck 0")
    result = notebook["res"]
    assert result.fun == study.best_seen == notebook["calls"][-1]
    assert len(result.x_iters) == len(notebook["calls"]) == 9
    assert [1.5, 1, "q"] in result.x_iters
    assert result.specs["args"]["n_calls"] == 9
    assert result.x == [study.best_params[name] for name in ("a", "x1", "x2")]


def test_a_function_of_the_notebook_that_searches(notebook: Any) -> None:
    """Is found in the cell that calls it, also by another function; each search has its study."""
    notebook.ok(
        """
        from hyperopt import fmin, hp as dist, rand
        def searched(low):
            return fmin(lambda x: x, dist.uniform("x", low, 9), algo=rand.suggest, max_evals=3)
        def both():
            return searched(1), searched(2)
        """
    )
    study = run(notebook, "first, second = both()")
    assert notebook["first"]["x"] >= 1
    assert notebook["second"]["x"] >= 2
    assert study.space["x"].domain.low == 1
    assert notebook["s_2"].space["x"].domain.low == 2


def test_an_objective_that_no_fit_logs_is_named(notebook: Any) -> None:
    """With what is logged, in one sentence; KerasTuner says its name alone."""
    cell = """
        import keras_tuner
        class Tuner(keras_tuner.RandomSearch):
            def run_trial(self, trial, *args, **kwargs):
                trial.hyperparameters.Int("units", 1, 9)
                return self.oracle.objective.get_value({"loss": 1.0, "val_loss": 2.0})
        tuner = Tuner(hypermodel=lambda hp: None, objective="val_accuracy", max_trials=3)
        tuner.search()
    """
    assert notebook.run(f"%%hpo s --ui none\n{dedent(cell)}").usage_error == (
        '%%hpo: Trial 0 finished without the metric "val_accuracy". It logged: loss, val_loss. '
        "Name one of them, or end the cell with the number itself."
    )


def test_an_error_outside_of_the_cell_shows_no_frame_of_ours(notebook: Any) -> None:
    """The objective is a library's own function."""
    cell = "import optuna, statistics\nstudy = optuna.create_study()"
    shown = notebook.run(f"%%hpo s --ui none\n{cell}\nstudy.optimize(statistics.mean, n_trials=4)")
    assert "statistics.py" in shown.text
    assert "hpo_magic/" not in shown.text


@pytest.mark.parametrize(
    ("sampler", "expected", "values"),
    [
        ("GridSampler({'x': [1.0, 5.0], 'k': ['b', 'a']})", "grid", {1.0, 5.0}),
        ("BruteForceSampler()", "grid", {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}),
        ("PartialFixedSampler({'x': 3.0}, optuna.samplers.BruteForceSampler())", "grid", {3.0}),
        ("RandomSampler(seed=1)", "random", None),
        ("QMCSampler()", "sobol", None),
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_sampler_that_says_what_is_searched_is_ours(
    notebook: Any, sampler: str, expected: str, values: set[float] | None
) -> None:
    """A grid is tried whole, with its own values; what is fixed is not searched."""
    n = "" if values else ", n_trials=6"
    cell = f"""
        import optuna
        def objective(trial):
            x = trial.suggest_float("x", 0, 5, step=1.0)
            return x + (trial.suggest_categorical("k", ["a", "b"]) == "a")
        study = optuna.create_study(sampler=optuna.samplers.{sampler})
        study.optimize(objective{n})
    """
    study = run(notebook, cell, options="--recheck 0")
    if values is None:
        plain = cell.replace(f"sampler=optuna.samplers.{sampler}", "")
        asked = run(notebook, plain, name="t", options=f"--recheck 0 --sampler {expected}")
        assert [t.params for t in study.trials] == [t.params for t in asked.trials]
    assert "Not used" not in " ".join(messages(study.snapshot))
    if expected == "grid" and values != {0.0, 1.0, 2.0, 3.0, 4.0, 5.0}:
        other = cell.replace(
            "study.optimize", "study.enqueue_trial({'x': 4.0})\n        study.optimize"
        )
        refused = notebook.run(f"%%hpo u --ui none\n{dedent(other)}").usage_error
        assert "the trial that is enqueued has x=4.0, which is none of them. Add it to" in refused
    if values is not None:
        assert {trial.params["x"] for trial in study.trials} == values
        assert len(study.trials) == 2 * len(values)


def test_a_search_of_no_trials_trains_nothing(notebook: Any) -> None:
    """`n_trials=0`, such as what is left of a budget."""
    cell = "import optuna\nstudy = optuna.create_study()\nstudy.optimize(abs, n_trials=0)"
    assert notebook.run(f"%%hpo s --ui none\n{cell}").usage_error == (
        "%%hpo: study.optimize(…) on line 4 asks for 0 trials, so nothing was searched. Ask for "
        "some there, or write --trials N."
    )


def test_a_random_search_stays_one(notebook: Any) -> None:
    """Of Hyperopt's and of scikit-optimize's."""
    hyperopt = """
        from hyperopt import fmin, hp as dist, rand
        best = fmin(lambda x: x, dist.uniform("x", 0, 1), algo=rand.suggest, max_evals=3)
    """
    skopt = "import skopt\nres = skopt.dummy_minimize(lambda p: p[0], [(0.0, 1.0)], n_calls=3)"
    for name, cell in (("s", hyperopt), ("t", skopt)):
        study = run(notebook, cell, name=name, options="--recheck 0")
        other = run(notebook, cell, name=f"{name}2", options="--recheck 0 --sampler random")
        assert [t.params for t in study.trials] == [t.params for t in other.trials]
        learning = run(notebook, cell, name=f"{name}3", options="--recheck 0 --sampler bayes")
        assert [t.params for t in study.trials] != [t.params for t in learning.trials]
        assert "Not used" not in " ".join(messages(study.snapshot))


def test_trials_that_a_study_has_already_are_told(notebook: Any) -> None:
    """They stay in it, and the search does not learn from them."""
    cell = """
        import optuna
        study = optuna.create_study()
        made = {"x": optuna.distributions.FloatDistribution(0, 9)}
        study.add_trial(optuna.trial.create_trial(params={"x": 2.0}, distributions=made, value=-5))
        study.optimize(lambda trial: trial.suggest_float("x", 0, 9), n_trials=3)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 9), n_trials=2)
    """
    study = run(notebook, cell, options="--recheck 0")
    assert len(notebook["study"].trials) == 6
    assert notebook["study"].best_value == -5
    assert "Not used: the 1 trial that the study has already, to learn from." in messages(
        study.snapshot
    )


@pytest.mark.parametrize(
    "search",
    [
        "fmin(lambda x: trained(x), dist.uniform('x', 0, 1), algo=tpe.suggest, max_evals=20)",
        "skopt.gp_minimize(lambda p: trained(p[0]), [(0.0, 1.0)], n_calls=20)",
    ],
)
@pytest.mark.parametrize("value", ["x", "1 - x"])
def test_a_tool_that_prunes_nothing_has_nothing_pruned(
    notebook: Any, search: str, value: str
) -> None:
    """Though a training reports its value, or another metric that has the name of its loss."""
    notebook.ok(
        f"""
        def trained(x):
            for step in range(9):
                hp.report(loss=x)
            return {value}
        """
    )
    imports = "import skopt\nfrom hyperopt import fmin, hp as dist, tpe"
    study = run(notebook, f"{imports}\nbest = {search}", options="--recheck 0 --sampler random")
    assert [trial.state.value for trial in study.trials] == ["complete"] * 20
    assert len(messages(study.snapshot)) == 1
