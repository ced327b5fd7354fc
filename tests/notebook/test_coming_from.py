"""Cells of Hyperas, KerasTuner, Optuna and Colab, searched as they are."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hpo_magic import load_study
from hpo_magic.core.trial import State
from hpo_magic.views.words.notices import messages

SPLIT = """
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x[:600] / 16, y[:600], random_state=0)
"""


def searched(notebook: Any, cell: str, options: str = "--trials 4") -> Any:
    """Search a cell; return the study, all of whose trials are complete."""
    first = f"%%hpo study --sampler random --ui none {options}"
    notebook.ok(f"{first}\n{dedent(cell)}")
    study = notebook["study"]
    failures = [str(trial.failure) for trial in study.trials if trial.failure]
    assert failures == []
    assert {trial.state for trial in study.trials} == {State.COMPLETE}
    return study


def run_frozen(notebook: Any, study: Any) -> Any:
    """Run the frozen cell, in which nothing of ours is left; return what it shows."""
    frozen = str(study.freeze())
    assert "hp." not in frozen
    assert "{{" not in frozen
    return notebook.ok(frozen).value


# Hyperas.

HYPERAS = """
    from hyperopt import Trials, STATUS_OK, tpe
    from hyperas import optim
    from hyperas.distributions import choice, uniform
    from sklearn.neural_network import MLPClassifier

    def data():
        with open("loads", "a") as file:
            print("x", file=file)
        return x_train, y_train, x_val, y_val

    def create_model(x_train, y_train, x_test, y_test):
        sizes = []
        for layer in range({{choice([1, 2])}}):
            sizes.append({{quniform(8, 24, 8)}})
        if {{choice(['plain', 'scaled'])}} == 'scaled':
            x_train, x_test = x_train * {{uniform(0.5, 2)}}, x_test * 2
        model = MLPClassifier(sizes, alpha={{loguniform(-8, 0)}}, max_iter=20, random_state=0)
        model.fit(x_train, y_train)
        accuracy = model.score(x_test, y_test)
        return {'loss': -accuracy, 'status': STATUS_OK, 'model': model}

    best_run, best_model = optim.minimize(model=create_model, data=data, algo=tpe.suggest,
                                          max_evals=5, trials=Trials())
    print(best_run)
"""


@pytest.fixture
def quiet(notebook: Any) -> Any:
    """Return a notebook with the digits, and without scikit-learn's warnings of too few steps."""
    notebook.ok("import warnings\nwarnings.simplefilter('ignore')\nloads = []")
    notebook.ok(SPLIT)
    return notebook


def test_a_hyperas_cell_runs_as_it_is(quiet: Any) -> None:
    """The data is loaded once, layers have values of their own, the model comes back."""
    study = searched(quiet, HYPERAS, "--trials 8")
    assert Path("loads").read_text() == "x\n"
    assert study.record.metric == "loss"
    assert list(study.space) == ["range", "sizes[0]", "condition", "alpha", "sizes[1]", "x_train"]
    deep = [trial.params for trial in study.trials if trial.params["range"] == 2]
    assert any(params["sizes[0]"] != params["sizes[1]"] for params in deep)
    assert -1 <= study.best_seen < -0.2
    assert study.best_model().score(quiet["x_val"], quiet["y_val"]) > 0.2
    assert len(study.best_models(2)) == 2


def test_hyperas_has_its_results_afterwards(quiet: Any) -> None:
    """`best_run` with choices by their position, and the model; `max_evals` is the budget."""
    study = searched(quiet, HYPERAS.replace("print(best_run)", "kept = best_run['range']"), "")
    assert len(study.trials) == 5
    assert quiet["best_run"].keys() == study.best_params.keys()
    assert quiet["kept"] == [1, 2].index(study.best_params["range"])
    assert quiet["best_model"].score(quiet["x_val"], quiet["y_val"]) > 0.2
    values = HYPERAS.replace("max_evals=5", "max_evals=2, eval_space=True, rseed=1")
    assert searched(quiet, values, "").best_params == quiet["best_run"]
    space = HYPERAS.replace("max_evals=5", "max_evals=2, return_space=True")
    shown = quiet.run(f"%%hpo study --ui none\n{dedent(space)}")
    assert shown.usage_error.endswith("Write eval_space=True for the values themselves.")


def test_hyperas_in_cells_of_their_own(quiet: Any) -> None:
    """The functions in cells without `%%hpo`, the search in the last one, by position."""
    first, _ = dedent(HYPERAS).split("best_run, best_model")
    quiet.ok(first.replace("from hyperas", "# from hyperas"))
    quiet.ok("optim = None")
    call = "optim.minimize(create_model, data, tpe.suggest, 3, 0)"
    cell = f"from hyperas import optim\nrun, model = {call}"
    study = searched(quiet, cell, "")
    assert list(study.space)[:2] == ["range", "sizes[0]"]
    assert quiet["run"].keys() == study.best_params.keys()
    assert run_frozen(quiet, study)["loss"] == study.best_seen


def test_variables_of_data_are_read_in_cells_of_their_own(quiet: Any) -> None:
    """As Hyperas pastes `data` above the model; what it returns goes where it is named."""
    quiet.ok("def data():\n    scale, n = 2.0, 3\n    y, x = 5.0, 1.0\n    return y, x")
    quiet.ok("def model(x, y):\n    return {'loss': abs(scale * {{uniform(0, 9)}} + x - y) + n}")
    cell = "from hyperas import optim\nrun, best = optim.minimize(model, data, None, 4, None)"
    study = searched(quiet, cell, "--recheck 0")
    assert quiet["best"] is None  # as in Hyperas, where no model is returned
    losses = [abs(2 * next(iter(t.params.values())) + 1 - 5) + 3 for t in study.trials]
    assert [trial.value for trial in study.trials] == pytest.approx(losses)
    assert run_frozen(quiet, study)["loss"] == study.best_seen


def test_an_installed_hyperas_that_cannot_be_imported(
    quiet: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its last version with Keras 3: the search runs without it."""
    (tmp_path / "hyperas").mkdir()
    (tmp_path / "hyperas" / "__init__.py").write_text("")
    (tmp_path / "hyperas" / "optim.py").write_text("from keras.models import model_from_yaml")
    monkeypatch.syspath_prepend(tmp_path)
    assert len(searched(quiet, HYPERAS, "--trials 2 --recheck 0").trials) == 2


def test_an_old_import_is_told_in_todays_spelling(quiet: Any) -> None:
    """In the trial's failure, and below the error that the cell shows."""
    cell = "from sklearn.grid_search import ParameterGrid\n{{uniform(0, 1)}}"
    shown = quiet.run(f"%%hpo study --minimize loss --ui none\n{cell}")
    told = "Written today: from sklearn.model_selection import …"
    assert isinstance(shown.error, ModuleNotFoundError)
    assert told in shown.text
    assert told in str(load_study("study").trials[0].failure)
    shown = quiet.run(
        f"%%hpo study --minimize --ui none\n{dedent(HYPERAS)}\nimport sklearn.grid_search"
    )
    assert told in shown.text


def test_the_user_is_told_of_test_data(quiet: Any) -> None:
    """All of Hyperas's examples validate on their test data."""
    taken, leak = messages(searched(quiet, HYPERAS, "--trials 2 --recheck 0").snapshot)
    assert taken.startswith("optim.minimize on line 24 is this search: minimize loss, 2 trials, in")
    assert leak.startswith("The cell reads x_test, y_test, which are test data by name")


def test_a_frozen_hyperas_cell_runs_without_us(quiet: Any) -> None:
    """And gives what the search measured."""
    study = searched(quiet, HYPERAS, "--trials 3 --recheck 0")
    assert run_frozen(quiet, study)["loss"] == study.best_seen


def test_changed_ranges_keep_the_trials_that_fit(quiet: Any) -> None:
    """A template's arguments are ranges, not code."""
    before = searched(quiet, HYPERAS, "--trials 3 --recheck 0")
    wider = HYPERAS.replace("loguniform(-8, 0)", "loguniform(-9, 1)")
    study = searched(quiet, wider, "--trials 5 --recheck 0")
    assert study.record.revision == before.record.revision
    assert messages(study.snapshot)[0].startswith("The ranges changed")


def test_a_template_without_functions(quiet: Any) -> None:
    """Any cell may have them; its notebook's `hp` may be called so in no other way."""
    cell = """
        from sklearn.linear_model import SGDClassifier
        loss = {{choice(['hinge', 'log_loss'])}}
        model = SGDClassifier(loss=loss, alpha={{loguniform(np.log(1e-6), np.log(1e-1))}},
                              random_state=0).fit(x_train, y_train)
        accuracy = model.score(x_val, y_val)
    """
    study = searched(quiet, cell, "--maximize accuracy --trials 4")
    assert list(study.space) == ["loss", "alpha"]
    assert study.start.params["loss"] == "hinge"
    quiet.ok("from hyperopt import hp")
    shown = quiet.run("%%hpo other --maximize a\na = {{uniform(0, 1)}}")
    assert shown.usage_error == (
        "%%hpo: the variable hp is not ours in this notebook. Run `from hpo_magic import hp` first."
    )


def test_data_that_a_trial_changes_is_told(quiet: Any) -> None:
    """The next trial would start from it."""
    cell = """
        def data():
            return np.ones(9), 0
        def model(x, y):
            x *= {{uniform(0.5, 0.9)}}
            return x.sum()
    """
    (sentence,) = messages(searched(quiet, cell, "--minimize loss --recheck 0").snapshot)
    assert sentence.startswith("The cell changes data that it reads, in place")


def test_data_that_asks_for_a_seed_is_loaded_in_each_trial(quiet: Any) -> None:
    """A re-check needs another split."""
    cell = """
        def data():
            loads.append(hp.seed())
            return np.random.default_rng(hp.seed()).random(9), 0
        def model(x, y):
            return x.sum() + {{uniform(0.5, 0.9)}}
    """
    study = searched(quiet, cell, "--minimize loss --trials 6")
    assert len(quiet["loads"]) == 6
    assert len(set(quiet["loads"])) > 1
    assert study.honest is not None


def test_mistakes_of_hyperas_cells_are_one_sentence(quiet: Any) -> None:
    """No traceback of ours."""
    shown = quiet.run("%%hpo s\nx = {{unifrm(0, 1)}}")
    assert shown.usage_error.startswith("%%hpo: {{unifrm(0, 1)}} on line 2: there is no distribu")
    shown = quiet.run("%%hpo s\noptim.minimize(model=create_model, data=data)")
    assert "Put %%hpo on top of the cell that has the {{…}} templates." in shown.usage_error


# Optuna.

OBJECTIVE = """
    import optuna
    from sklearn.linear_model import SGDClassifier
    from sklearn.tree import DecisionTreeClassifier

    def objective(trial):
        kind = trial.suggest_categorical("kind", ["linear", "tree"])
        if kind == "tree":
            depth = trial.suggest_int("depth", 2, 32, log=True)
            model = DecisionTreeClassifier(max_depth=depth, random_state=0)
            model.fit(x_train, y_train)
            trial.set_user_attr("n_leaves", int(model.get_n_leaves()))
            return model.score(x_val, y_val)
        alpha = trial.suggest_loguniform("alpha", 1e-6, 1e-1)
        model = SGDClassifier(alpha=alpha, random_state=0)
        for step in range(3):
            model.partial_fit(x_train, y_train, classes=range(10))
            trial.report(model.score(x_val, y_val), step)
            if trial.should_prune():
                raise optuna.TrialPruned()
        return model.score(x_val, y_val)
"""


def test_an_optuna_objective_runs_as_it_is(quiet: Any) -> None:
    """Conditions, reports and notes included."""
    quiet.ok(OBJECTIVE)
    study = searched(quiet, "objective(hp.trial)", "--maximize accuracy --trials 8 --recheck 0")
    assert list(study.space) == ["kind", "alpha", "depth"]
    linear = next(trial for trial in study.trials if trial.params["kind"] == "linear")
    assert [point.step for point in linear.curve] == [1, 2, 3]
    assert linear.curve[-1].metrics == {"accuracy": linear.value}
    tree = next(trial for trial in study.trials if trial.params["kind"] == "tree")
    assert tree.metrics["n_leaves"] > 1
    assert run_frozen(quiet, study) == study.best_seen


def test_an_objective_that_prunes_itself(quiet: Any) -> None:
    """Its trial is pruned: without a value, and without a failure of the code."""
    cell = """
        %%hpo study --minimize loss --trials 6 --sampler random --recheck 0 --ui none
        import optuna

        def objective(trial):
            x = trial.suggest_float("x", 0, 1)
            if x > 0.5:
                raise optuna.TrialPruned
            return x

        objective(hp.trial)
    """
    quiet.ok(cell)
    study = quiet["study"]
    pruned = [trial for trial in study.trials if trial.params["x"] > 0.5]
    assert pruned
    assert {(t.state, t.value, t.failure) for t in pruned} == {(State.PRUNED, None, None)}
    assert study.best_seen <= 0.5


def test_the_names_of_optuna_1_and_seeds_of_ours(quiet: Any) -> None:
    """`suggest_uniform` and the like, beside `hp`."""
    cell = """
        def objective(trial):
            a = trial.suggest_uniform("a", -1, 1)
            b = trial.suggest_discrete_uniform("b", 0, 1, 0.25)
            return (a - b) ** 2 + hp.Int("c", 0, 3) + trial.params["a"]

        objective(hp.trial)
    """
    study = searched(quiet, cell, "--minimize loss --trials 5")
    assert list(study.space) == ["a", "b", "c"]


def test_a_study_of_optuna_s_in_a_cell_is_refused(quiet: Any) -> None:
    """With the line to write."""
    shown = quiet.run(
        "%%hpo s\nstudy = optuna.create_study()\nstudy.optimize(objective, n_trials=5)"
    )
    assert shown.usage_error.startswith("%%hpo: optuna.create_study(…) on line 2 is a search of")


def test_a_trial_s_api_that_is_not_covered(quiet: Any) -> None:
    """One sentence, at the first trial."""
    shown = quiet.run("%%hpo s --minimize loss --ui none\nhp.trial.study.best_value")
    assert shown.usage_error == (
        "%%hpo: hp.trial.study on line 2 has no best_value: a trial knows the directions alone. "
        "Write study.optimize(objective, n_trials=…) under %%hpo, and the trial has the study."
    )


# Colab.


def test_forms_and_training_in_different_cells(quiet: Any) -> None:
    """It is said that the forms are not searched; a form cell under `%%hpo` is refused."""
    forms = 'lr = 0.1 #@param [0.1, 0.2]\nn = 3 #@param {type:"integer"}\nact = "a" #@param ["a"]'
    quiet.ok(forms)
    quiet.ok("act = 'b'")
    quiet.ok("%%hpo study --minimize loss --ui none\nloss = lr * n + len(act)")
    assert messages(quiet["study"].snapshot)[0] == (
        "Not searched: lr, whose forms stand in an earlier cell. To search them, put their form "
        "lines into this cell."
    )
    quiet.ok("%%hpo study --minimize loss --ui none\nloss = lr * hp.Int('m', 1, 2)")
    assert not any("Not searched" in text for text in messages(quiet["study"].snapshot))
    assert quiet.run(f"%%hpo study --minimize loss\n{forms}").usage_error == (
        "%%hpo: the cell has the forms of lr, act and trains nothing, so there is no value to "
        "search by. Put the training into this cell, below its forms."
    )


@pytest.mark.parametrize(
    ("cell", "space"),
    [
        (
            """
            alpha = 0.001 # @param {type:"slider", min:1e-5, max:1e-1}
            penalty = "l2" #@param ["l2", "l1"]
            average = False #@param {type:"boolean"}
            epochs = 3 #@param {type:"integer"}
            from sklearn.linear_model import SGDClassifier
            model = SGDClassifier(alpha=alpha, penalty=penalty, average=average,
                                  max_iter=epochs, tol=None, random_state=0)
            accuracy = model.fit(x_train, y_train).score(x_val, y_val)
            """,
            ["alpha", "penalty", "average"],
        ),
        (
            """
            depth = 5 #@param {type:"slider", min:1, max:20, step:1}
            leaf = 1 # @param ["1", "2", "5"] {type:"raw"}
            from sklearn.tree import DecisionTreeClassifier
            model = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=0)
            accuracy = model.fit(x_train, y_train).score(x_val, y_val)
            """,
            ["depth", "leaf"],
        ),
        (
            """
            k = 3  # @param [1, 3, 5, 9]
            power = 2.0  # @param {"type":"slider","min":1,"max":3,"step":0.5}
            from sklearn.neighbors import KNeighborsClassifier
            model = KNeighborsClassifier(k, p=power).fit(x_train, y_train)
            accuracy = model.score(x_val, y_val)
            """,
            ["k", "power"],
        ),
    ],
    ids=["sgd", "tree", "neighbours"],
)
def test_a_colab_form_is_searched(quiet: Any, cell: str, space: list[str]) -> None:
    """From its values; frozen, it is a form with the winning ones."""
    study = searched(quiet, cell, "--maximize accuracy --trials 5 --recheck 0")
    assert list(study.space) == space
    assert study.start.params == {name: study.space[name].default for name in space}
    assert messages(study.snapshot)[0].startswith("The search varies what the form leaves open: ")
    frozen = str(study.freeze())
    assert frozen.count("@param") == dedent(cell).count("@param")
    quiet.ok(frozen)
    assert quiet["accuracy"] == study.best_seen
