"""Searches of scikit-learn's own kind under `%%hpo`: they run once, and their search is ours."""

from __future__ import annotations

from typing import Any

import pytest
from scripts_run import SPLIT, run

from hpo_magic.views.words.notices import messages


@pytest.mark.parametrize(
    ("made", "n"),
    [
        ("ms.GridSearchCV(SVC(), {'C': [1, 9], 'kernel': ['rbf', 'poly']})", 4),
        ("ms.RandomizedSearchCV(SVC(), {'C': uniform(1, 9)}, n_iter=5)", 5),
        ("ms.HalvingGridSearchCV(SVC(), {'C': [1, 9, 99]}, cv=3, random_state=0)", 3),
        ("skopt.BayesSearchCV(SVC(), {'C': (1e-3, 1e3, 'log-uniform')}, n_iter=6, cv=3)", 6),
    ],
)
def test_searches_of_scikit_learn(notebook: Any, made: str, n: int) -> None:
    """Only the choice of settings is ours: folds, results and the refit are scikit-learn's."""
    notebook.ok(SPLIT)
    cell = f"""
        from sklearn.experimental import enable_halving_search_cv
        import sklearn.model_selection as ms, skopt
        from scipy.stats import uniform
        search = {made}
        search.fit(X, y)
        accuracy = search.score(X, y)
    """
    study = run(notebook, cell)
    search = notebook["search"]
    assert len(study.trials) == len(search.cv_results_["params"]) == n
    assert search.best_score_ == study.best_seen
    assert notebook["accuracy"] > 0.9
    if "Halving" in made:  # one iteration, on all rows
        assert (search.n_iterations_, search.n_candidates_, search.n_resources_) == (1, [3], [150])
        assert list(search.cv_results_["n_resources"]) == [150] * 3


def test_a_bayes_search_over_several_spaces_has_a_result_of_each(notebook: Any) -> None:
    """With the points of its trials, in the order of the names, and its own optimizer's model."""
    notebook.ok(SPLIT)
    cell = """
        import skopt
        spaces = [({"kernel": ["rbf"], "C": (1e-2, 1e2, "log-uniform"), "gamma": (1e-4, 1.0)}, 6),
                  ({"kernel": ["linear"], "C": (1e-1, 1e1, "log-uniform")}, 4)]
        search = skopt.BayesSearchCV(SVC(), spaces, cv=2, optimizer_kwargs={"n_initial_points": 1})
        search.fit(X, y)
    """
    study = run(notebook, cell)
    wide, narrow = notebook["search"].optimizer_results_
    assert len(wide.x_iters) + len(narrow.x_iters) == len(study.trials) == 10
    assert min(wide.fun, narrow.fun) == -study.best_seen
    assert [len(point) for point in (wide.x, narrow.x)] == [3, 2]
    assert wide.x[2] == "rbf"
    assert wide.models


def test_a_search_of_scikit_learn_is_an_estimator_too(notebook: Any) -> None:
    """Where the cell asks `hp`, each trial fits it."""
    notebook.ok(SPLIT)
    cell = """
        from sklearn.model_selection import GridSearchCV
        k = hp.Choice(["rbf", "poly"])
        search = GridSearchCV(SVC(kernel=k), {"C": [1, 9]}).fit(X, y)
        accuracy = search.best_score_
    """
    study = run(notebook, cell, options="--maximize accuracy --recheck 0")
    assert list(study.space) == ["k"]


def test_several_grids_of_scikit_learn_s_are_tried_whole(notebook: Any) -> None:
    """Nothing is said of a size that is not known yet; the search is named as it is written."""
    cell = """
        from sklearn.experimental import enable_halving_search_cv
        from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
        from sklearn.datasets import load_iris
        from sklearn.svm import SVC
        X, y = load_iris(return_X_y=True)
        grids = [{"kernel": ["rbf"], "gamma": [1e-3, 1e-2], "C": [1, 9]}, {"kernel": ["linear"]}]
        search = GridSearchCV(SVC(), grids, cv=3).fit(X, y)
        halving = HalvingGridSearchCV(SVC(), {"C": [1, 9]}, cv=3).fit(X, y)
    """
    study = run(notebook, cell)
    assert len(study.trials) == len(notebook["search"].cv_results_["params"]) == 5
    told = messages(study.snapshot)
    assert told[0].startswith("GridSearchCV.fit on line 9 is this search: ")
    assert len(told) == 1
    assert messages(notebook["s_2"].snapshot)[0].startswith("HalvingGridSearchCV.fit on line 10 is")


def test_a_search_inside_of_a_cross_validation_has_its_line(notebook: Any) -> None:
    """Though joblib calls it: the line of the cell."""
    cell = """
        from sklearn.datasets import load_iris
        from sklearn.model_selection import GridSearchCV, cross_val_score
        from sklearn.tree import DecisionTreeClassifier
        X, y = load_iris(return_X_y=True)
        inner = GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2)
        scores = cross_val_score(inner, X, y, cv=2)
    """
    study = run(notebook, cell)
    assert messages(study.snapshot)[0].startswith("GridSearchCV.fit on line 8 is this search: ")
