"""A value that is measured on the rows of the fit is told, whatever function measures it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from hpo_magic import hp, load_study, search
from hpo_magic.core.notices import ON_TRAINING_ROWS
from hpo_magic.views.text import result_text
from hpo_magic.views.words.notices import messages

X, Y = (part[:300] for part in load_digits(return_X_y=True))
X_TRAIN, X_VAL, Y_TRAIN, Y_VAL = train_test_split(X, Y, test_size=100, random_state=0)
FOLDS = list(KFold(3).split(X))


def model() -> Any:
    """Return a model that is trained at once, and that is not right on its training rows."""
    tree = DecisionTreeClassifier(max_depth=hp.Int("depth", 3, 5), random_state=0)
    return make_pipeline(StandardScaler(), tree)


def fitted(x: Any = X_TRAIN, y: Any = Y_TRAIN) -> Any:
    """Return the model, fitted."""
    return model().fit(x, y)


def remarks(objective: Callable[[], float]) -> list[str]:
    """Return what a search with a function tells of training rows."""
    study = search(objective, "s", 2, maximize="value", recheck="0", ui="none")
    return [one for one in messages(study.snapshot) if "training rows" in one]


def of_all_folds(rows: int, *also: int) -> float:
    """Return the mean score over folds, of training (0) or validation rows (1); `also` first."""
    found = []
    for fold in FOLDS:
        one = fitted(X[fold[0]], Y[fold[0]])
        for k in (*also, rows):
            value = one.score(X[fold[k]], Y[fold[k]])
        found.append(value)
    return float(np.mean(found))


def out_of_folds() -> float:
    """Return the score of predictions that were collected fold by fold, and fit all rows."""
    predicted = np.zeros_like(Y)
    for train, held_out in FOLDS:
        predicted[held_out] = fitted(X[train], Y[train]).predict(X[held_out])
    fitted(X, Y)
    return float(accuracy_score(Y, predicted))


def searched_grid() -> Any:
    """Return a search of scikit-learn's, fitted."""
    grid = {"decisiontreeclassifier__max_features": [0.5, 1.0]}
    return GridSearchCV(model(), grid, cv=3).fit(X_TRAIN, Y_TRAIN)


def stacked() -> Any:
    """Return a model of models, fitted."""
    return StackingClassifier([("a", model())], LogisticRegression(max_iter=20), cv=2)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Studies are stored in the test's folder."""
    monkeypatch.chdir(tmp_path)


def test_there_is_no_honest_number_of_training_rows() -> None:
    """Neither in this kernel nor from disk: the score says nothing of new data."""
    options: dict[str, Any] = {"maximize": "value", "ui": "none"}
    search(lambda: fitted().score(X_TRAIN, Y_TRAIN), "s", 4, **options)
    study = load_study("s")
    assert all(trial.of_training for trial in study.trials)
    assert study.honest is None
    text = result_text(study.snapshot)
    assert "of 3 scores on the training rows: not a validation score" in text
    assert "not measured" in text
    assert "measured on the training rows, the value says nothing of new data" in text
    validated = search(lambda: fitted().score(X_VAL, Y_VAL), "v", 4, **options)
    assert validated.honest is not None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "objective",
    [
        lambda: fitted().score(X_TRAIN, Y_TRAIN),
        lambda: -f1_score(Y_TRAIN, fitted().predict(X_TRAIN), average="macro"),
        lambda: hp.score("accuracy", Y_TRAIN, fitted().predict(X_TRAIN)),
        lambda: (one := fitted(), one.score(X_VAL, Y_VAL), one.score(X_TRAIN, Y_TRAIN))[-1],
        lambda: of_all_folds(0),
        lambda: of_all_folds(0, 1),
        lambda: searched_grid().score(X_TRAIN, Y_TRAIN),
        lambda: stacked().fit(X_TRAIN, Y_TRAIN).score(X_TRAIN, Y_TRAIN),
    ],
)
def test_a_score_of_the_training_rows_is_told(objective: Callable[[], float]) -> None:
    """By the rows, not by the names; and once."""
    assert remarks(objective) == [ON_TRAINING_ROWS]


@pytest.mark.parametrize(
    "objective",
    [
        lambda: fitted().score(X_VAL, Y_VAL),
        lambda: (one := fitted(), one.score(X_TRAIN, Y_TRAIN), one.score(X_VAL, Y_VAL))[-1],
        lambda: of_all_folds(1),
        lambda: of_all_folds(1, 0),
        out_of_folds,
        lambda: (accuracy_score(Y, cross_val_predict(model(), X, Y, cv=3)), fitted(X, Y))[0],
        lambda: cross_validate(model(), X, Y, cv=3, return_train_score=True)["test_score"].mean(),
        lambda: searched_grid().best_score_,
        lambda: (
            RandomForestClassifier(
                30, max_depth=hp.Int("depth", 3, 5), oob_score=True, random_state=0
            )
            .fit(X, Y)
            .oob_score_
        ),
        lambda: (fitted().score(X_VAL, Y_VAL), fitted(X, Y))[0],
        # A constant target is the same in any rows.
        lambda: (
            hp.Int("n", 1, 9),
            DummyClassifier().fit(X[:50], Y[:50] * 0).score(X[50:100], Y[50:100] * 0),
        )[1],
    ],
)
def test_a_score_of_other_rows_is_not(objective: Callable[[], float]) -> None:
    """Nor one of predictions that models made of rows that were held out from each."""
    assert remarks(objective) == []
