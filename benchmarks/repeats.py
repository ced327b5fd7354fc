"""How many re-runs tell that a cell gives the same score again, and whether one is told so wrongly.

    python -m benchmarks.repeats             # 56 cells: two minutes

28 cells whose scores the seed does not change, and 28 whose scores it does: by a new split, by the
training, or by both. The latter are made so that equal scores come by chance: few validation rows,
scores near 1, labels of which one is frequent.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import datasets, ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_absolute_error
from sklearn.model_selection import KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from hpo_magic import hp, search
from hpo_magic.core.notices import SameScores

N_TRIALS = 40
Cell = Callable[[], float]
IRIS, WINE = datasets.load_iris(return_X_y=True), datasets.load_wine(return_X_y=True)
CANCER, DIABETES = (
    datasets.load_breast_cancer(return_X_y=True),
    datasets.load_diabetes(return_X_y=True),
)
RARE = (CANCER[0], (np.arange(len(CANCER[1])) % 12 == 0).astype(int))  # nobody can tell the 1s


def a_knn() -> Any:
    """Return nearest neighbours."""
    return neighbors.KNeighborsClassifier(hp.Int("k", 1, 30), p=hp.Float("p", 1.0, 3.0))


def an_svm() -> Any:
    """Return a support vector machine."""
    return make_pipeline(StandardScaler(), svm.SVC(C=hp.Float("C", 0.01, 100, sampling="log")))


def a_bayes() -> Any:
    """Return naive Bayes."""
    return naive_bayes.GaussianNB(var_smoothing=hp.Float("s", 1e-9, 1.0, sampling="log"))


def a_tree(state: Any = 0) -> Any:
    """Return a tree, of which `state` chooses the features."""
    return tree.DecisionTreeClassifier(
        max_depth=hp.Int("depth", 1, 8), max_features=0.5, random_state=state
    )


def a_forest(state: Any = 0) -> Any:
    """Return a few trees."""
    return ensemble.ExtraTreesClassifier(5, max_depth=hp.Int("depth", 1, 8), random_state=state)


def held_out(
    data: Any,
    model: Callable[[], Any],
    split: Callable[[], Any],
    n_val: int = 40,
    way: str = "hp.score",
) -> Cell:
    """Return a cell that scores a model on rows that `split()` chooses, in one of several ways."""

    def cell() -> float:
        x, x_val, y, y_val = train_test_split(*data, test_size=n_val, random_state=split())
        fitted = model().fit(x, y)
        predicted = fitted.predict(x_val)
        match way:
            case "hp.score":
                return hp.score("accuracy", y_val, predicted)
            case "log_loss":
                return -float(log_loss(y_val, fitted.predict_proba(x_val), labels=np.unique(y)))
            case "f1":
                return float(f1_score(y_val, predicted, average="macro"))
            case "bare":
                return float(np.mean(predicted == y_val))
        return float(accuracy_score(y_val, predicted))

    return cell


def regression(split: Callable[[], Any], n_val: int = 40) -> Cell:
    """Return a cell with a mean absolute error."""

    def cell() -> float:
        x, x_val, y, y_val = train_test_split(*DIABETES, test_size=n_val, random_state=split())
        model = linear_model.Ridge(hp.Float("alpha", 1e-3, 10, sampling="log")).fit(x, y)
        return -float(mean_absolute_error(y_val, model.predict(x_val)))

    return cell


def folds(data: Any, model: Callable[[], Any], state: Callable[[], Any]) -> Cell:
    """Return a cell with a cross-validation."""
    return lambda: float(
        cross_val_score(model(), *data, cv=KFold(4, shuffle=True, random_state=state())).mean()
    )


def fixed() -> int:
    """Return the seed of a split that never changes."""
    return 0


def asked_but_unused() -> int:
    """Return the same seed, though the cell asks for the trial's."""
    hp.seed()
    return 0


def drawn_but_unused() -> int:
    """Return the same seed, though a generator moved."""
    random.random()
    return 0


def formula() -> float:
    """Return a score without data."""
    return 1 - (hp.Float("x", 0, 1) - 0.3) ** 2


SAME: dict[str, Cell] = {
    "formula": formula,
    **{
        f"{name}, {way}": held_out(data, model, fixed, way=way)
        for name, data, model in (
            ("iris kNN", IRIS, a_knn),
            ("wine SVM", WINE, an_svm),
            ("cancer Bayes", CANCER, a_bayes),
        )
        for way in ("hp.score", "accuracy_score", "f1", "bare")
    },
    "cancer tree, log_loss": held_out(CANCER, a_tree, fixed, way="log_loss"),
    "cancer Bayes, log_loss": held_out(CANCER, a_bayes, fixed, way="log_loss"),
    "cancer forest": held_out(CANCER, a_forest, fixed),
    "cancer tree, 10 rows": held_out(CANCER, a_tree, fixed, 10),
    "rare labels, kNN": held_out(RARE, a_knn, fixed, 20),
    "rare labels, kNN, bare": held_out(RARE, a_knn, fixed, 20, "bare"),
    "diabetes ridge": regression(fixed),
    "iris kNN, folds": folds(IRIS, a_knn, fixed),
    "wine SVM, folds": folds(WINE, an_svm, fixed),
    "cancer tree, folds": folds(CANCER, a_tree, fixed),
    "cancer SVM": held_out(CANCER, an_svm, fixed),
    "wine Bayes": held_out(WINE, a_bayes, fixed),
    "diabetes ridge, 200 rows": regression(fixed, 200),
    "cancer kNN, seed asked": held_out(CANCER, a_knn, asked_but_unused),
    "cancer kNN, generator moved": held_out(CANCER, a_knn, drawn_but_unused),
}
seed = hp.seed
NEW: dict[str, Cell] = {
    **{
        f"{name}, {n} rows, {way}": held_out(data, model, seed, n, way)
        for name, data, model in (
            ("iris kNN", IRIS, a_knn),
            ("wine SVM", WINE, an_svm),
            ("rare labels kNN", RARE, a_knn),
        )
        for n in (10, 30)
        for way in ("hp.score", "accuracy_score", "bare")
    },
    "cancer tree, log_loss": held_out(CANCER, a_tree, seed, way="log_loss"),
    "wine Bayes, f1, 12 rows": held_out(WINE, a_bayes, seed, 12, "f1"),
    "diabetes ridge": regression(seed),
    "iris kNN, folds": folds(IRIS, a_knn, seed),
    "rare labels kNN, folds": folds(RARE, a_knn, seed),
    "split of numpy's generator": held_out(IRIS, a_knn, lambda: None, 20),
    "tree by hp.seed()": held_out(CANCER, lambda: a_tree(hp.seed()), fixed, 20),
    "forest by hp.seed()": held_out(IRIS, lambda: a_forest(hp.seed()), fixed, 30),
    "forest of numpy's generator": held_out(CANCER, lambda: a_forest(None), fixed, 30),
    "forest of numpy's generator, bare": held_out(
        CANCER, lambda: a_forest(None), fixed, 30, "bare"
    ),
}


def run(cell: Cell, number: int) -> tuple[int, bool]:
    """Return how many re-runs a search made, and whether it said that they repeat its scores."""
    study = search(
        cell, trials=N_TRIALS, sampler="random", seed=number, maximize="value", ui="none",
        name=f"cell_{number}", fresh=True,
    )  # fmt: skip
    is_same = any(isinstance(notice, SameScores) for notice in study.snapshot.notices)
    return len(study.snapshot.reruns), is_same


def main() -> None:
    """Run all cells, and print what was spent on each."""
    warnings.filterwarnings("ignore")
    print("| cell | re-runs | told that they repeat |\n| --- | --- | --- |")
    with threadpool_limits(1):
        for kind, cells in (("the same", SAME), ("new", NEW)):
            found = []
            for number, (name, cell) in enumerate(cells.items()):
                found.append(run(cell, number))
                print(f"| {kind}: {name} | {found[-1][0]} | {'yes' if found[-1][1] else ''} |")
            ones, told = sum(n == 1 for n, _ in found), sum(is_same for _, is_same in found)
            print(f"\n{kind}: {len(found)} cells, one re-run in {ones}, told in {told}\n")


if __name__ == "__main__":
    main()
