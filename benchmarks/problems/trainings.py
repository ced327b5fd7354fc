"""The trainings behind the tables: scikit-learn's models on data that ships with it.

Each takes the active parameters and a seed and returns a loss above 0 on held-out rows. The data
sets are cut to some hundred rows, so that a table of a thousand settings takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import (
    Lasso,
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

__all__ = ["TRAININGS"]

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x_train, x_val, y_train, y_val
Values = dict[str, Any]

# What a training that diverged is said to lose: the largest losses that users see.
DIVERGED = 1e8
# The smallest loss: the surrogates read losses on a log scale.
LEAST = 1e-3


@cache
def _rows(name: str, n_train: int, n_val: int, *, scaled: bool = True) -> Rows:
    x, y = DATA[name]()
    parts = train_test_split(x, y, train_size=n_train, test_size=n_val, random_state=0)
    x_train, x_val, y_train, y_val = parts
    if scaled:
        scaler = StandardScaler().fit(x_train)
        x_train, x_val = scaler.transform(x_train), scaler.transform(x_val)
    if y.dtype.kind == "f":
        mean, std = y_train.mean(), y_train.std()
        y_train, y_val = (y_train - mean) / std, (y_val - mean) / std
    return x_train, x_val, y_train, y_val


def _pair(make: Callable[..., Any], **options: Any) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    def load() -> tuple[np.ndarray, np.ndarray]:
        x, y = make(**options)[:2]
        return x, y

    return load


DATA = {
    "digits": _pair(datasets.load_digits, return_X_y=True),
    "cancer": _pair(datasets.load_breast_cancer, return_X_y=True),
    "diabetes": _pair(datasets.load_diabetes, return_X_y=True),
    "friedman": _pair(datasets.make_friedman1, n_samples=600, noise=1.0, random_state=0),
    "classes": _pair(
        datasets.make_classification,
        n_samples=900,
        n_features=20,
        n_informative=8,
        n_redundant=4,
        n_classes=4,
        flip_y=0.05,
        random_state=0,
    ),
    "wide": _pair(
        datasets.make_regression,
        n_samples=500,
        n_features=20,
        n_informative=6,
        effective_rank=8,
        noise=3.0,
        random_state=0,
    ),
}


def _rmse(model: Any, rows: Rows) -> float:
    x_train, x_val, y_train, y_val = rows
    error = model.fit(x_train, y_train).predict(x_val) - y_val
    return float(np.sqrt(np.mean(np.clip(error, -DIVERGED, DIVERGED) ** 2)))


def _cross_entropy(model: Any, rows: Rows) -> float:
    x_train, x_val, y_train, y_val = rows
    probabilities = model.fit(x_train, y_train).predict_proba(x_val)
    return float(log_loss(y_val, np.clip(probabilities, 1e-4, 1.0), labels=model.classes_))


def _error_rate(model: Any, rows: Rows) -> float:
    x_train, x_val, y_train, y_val = rows
    return float(np.mean(model.fit(x_train, y_train).predict(x_val) != y_val))


def mlp_digits(p: Values, seed: int) -> float:
    """Return the cross-entropy of a small network on digits after a few epochs."""
    return _cross_entropy(_mlp(p, seed), _rows("digits", 500, 500))


def mlp_cancer(p: Values, seed: int) -> float:
    """Return the same on the breast cancer data."""
    return _cross_entropy(_mlp(p, seed), _rows("cancer", 250, 300))


def _mlp(p: Values, seed: int) -> Any:
    return MLPClassifier(
        hidden_layer_sizes=(p["units"],),
        activation=p["activation"],
        alpha=p["alpha"],
        batch_size=p["batch_size"],
        learning_rate_init=p["lr"],
        beta_1=p["beta_1"],
        max_iter=8,
        random_state=seed,
    )


def boost_diabetes(p: Values, seed: int) -> float:
    """Return the error of gradient boosting on the diabetes data."""
    model = HistGradientBoostingRegressor(**p, early_stopping=False, random_state=seed)
    return _rmse(model, _rows("diabetes", 280, 160))


def boost_friedman(p: Values, seed: int) -> float:
    """Return the same on Friedman's first function."""
    model = HistGradientBoostingRegressor(**p, early_stopping=False, random_state=seed)
    return _rmse(model, _rows("friedman", 250, 300))


def svr_friedman(p: Values, seed: int) -> float:
    """Return the error of a support vector regression on Friedman's first function."""
    return _rmse(SVR(**p, max_iter=4_000), _rows("friedman", 250, 300))


def svr_diabetes(p: Values, seed: int) -> float:
    """Return the same on the diabetes data."""
    return _rmse(SVR(**p, max_iter=4_000), _rows("diabetes", 280, 160))


def svr_scales(p: Values, seed: int) -> float:
    """Return the error of a support vector regression whose inputs each have a scale."""
    x_train, x_val, y_train, y_val = _rows("friedman", 250, 300)
    scales = np.array([p[f"scale[{i}]"] for i in range(10)])
    rows = (x_train * scales, x_val * scales, y_train, y_val)
    return _rmse(SVR(C=p["C"], epsilon=p["epsilon"], gamma=1.0, max_iter=4_000), rows)


def sgd_diverges(p: Values, seed: int) -> float:
    """Return the error of a linear regression by stochastic gradients: some steps are too long."""
    model = SGDRegressor(**p, learning_rate="invscaling", tol=None, random_state=seed)
    return _rmse(model, _rows("diabetes", 280, 160))


def forest_noise(p: Values, seed: int) -> float:
    """Return the cross-entropy of a small forest, which its seed moves a good deal."""
    model = ExtraTreesClassifier(**p, random_state=seed)
    return _cross_entropy(model, _rows("classes", 300, 500))


def knn_grid(p: Values, seed: int) -> float:
    """Return the error rate of nearest neighbours behind a scaler and a projection."""
    model = make_pipeline(
        _scaler(p["scaler"]),
        PCA(p["n_components"], svd_solver="full"),
        KNeighborsClassifier(p["n_neighbors"], weights=p["weights"], metric=p["metric"]),
    )
    return _error_rate(model, _rows("digits", 300, 1000, scaled=False))


def svm_grid(p: Values, seed: int) -> float:
    """Return the error rate of a support vector machine on a projection."""
    return _error_rate(_projected_svm(p), _rows("cancer", 200, 350, scaled=False))


def svm_digits(p: Values, seed: int) -> float:
    """Return the same on digits."""
    return _error_rate(_projected_svm(p), _rows("digits", 300, 500, scaled=False))


def _projected_svm(p: Values) -> Any:
    return make_pipeline(
        _scaler(p["scaler"]),
        PCA(p["shrink_to"], svd_solver="full"),
        SVC(
            C=p["C"],
            kernel=p["kernel"],
            gamma=p["gamma"],
            class_weight=None if p["class_weight"] == "none" else "balanced",
            max_iter=2_000,
        ),
    )


def tree_grid(p: Values, seed: int) -> float:
    """Return the error rate of one decision tree."""
    model = DecisionTreeClassifier(**p, random_state=seed)
    return _error_rate(model, _rows("classes", 400, 500))


def tree_digits(p: Values, seed: int) -> float:
    """Return the same on digits."""
    model = DecisionTreeClassifier(**p, random_state=seed)
    return _error_rate(model, _rows("digits", 500, 700))


def svm_kernels(p: Values, seed: int) -> float:
    """Return a regularised hinge of a support vector machine by kernel: a smooth error rate."""
    options = {k: v for k, v in p.items() if k != "scaler"}
    model = make_pipeline(_scaler(p["scaler"]), SVC(**options, max_iter=3_000))
    x_train, x_val, y_train, y_val = _rows("cancer", 200, 350, scaled=False)
    margin = model.fit(x_train, y_train).decision_function(x_val) * (2 * y_val - 1)
    return float(np.mean(np.log1p(np.exp(-np.clip(margin, -50.0, 50.0)))))


def pipeline(p: Values, seed: int) -> float:
    """Return the error of a regression behind a choice of projections."""
    steps: list[Any] = []
    if p["reduce"] == "pca":
        steps.append(PCA(p["n_components"], svd_solver="full"))
    if p["reduce"] == "kbest":
        steps.append(SelectKBest(f_regression, k=p["n_components"]))
    if p["model"] == "ridge":
        steps.append(Ridge(p["alpha"]))
    else:
        options = {k: p[k] for k in ("C", "kernel", "gamma", "degree") if k in p}
        steps.append(SVR(**options, max_iter=4_000))
    return _rmse(make_pipeline(*steps), _rows("wide", 200, 300))


def mlp_layers(p: Values, seed: int) -> float:
    """Return the error of a network with one to three layers."""
    model = MLPRegressor(
        hidden_layer_sizes=tuple(p[f"units[{i}]"] for i in range(p["layers"])),
        activation=p["activation"],
        alpha=p["alpha"],
        batch_size=p["batch_size"],
        learning_rate_init=p["lr"],
        max_iter=10,
        random_state=seed,
    )
    return _rmse(model, _rows("friedman", 250, 300))


def model_family(p: Values, seed: int) -> float:
    """Return the cross-entropy (the hinge for the machine) of one of five kinds of model."""
    rows = _rows("classes", 300, 500)
    return _cross_entropy(_family(p, seed), rows)


def _family(p: Values, seed: int) -> Any:
    match p["model"]:
        case "logistic":
            return LogisticRegression(C=1 / p["penalty"], max_iter=200)
        case "svm":
            from sklearn.calibration import CalibratedClassifierCV

            return CalibratedClassifierCV(
                SVC(C=p["C"], gamma=p["gamma"], max_iter=3_000), ensemble=False, cv=3
            )
        case "knn":
            return KNeighborsClassifier(p["neighbors"], weights=p["weights"])
        case "forest":
            return RandomForestClassifier(
                15,
                max_depth=p["depth"],
                max_features=p["features"],
                min_samples_leaf=p["leaf"],
                random_state=seed,
            )
    return GradientBoostingClassifier(
        learning_rate=p["lr"],
        n_estimators=p["iterations"],
        max_leaf_nodes=p["leaves"],
        max_depth=None,
        max_features=0.3,
        random_state=seed,
    )


def sgd_schedules(p: Values, seed: int) -> float:
    """Return the cross-entropy of a linear classifier by schedule and penalty."""
    options = {k: v for k, v in p.items() if k != "schedule"}
    model = SGDClassifier(
        **options, learning_rate=p["schedule"], max_iter=8, tol=None, random_state=seed
    )
    return _cross_entropy(model, _rows("classes", 400, 500))


def ridge_curve(p: Values, seed: int) -> float:
    """Return the error of a ridge regression on all products of two inputs."""
    model = make_pipeline(PolynomialFeatures(2), Ridge(p["alpha"]))
    return _rmse(model, _rows("friedman", 120, 300))


def feature_mask(p: Values, seed: int) -> float:
    """Return the cross-entropy of a logistic regression on some of the 20 inputs."""
    x_train, x_val, y_train, y_val = _rows("classes", 400, 500, scaled=False)
    used = np.array([p[f"use[{i}]"] for i in range(20)])
    if not used.any():
        return float(np.log(4))  # nothing to learn from: one of four classes
    model = make_pipeline(_scaler(p["scale"]), LogisticRegression(C=p["C"], max_iter=200))
    return _cross_entropy(model, (x_train[:, used], x_val[:, used], y_train, y_val))


def kernel_map(p: Values, seed: int) -> float:
    """Return the error of a regression on an approximation of a kernel's features."""
    steps: list[Any] = []
    size = {"n_components": p.get("n_components"), "gamma": p.get("gamma")}
    if p["map"] == "nystroem":
        steps.append(Nystroem(p["kernel"], random_state=seed, **size))
    if p["map"] == "fourier":
        steps.append(RBFSampler(random_state=seed, **size))
    models = {
        "ridge": lambda: Ridge(p["alpha"]),
        "lasso": lambda: Lasso(p["alpha"], max_iter=500),
        "knn": lambda: KNeighborsRegressor(p["neighbors"]),
    }
    return _rmse(make_pipeline(*steps, models[p["model"]]()), _rows("friedman", 250, 300))


def _scaler(name: str) -> Any:
    scalers = {
        "standard": StandardScaler(),
        "minmax": MinMaxScaler(),
        "quantile": QuantileTransformer(n_quantiles=50),
    }
    return scalers.get(name, "passthrough")


def _bounded(training: Callable[[Values, int], float]) -> Callable[[Values, int], float]:
    def loss(params: Values, seed: int) -> float:
        try:
            value = training(params, seed)
        except ValueError as error:
            if "infinit" not in str(error) and "overflow" not in str(error):
                raise
            return DIVERGED
        return min(max(value, LEAST), DIVERGED) if np.isfinite(value) else DIVERGED

    return loss


TRAININGS = {
    training.__name__: _bounded(training)
    for training in (
        mlp_digits,
        boost_diabetes,
        svr_friedman,
        svr_scales,
        sgd_diverges,
        forest_noise,
        knn_grid,
        svm_grid,
        tree_grid,
        svm_kernels,
        pipeline,
        mlp_layers,
        model_family,
        sgd_schedules,
        mlp_cancer,
        boost_friedman,
        svr_diabetes,
        svm_digits,
        tree_digits,
        ridge_curve,
        feature_mask,
        kernel_map,
    )
}
