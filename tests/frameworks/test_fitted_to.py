"""What models of Keras, LightGBM and XGBoost are fitted to and evaluated on is noted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hpo_magic import hp, search
from hpo_magic.core.notices import ON_TRAINING_ROWS
from hpo_magic.views.words.notices import messages

X, Y = (part[:200] for part in load_digits(return_X_y=True))
X_TRAIN, X_VAL, Y_TRAIN, Y_VAL = train_test_split(X / 16, Y, test_size=80, random_state=0)


def network(**options: Any) -> Any:
    """Return a network after two epochs."""
    keras = pytest.importorskip("keras")
    units = hp.Int("units", 8, 9)
    model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X_TRAIN, Y_TRAIN, epochs=2, verbose=0, **options)
    return model


def evaluated(model: Any, x: Any, y: Any) -> float:
    """Return the accuracy that Keras measures."""
    return float(model.evaluate(x, y, verbose=0)[1])


def boosted(library: str) -> Any:
    """Return a model of boosted trees, which is not fitted."""
    if library == "lightgbm":
        lightgbm = pytest.importorskip("lightgbm")
        return lightgbm.LGBMClassifier(num_leaves=hp.Int("n", 3, 4), n_estimators=3, verbose=-1)
    xgboost = pytest.importorskip("xgboost")
    return xgboost.XGBClassifier(max_leaves=hp.Int("n", 3, 4), n_estimators=3)


def remarks(objective: Callable[[], float], folder: Path) -> list[str]:
    """Return what a search with a function tells of training rows."""
    study = search(
        objective, "s", 2, maximize="value", recheck="0", pruner="none", ui="none", storage=folder
    )
    return [one for one in messages(study.snapshot) if "training rows" in one]


@pytest.mark.slow
@pytest.mark.parametrize("validates", [False, True])
def test_an_evaluation_of_keras_on_the_rows_of_its_fit_is_told(
    tmp_path: Path, validates: bool
) -> None:
    """As are predictions for them; an evaluation of other rows is not."""
    options = {"validation_data": (X_VAL, Y_VAL)} if validates else {}
    on_training = [
        lambda: evaluated(network(**options), X_TRAIN, Y_TRAIN),
        lambda: accuracy_score(
            Y_TRAIN, network(**options).predict(X_TRAIN, verbose=0).argmax(axis=1)
        ),
    ]
    for k, objective in enumerate(on_training):
        assert remarks(objective, tmp_path / str(k)) == [ON_TRAINING_ROWS]
    assert remarks(lambda: evaluated(network(**options), X_VAL, Y_VAL), tmp_path / "other") == []


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("is_in_pipeline", [False, True])
def test_a_score_of_boosted_trees_on_the_rows_of_their_fit_is_told(
    tmp_path: Path, library: str, is_in_pipeline: bool
) -> None:
    """Inside of a pipeline, too, which is fitted to them."""

    def fitted() -> Any:
        model = boosted(library)
        whole = make_pipeline(StandardScaler(), model) if is_in_pipeline else model
        return whole.fit(X_TRAIN, Y_TRAIN)

    told = remarks(lambda: fitted().score(X_TRAIN, Y_TRAIN), tmp_path / "training")
    assert told == [ON_TRAINING_ROWS]
    assert remarks(lambda: fitted().score(X_VAL, Y_VAL), tmp_path / "validation") == []


def test_a_score_of_out_of_bag_predictions_is_not_told(tmp_path: Path) -> None:
    """The trees that make them did not see the rows."""
    truth = Y_TRAIN > 4

    def out_of_bag() -> float:
        forest = RandomForestClassifier(20, oob_score=True, random_state=0).fit(X_TRAIN, truth)
        return float(roc_auc_score(truth, forest.oob_decision_function_[:, 1]))

    assert remarks(out_of_bag, tmp_path) == []
