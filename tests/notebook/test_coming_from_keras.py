"""Keras cells of Hyperas and KerasTuner, searched as they are."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from hpo_magic.core.trial import State

pytestmark = pytest.mark.slow

DATA = """
import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
x, y = load_digits(return_X_y=True)
x = (x / 16).astype("float32")
x_train, y_train, x_val, y_val = x[:400], y[:400], x[400:600], y[400:600]
"""


def searched(notebook: Any, cell: str, options: str) -> Any:
    """Search a cell; return the study, all of whose trials are complete."""
    notebook.ok(DATA)
    notebook.ok(f"%%hpo study --sampler random --ui none {options}\n{dedent(cell)}")
    study = notebook["study"]
    failures = [str(trial.failure) for trial in study.trials if trial.failure]
    assert failures == []
    assert {trial.state for trial in study.trials} == {State.COMPLETE}
    return study


# Hyperas: its README, a network in a loop, and one that reads variables of the notebook.


def test_the_readme_of_hyperas(notebook: Any) -> None:
    """A choice of whole layers too, whose names Keras counts up; the model comes back."""
    cell = """
        from hyperas import optim
        from hyperas.distributions import choice, uniform, conditional
        from hyperopt import Trials, STATUS_OK, tpe
        from keras.models import Sequential
        from keras.layers import Dense, Dropout, Activation, Input

        def data():
            return x[:400], y[:400], x[400:600], y[400:600]

        def create_model(x_train, y_train, x_test, y_test):
            model = Sequential()
            model.add(Input((64,)))
            model.add(Dense({{choice([16, 32])}}))
            model.add(Activation({{choice(['relu', 'sigmoid'])}}))
            model.add(Dropout({{uniform(0, 0.5)}}))
            if conditional({{choice(['two', 'three'])}}) == 'three':
                model.add(Dense(24))
                model.add({{choice([Dropout(0.5), Activation('linear')])}})
                model.add(Activation('relu'))
            model.add(Dense(10, activation='softmax'))
            model.compile(loss='sparse_categorical_crossentropy', metrics=['accuracy'],
                          optimizer={{choice(['rmsprop', 'adam', 'sgd'])}})
            result = model.fit(x_train, y_train, batch_size={{choice([64, 128])}}, epochs=2,
                               verbose=2, validation_split=0.1)
            validation_acc = np.amax(result.history['val_accuracy'])
            return {'loss': -validation_acc, 'status': STATUS_OK, 'model': model}

        if __name__ == '__main__':
            best_run, best_model = optim.minimize(model=create_model, data=data,
                                                  algo=tpe.suggest, max_evals=5, trials=Trials())
            print(best_model.evaluate(*data()[2:]))
    """
    study = searched(notebook, cell, "--trials 5 --recheck 0")
    assert set(study.space) == {
        "units", "activation", "rate", "condition", "layer", "optimizer", "batch_size"
    }  # fmt: skip
    assert len(study.space["layer"].domain.values) == 2
    for trial in study.trials:
        assert trial.metrics["loss"] == pytest.approx(-max(
            point.metrics["val_accuracy"] for point in trial.curve
        ))  # fmt: skip
    model = study.best_model()
    assert model.predict(notebook["x_val"], verbose=0).shape == (200, 10)
    frozen = str(study.freeze())
    assert "{{" not in frozen
    assert "hp." not in frozen
    notebook.ok(frozen)


def test_layers_in_a_loop(notebook: Any) -> None:
    """Each has a size of its own, which Hyperas could not do."""
    cell = """
        def data():
            return x_train, y_train, x_val, y_val

        def create_model(x_train, y_train, x_val, y_val):
            model = keras.Sequential([keras.Input((64,))])
            for _ in range({{choice([1, 3])}}):
                model.add(layers.Dense({{choice([8, 16, 32, 64])}}, activation="relu"))
            model.add(layers.Dense(10, activation="softmax"))
            model.compile(keras.optimizers.Adam({{loguniform(-7, -3)}}),
                          "sparse_categorical_crossentropy", metrics=["accuracy"])
            model.fit(x_train, y_train, epochs=1, validation_data=(x_val, y_val))
            loss, accuracy = model.evaluate(x_val, y_val, verbose=0)
            return {"loss": -accuracy, "status": STATUS_OK, "model": model}
    """
    study = searched(notebook, cell, "--trials 6 --recheck 0")
    deep = [trial.params for trial in study.trials if trial.params["range"] == 3]
    assert any(len({p[f"units[{i}]"] for i in range(3)}) > 1 for p in deep)
    assert "learning_rate" in study.space


def test_a_failed_status_fails_a_trial_alone(notebook: Any) -> None:
    """And a fit's own metric may be named."""
    cell = """
        def create_model(x_train, y_train, x_val, y_val):
            units = int({{quniform(4, 64, 4)}})
            if units > 40:
                return {"status": STATUS_FAIL}
            model = keras.Sequential([layers.Dense(units), layers.Dense(10, "softmax")])
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            model.fit(x_train, y_train, epochs=1, validation_data=(x_val, y_val))
    """
    notebook.ok(DATA)
    first = "%%hpo study --maximize val_accuracy --trials 8 --sampler random --recheck 0 --ui none"
    notebook.ok(f"{first}\n{dedent(cell)}")
    states = {trial.params["units"] > 40: trial.state for trial in notebook["study"].trials}
    assert states == {False: State.COMPLETE, True: State.FAILED}


# KerasTuner: a function, a class with a fit of its own, and scopes.


def test_a_build_model_function(notebook: Any) -> None:
    """In two lines; names, scales and conditions are KerasTuner's."""
    notebook.ok(DATA)
    notebook.ok(
        """
        def build_model(hp):
            model = keras.Sequential([keras.Input((64,))])
            for i in range(hp.Int("num_layers", 1, 2)):
                model.add(layers.Dense(hp.Int(f"units_{i}", min_value=16, max_value=64, step=16),
                                       activation=hp.Choice("activation", ["relu", "tanh"])))
            if hp.Boolean("dropout"):
                model.add(layers.Dropout(rate=hp.Fixed("rate", value=0.25)))
            model.add(layers.Dense(10, activation="softmax"))
            lr = hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log")
            momentum = hp.Float("momentum", 0.5, 0.99, sampling="reverse_log")
            model.compile(keras.optimizers.SGD(lr, momentum),
                          "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model
        """
    )
    cell = """
        model = build_model(hp)
        model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=1)
    """
    study = searched(notebook, cell, "--maximize val_accuracy --trials 6 --recheck 0")
    assert {"num_layers", "units_0", "activation", "dropout", "lr", "momentum"} <= set(study.space)
    assert study.space["momentum"].domain.reverse_log
    assert study.best_model().predict(notebook["x_val"], verbose=0).shape == (200, 10)


def test_a_hypermodel_with_a_fit_of_its_own(notebook: Any) -> None:
    """Its `fit` asks for values too."""
    cell = """
        import keras_tuner

        class MyHyperModel(keras_tuner.HyperModel):
            def build(self, hp):
                model = keras.Sequential([keras.Input((64,))])
                model.add(layers.Dense(hp.Choice("units", [8, 16, 32]), activation="relu"))
                model.add(layers.Dense(10, activation="softmax"))
                model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
                return model

            def fit(self, hp, model, *args, **kwargs):
                return model.fit(*args, batch_size=hp.Choice("batch_size", [32, 64]), **kwargs)

        hypermodel = MyHyperModel()
        model = hypermodel.build(hp)
        hypermodel.fit(hp, model, x_train, y_train, validation_data=(x_val, y_val), epochs=1)
    """
    study = searched(notebook, cell, "--maximize val_accuracy --trials 4 --recheck 0")
    assert list(study.space) == ["units", "batch_size"]
    assert study.best_seen == study.best_trial.metrics["val_accuracy"]
    frozen = str(study.freeze())
    assert f"layers.Dense({study.best_params['units']}" in frozen


def test_scopes_and_lookups(notebook: Any) -> None:
    """`conditional_scope`, `name_scope`, `parent_name`, `hp.get`, `hp["…"]`, `hp.values`."""
    cell = """
        def build_model(hp):
            kind = hp.Choice("kind", ["shallow", "deep"])
            model = keras.Sequential([keras.Input((64,))])
            with hp.conditional_scope("kind", ["deep"]):
                if kind == "deep":
                    with hp.name_scope("first"):
                        model.add(layers.Dense(hp.Int("units", 8, 32)))
                    with hp.name_scope("second"):
                        model.add(layers.Dense(hp.Int("units", 8, 32)))
            rate = hp.Float("rate", 0, 0.5, parent_name="kind", parent_values=["shallow"])
            if hp["kind"] == "shallow":
                model.add(layers.Dropout(rate))
            model.add(layers.Dense(10, activation="softmax"))
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            assert hp.values["kind"] == hp.get("kind") == kind
            return model

        model = build_model(hp)
        model.fit(x_train, y_train, validation_data=(x_val, y_val), epochs=1)
    """
    study = searched(notebook, cell, "--maximize val_accuracy --trials 6 --recheck 0")
    for trial in study.trials:
        deep = {"kind", "first/units", "second/units"}
        assert set(trial.params) == (deep if trial.params["kind"] == "deep" else {"kind", "rate"})


def test_a_tuner_in_a_cell_is_refused(notebook: Any) -> None:
    """With the two lines to write."""
    shown = notebook.run("%%hpo s\ntuner = keras_tuner.RandomSearch(build_model)\ntuner.search(x)")
    assert "Write model = build_model(hp) and model.fit(…) instead" in shown.usage_error


# KerasTuner and Keras's files call what Python and NumPy deprecate.
DEPRECATED = "ignore::DeprecationWarning"


@pytest.mark.filterwarnings(DEPRECATED, "ignore:Skipping variable loading:UserWarning")
def test_a_script_of_keras_tuner_s(notebook: Any) -> None:
    """The tuner trains as it does, with `HyperModel.fit`, fixed values and a retry."""
    cell = """
        import keras_tuner

        class Model(keras_tuner.HyperModel):
            failed = False

            def build(self, hp):
                units = hp.Int("units", 8, 24, step=8)
                model = keras.Sequential([layers.Dense(units, hp.Choice("act", ["relu", "tanh"])),
                                          layers.Dense(10, "softmax")])
                model.compile(keras.optimizers.Adam(hp.Float("lr", 1e-3, 1e-1, sampling="log")),
                              "sparse_categorical_crossentropy", metrics=["accuracy"])
                return model

            def fit(self, hp, model, *args, **options):
                if not Model.failed:
                    Model.failed = True
                    raise ValueError("once")
                return model.fit(*args, batch_size=hp.Choice("rows", [50, 100]), **options)

        fixed = keras_tuner.HyperParameters()
        fixed.Fixed("act", "relu")
        tuner = keras_tuner.RandomSearch(Model(), "val_accuracy", max_trials=3, directory="kt",
                                         hyperparameters=fixed, max_retries_per_trial=1)
        tuner.search(x_train, y_train, epochs=2, validation_data=(x_val, y_val))
        best = tuner.get_best_hyperparameters()[0]
        scores = [trial.score for trial in tuner.oracle.get_best_trials(3)]
        again = tuner.get_best_models()[0].evaluate(x_val, y_val, verbose=0)[1]
    """
    notebook.ok(DATA)
    notebook.ok(f"%%hpo s --recheck 0 --ui none\n{dedent(cell)}")
    study = notebook["s"]
    assert list(study.space) == ["units", "lr", "rows"]
    assert notebook["best"].values == {"act": "relu", **study.best_params}
    assert notebook["scores"] == sorted((t.value for t in study.trials), reverse=True)
    assert notebook["again"] == pytest.approx(study.best_seen, abs=1e-6)
    assert "Take study.best_params" in str(notebook.run("s.freeze()").error)


@pytest.mark.filterwarnings(DEPRECATED)
def test_a_script_of_sklearn_tuner(notebook: Any) -> None:
    """Its trials fit on folds, and it has the best model."""
    cell = """
        import keras_tuner
        from sklearn import linear_model
        def build(hp):
            return linear_model.RidgeClassifier(alpha=hp.Float("alpha", 1e-3, 1, sampling="log"))
        oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("score", "max"), 3)
        tuner = keras_tuner.SklearnTuner(oracle, build, directory="kt4")
        tuner.search(x_train, y_train)
        best = tuner.get_best_models()[0]
    """
    notebook.ok(DATA)
    notebook.ok(f"%%hpo s --recheck 0 --ui none\n{dedent(cell)}")
    study = notebook["s"]
    assert [trial.state.value for trial in study.trials] == ["complete"] * 3
    assert notebook["best"].alpha == study.best_params["alpha"]


@pytest.mark.filterwarnings(DEPRECATED, "ignore:Skipping variable loading:UserWarning")
def test_a_script_of_keras_tuner_s_is_frozen(notebook: Any) -> None:
    """To one training with the values beside `build_model(hp)`; `FatalError` ends a search."""
    cell = """
        import keras_tuner as kt
        def build(hp):
            model = keras.Sequential([layers.Dense(hp.Int("units", 8, 24, step=8), "relu"),
                                      layers.Dense(10, "softmax")])
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            return model
        tuner = kt.Hyperband(build, "val_accuracy", max_epochs=2, directory="kt2")
        tuner.search(x_train, y_train, validation_data=(x_val, y_val))
    """
    notebook.ok(DATA)
    notebook.ok(f"%%hpo s --trials 2 --recheck 0 --ui none\n{dedent(cell)}")
    frozen = str(notebook["s"].freeze(check=True))
    assert "epochs=2" in frozen
    assert "tuner.search" not in frozen
    fatal = "if made:\n        raise kt.errors.FatalError('no memory')\n    made.append(1)"
    ended = dedent(cell).replace("def build(hp):", f"made = []\ndef build(hp):\n    {fatal}")
    ended = ended.replace("kt2", "kt3")
    shown = notebook.run(f"%%hpo t --ui none\n{ended}")
    assert shown.usage_error == "%%hpo: FatalError: no memory"
