"""The problems of `benchmarks.honesty`: small data, models with their ranges, and metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn import (
    datasets,
    ensemble,
    kernel_approximation,
    linear_model,
    metrics,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.pipeline import make_pipeline

from hpo_magic import hp

Model = Callable[[], Any]
# Metrics that are no means over rows: scikit-learn's function, and what it is given. A cell calls
# it, and says nothing of rows.
OTHERS: dict[str, tuple[Callable[..., float], str]] = {
    "AUC": (metrics.roc_auc_score, "chance"),
    "average precision": (metrics.average_precision_score, "chance"),
    "F1": (metrics.f1_score, "label"),
    "macro F1": (partial(metrics.f1_score, average="macro"), "label"),
    "RMSE": (metrics.root_mean_squared_error, "number"),
}
LOSS_METRICS = ("mae", "mse", "log_loss", "RMSE")


@dataclass(frozen=True)
class Problem:
    """A model with its ranges, and a data set of which `n_pool` rows are searched."""

    name: str
    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    model: Model
    n_pool: int
    metric: str = "accuracy"
    knows_rows: bool = True  # else the cell returns a bare number

    @property
    def is_of_classes(self) -> bool:
        """Whether classes are predicted, or their probabilities."""
        return self.metric not in ("mae", "mse", "RMSE")

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return -1.0 if self.metric in LOSS_METRICS else 1.0


def a_tree() -> Any:
    """Return a decision tree."""
    return tree.DecisionTreeClassifier(
        max_depth=hp.Int("depth", 1, 12),
        min_samples_leaf=hp.Int("leaf", 1, 15),
        max_features=hp.Float("features", 0.1, 1.0),
        random_state=hp.seed(),
    )


def a_forest() -> Any:
    """Return a few randomized trees."""
    return ensemble.ExtraTreesClassifier(
        n_estimators=8,
        max_depth=hp.Int("depth", 2, 12),
        min_samples_leaf=hp.Int("leaf", 1, 8),
        max_features=hp.Float("features", 0.05, 1.0),
        random_state=hp.seed(),
    )


def an_svm() -> Any:
    """Return a support vector machine."""
    gamma = hp.Float("gamma", 1e-4, 1.0, sampling="log")
    return svm.SVC(C=hp.Float("C", 1e-2, 1e3, sampling="log"), gamma=gamma)


def neighbours() -> Any:
    """Return nearest neighbours."""
    return neighbors.KNeighborsClassifier(
        n_neighbors=hp.Int("k", 1, 25),
        weights=hp.Choice("weights", ["uniform", "distance"]),
        p=hp.Float("p", 1.0, 4.0),
    )


def a_network() -> Any:
    """Return a small network."""
    return neural_network.MLPClassifier(
        hidden_layer_sizes=(hp.Int("units", 4, 64, sampling="log"),),
        alpha=hp.Float("alpha", 1e-5, 10.0, sampling="log"),
        learning_rate_init=hp.Float("lr", 1e-3, 1e-1, sampling="log"),
        max_iter=40,
        n_iter_no_change=40,
        random_state=hp.seed(),
    )


def a_regression() -> Any:
    """Return linear regression with both penalties."""
    return linear_model.ElasticNet(
        alpha=hp.Float("alpha", 1e-3, 1.0, sampling="log"), l1_ratio=hp.Float("l1", 0.05, 1.0)
    )


def a_regression_tree() -> Any:
    """Return a regression tree."""
    return tree.DecisionTreeRegressor(
        max_depth=hp.Int("depth", 1, 8),
        min_samples_leaf=hp.Int("leaf", 1, 20),
        random_state=hp.seed(),
    )


def regression_by_neighbours() -> Any:
    """Return nearest neighbours for a regression."""
    return neighbors.KNeighborsRegressor(
        n_neighbors=hp.Int("k", 1, 25),
        weights=hp.Choice("weights", ["uniform", "distance"]),
        p=hp.Float("p", 1.0, 4.0),
    )


def a_sure_svm() -> Any:
    """Return logistic regression on random features, which is sure of itself where C is large."""
    gamma = hp.Float("gamma", 1e-3, 1.0, sampling="log")
    return make_pipeline(
        kernel_approximation.RBFSampler(gamma=gamma, n_components=40, random_state=hp.seed()),
        linear_model.LogisticRegression(C=hp.Float("C", 1e-2, 1e2, sampling="log"), max_iter=500),
    )


def sure_neighbours() -> Any:
    """Return nearest neighbours, of which few may all be of one class."""
    return neighbors.KNeighborsClassifier(
        hp.Int("k", 1, 25), weights=hp.Choice("weights", ["uniform", "distance"])
    )


def a_logistic_regression() -> Any:
    """Return logistic regression, which is sure of itself where C is large."""
    return linear_model.LogisticRegression(C=hp.Float("C", 1e-3, 1e4, sampling="log"), max_iter=500)


def boosted_trees() -> Any:
    """Return boosted trees, which are sure of themselves where they learn fast."""
    return ensemble.GradientBoostingClassifier(
        n_estimators=hp.Int("n", 5, 40),
        learning_rate=hp.Float("lr", 0.05, 1.0),
        max_depth=hp.Int("d", 1, 4),
        random_state=hp.seed(),
    )


def a_naive_bayes() -> Any:
    """Return naive Bayes, which is sure of itself in most cases."""
    return naive_bayes.GaussianNB(var_smoothing=hp.Float("s", 1e-9, 1.0, sampling="log"))


def made_up() -> tuple[np.ndarray, np.ndarray]:
    """Return two classes of which 5% of the rows are labelled at random."""
    return datasets.make_classification(1_500, 8, n_informative=4, flip_y=0.05, random_state=1)


def friedman() -> tuple[np.ndarray, np.ndarray]:
    """Return Friedman's first regression with noise; errors count in standard deviations."""
    x, y = datasets.make_friedman1(1_120, n_features=8, noise=1.0, random_state=0)
    return x, (y - y.mean()) / y.std()


def many_progressed() -> tuple[np.ndarray, np.ndarray]:
    """Return the diabetes data with the question whether it progressed more than in most."""
    x, y = datasets.load_diabetes(return_X_y=True)
    return x, (y > np.median(y)).astype(int)


def progression() -> tuple[np.ndarray, np.ndarray]:
    """Return the diabetes data; errors count in standard deviations of the progression."""
    x, y = datasets.load_diabetes(return_X_y=True)
    return x, (y - y.mean()) / y.std()


def noise() -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose labels have nothing to do with them: every setting is right half the time.

    New ones at each call, as the luck of one table would be that of all repeats.
    """
    rng = np.random.default_rng()
    return rng.standard_normal((1_120, 5)), rng.integers(0, 2, 1_120)


def one_in_eight() -> tuple[np.ndarray, np.ndarray]:
    """Return two classes, one of which has an eighth of the rows."""
    return datasets.make_classification(
        2_000, 8, n_informative=4, weights=[0.88], flip_y=0.02, class_sep=0.8, random_state=2
    )


def loaded(load: Callable[..., Any]) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """Return what loads one of scikit-learn's data sets."""
    return lambda: load(return_X_y=True)


PROBLEMS = (
    Problem("digits, tree", loaded(datasets.load_digits), a_tree, 200),
    Problem("digits, SVM", loaded(datasets.load_digits), an_svm, 120),
    Problem("breast cancer, tree", loaded(datasets.load_breast_cancer), a_tree, 100),
    Problem("breast cancer, network", loaded(datasets.load_breast_cancer), a_network, 100),
    Problem("wine, forest", loaded(datasets.load_wine), a_forest, 70),
    Problem("iris, neighbours", loaded(datasets.load_iris), neighbours, 60),
    Problem("diabetes halves, neighbours", many_progressed, neighbours, 120),
    Problem("diabetes, elastic net (mae)", progression, a_regression, 120, "mae"),
)
# Losses, whose rows are anything but shares: the interval's coverage is what is asked here.
LOSSES = (
    Problem("diabetes, elastic net (mae)", progression, a_regression, 120, "mae"),
    Problem("diabetes, tree (mse)", progression, a_regression_tree, 120, "mse"),
    Problem("friedman, neighbours (mae)", friedman, regression_by_neighbours, 120, "mae"),
    Problem("digits, network (log_loss)", loaded(datasets.load_digits), a_network, 150, "log_loss"),
    Problem(
        "cancer, forest (log_loss)", loaded(datasets.load_breast_cancer), a_forest, 100, "log_loss"
    ),
    Problem("diabetes halves, SVM (log_loss)", many_progressed, a_sure_svm, 120, "log_loss"),
)
# Log-losses that no rule was chosen on: whether an interval is withheld where it would not hold.
LOG_LOSSES = (
    Problem(
        "cancer, neighbours", loaded(datasets.load_breast_cancer), sure_neighbours, 100, "log_loss"
    ),
    Problem("wine, forest", loaded(datasets.load_wine), a_forest, 70, "log_loss"),
    Problem("digits, tree", loaded(datasets.load_digits), a_tree, 200, "log_loss"),
    Problem("made up, forest", made_up, a_forest, 160, "log_loss"),
    Problem(
        "cancer, logistic", loaded(datasets.load_breast_cancer), a_logistic_regression, 100,
        "log_loss",
    ),
    Problem("made up, boosting", made_up, boosted_trees, 160, "log_loss"),
    Problem("made up, network", made_up, a_network, 160, "log_loss"),
    Problem(
        "cancer, naive Bayes", loaded(datasets.load_breast_cancer), a_naive_bayes, 100, "log_loss"
    ),
)  # fmt: skip
# Metrics that are no means over rows, whose rows are told to first order.
OTHER_PROBLEMS = (
    Problem("cancer, tree (AUC)", loaded(datasets.load_breast_cancer), a_tree, 100, "AUC"),
    Problem("diabetes halves, neighbours (AUC)", many_progressed, neighbours, 120, "AUC"),
    Problem("one in eight, forest (AUC)", one_in_eight, a_forest, 200, "AUC"),
    Problem(
        "one in eight, forest (average precision)", one_in_eight, a_forest, 200,
        "average precision",
    ),
    Problem("one in eight, tree (F1)", one_in_eight, a_tree, 200, "F1"),
    Problem("diabetes halves, tree (F1)", many_progressed, a_tree, 120, "F1"),
    Problem("digits, tree (macro F1)", loaded(datasets.load_digits), a_tree, 200, "macro F1"),
    Problem("friedman, neighbours (RMSE)", friedman, regression_by_neighbours, 120, "RMSE"),
)  # fmt: skip
# Not among the eight: labels of noise, where all that is seen is luck.
NOISE = (
    Problem("noise, rows known", noise, neighbours, 120),
    Problem("noise, scores only", noise, neighbours, 120, knows_rows=False),
)
