"""The spaces of the problems: what a user of each model would search, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain
from hpo_magic.core.space import Parameter, Space

__all__ = ["DEFINITIONS", "Definition"]

Scopes = tuple[tuple[str, tuple[Plain, ...]], ...]


@dataclass(frozen=True)
class Definition:
    """How a problem is recorded and read.

    `reader` says how a table becomes a function: "grid" looks settings up, "forest" and "networks"
    fit a model to it. `is_declared`: whether the sampler is told the conditions. `n_settings` are
    trained, each with `n_seeds` seeds; a grid has them all.
    """

    name: str
    space: Space
    reader: str
    kind: str
    n_settings: int = 0
    n_seeds: int = 1
    is_declared: bool = True


def _space(*parameters: Parameter) -> Space:
    return Space({parameter.name: parameter for parameter in parameters})


def _float(name: str, low: float, high: float, default: float, *, log: bool = False) -> Parameter:
    return Parameter(name, Float(low, high, log=log), default)


def _int(name: str, low: int, high: int, default: int, *, log: bool = False) -> Parameter:
    return Parameter(name, Int(low, high, log=log), default)


def _choice(name: str, *values: Plain) -> Parameter:
    """Return a choice whose first value is the default; one among numbers is ordered."""
    is_ordered = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    domain: Domain = Choice(values, ordered=False)
    if is_ordered:
        domain = Choice(tuple(sorted(values, key=float)), ordered=True)  # type: ignore[arg-type]
    return Parameter(name, domain, values[0])


def _where(conditions: Mapping[str, tuple[Plain, ...]], *parameters: Parameter) -> list[Parameter]:
    scopes: Scopes = tuple(conditions.items())
    return [replace(p, scopes=scopes + p.scopes) for p in parameters]


MLP_DIGITS = _space(
    _float("lr", 1e-4, 1e-1, 1e-3, log=True),
    _float("alpha", 1e-6, 1.0, 1e-4, log=True),
    _int("units", 8, 128, 32, log=True),
    _int("batch_size", 16, 256, 64, log=True),
    _choice("activation", "relu", "tanh", "logistic"),
    _float("beta_1", 0.5, 0.99, 0.9),
)

BOOST_DIABETES = _space(
    _float("learning_rate", 0.01, 1.0, 0.1, log=True),
    _int("max_iter", 10, 120, 100),
    _int("max_leaf_nodes", 2, 64, 31, log=True),
    _int("min_samples_leaf", 1, 60, 20),
    _float("l2_regularization", 1e-4, 100.0, 1e-4, log=True),
    _float("max_features", 0.1, 1.0, 1.0),
    _int("max_bins", 8, 255, 255, log=True),
)

SVR_FRIEDMAN = _space(
    _float("C", 1e-2, 1e4, 1.0, log=True),
    _float("gamma", 1e-4, 10.0, 0.1, log=True),
    _float("epsilon", 1e-3, 1.0, 0.1, log=True),
)

SVR_SCALES = _space(
    _float("C", 1e-1, 1e4, 1.0, log=True),
    _float("epsilon", 1e-3, 1.0, 0.1, log=True),
    *(_float(f"scale[{i}]", 0.01, 3.0, 1.0, log=True) for i in range(10)),
)

SGD_CURVES = _space(
    _float("eta0", 1e-5, 1.0, 1e-2, log=True),
    _float("alpha", 1e-7, 1.0, 1e-4, log=True),
    _float("power_t", 0.0, 1.0, 0.25),
    _int("max_iter", 1, 60, 10, log=True),
    _choice("loss", "squared_error", "huber", "epsilon_insensitive"),
)

FOREST_NOISE = _space(
    _int("n_estimators", 2, 30, 20),
    _int("max_depth", 1, 16, 16),
    _int("min_samples_split", 2, 40, 2, log=True),
    _int("min_samples_leaf", 1, 20, 1, log=True),
    _float("max_features", 0.05, 1.0, 0.3),
    _choice("criterion", "gini", "entropy"),
    _choice("bootstrap", True, False),
)

KNN_GRID = _space(
    _choice("scaler", "none", "standard", "minmax", "quantile"),
    _choice("n_components", 32, 2, 4, 8, 16, 48),
    _choice("n_neighbors", 5, 1, 2, 3, 4, 7, 10, 15),
    _choice("weights", "uniform", "distance"),
    _choice("metric", "euclidean", "manhattan", "chebyshev", "cosine"),
)

SVM_GRID = _space(
    _choice("scaler", "none", "standard", "minmax"),
    _choice("kernel", "rbf", "poly", "sigmoid", "linear"),
    _choice("C", 1.0, 0.01, 0.1, 10.0, 100.0, 1000.0),
    _choice("gamma", 0.01, 1e-4, 1e-3, 0.1, 1.0),
    _choice("class_weight", "none", "balanced"),
    _choice("shrink_to", 30, 5, 10, 20),
)

TREE_GRID = _space(
    _choice("criterion", "gini", "entropy"),
    _choice("splitter", "best", "random"),
    _choice("max_depth", 16, 2, 3, 4, 6, 8, 12),
    _choice("min_samples_leaf", 1, 2, 4, 8, 16, 32),
    _choice("max_features", 1.0, 0.1, 0.25, 0.5),
    _choice("ccp_alpha", 0.0, 0.001, 0.003, 0.01, 0.03),
)

SVM_KERNELS = _space(
    _choice("kernel", "rbf", "linear", "poly", "sigmoid"),
    _float("C", 1e-3, 1e3, 1.0, log=True),
    *_where({"kernel": ("rbf", "poly", "sigmoid")}, _float("gamma", 1e-5, 1.0, 1.0 / 30, log=True)),
    *_where({"kernel": ("poly",)}, _int("degree", 2, 6, 3)),
    *_where({"kernel": ("poly", "sigmoid")}, _float("coef0", 0.0, 3.0, 0.0)),
    _choice("scaler", "standard", "minmax", "none"),
)

MLP_LAYERS = _space(
    _int("layers", 1, 3, 1),
    _int("units[0]", 4, 128, 32, log=True),
    *_where({"layers": (2, 3)}, _int("units[1]", 4, 128, 32, log=True)),
    *_where({"layers": (3,)}, _int("units[2]", 4, 128, 32, log=True)),
    _float("lr", 1e-4, 1e-1, 1e-3, log=True),
    _float("alpha", 1e-6, 10.0, 1e-4, log=True),
    _choice("activation", "relu", "tanh", "logistic"),
    _int("batch_size", 16, 128, 64, log=True),
)

MODEL_FAMILY = _space(
    _choice("model", "logistic", "svm", "knn", "forest", "boosting"),
    *_where({"model": ("logistic",)}, _float("penalty", 1e-4, 1e3, 1.0, log=True)),
    *_where(
        {"model": ("svm",)},
        _float("C", 1e-2, 1e3, 1.0, log=True),
        _float("gamma", 1e-4, 1.0, 0.05, log=True),
    ),
    *_where(
        {"model": ("knn",)}, _int("neighbors", 1, 40, 5), _choice("weights", "uniform", "distance")
    ),
    *_where(
        {"model": ("forest",)},
        _int("depth", 1, 16, 16),
        _float("features", 0.05, 1.0, 0.3),
        _int("leaf", 1, 20, 1, log=True),
    ),
    *_where(
        {"model": ("boosting",)},
        _float("lr", 0.01, 1.0, 0.1, log=True),
        _int("iterations", 5, 30, 20),
        _int("leaves", 2, 32, 8, log=True),
    ),
)

PIPELINE = _space(
    _choice("reduce", "none", "pca", "kbest"),
    *_where({"reduce": ("pca", "kbest")}, _int("n_components", 1, 20, 10)),
    _choice("model", "ridge", "svr"),
    *_where({"model": ("ridge",)}, _float("alpha", 1e-3, 1e4, 1.0, log=True)),
    *_where(
        {"model": ("svr",)},
        _float("C", 1e-1, 1e4, 1.0, log=True),
        _choice("kernel", "rbf", "poly"),
    ),
    *_where({"model": ("svr",), "kernel": ("rbf",)}, _float("gamma", 1e-4, 1.0, 0.05, log=True)),
    *_where({"model": ("svr",), "kernel": ("poly",)}, _int("degree", 2, 5, 3)),
)

SGD_SCHEDULES = _space(
    _choice("schedule", "optimal", "constant", "invscaling", "adaptive"),
    *_where(
        {"schedule": ("constant", "invscaling", "adaptive")},
        _float("eta0", 1e-4, 10.0, 0.01, log=True),
    ),
    *_where({"schedule": ("invscaling",)}, _float("power_t", 0.0, 1.0, 0.5)),
    _choice("penalty", "l2", "l1", "elasticnet"),
    *_where({"penalty": ("elasticnet",)}, _float("l1_ratio", 0.0, 1.0, 0.15)),
    _float("alpha", 1e-6, 1.0, 1e-4, log=True),
    _choice("loss", "log_loss", "modified_huber"),
)

RIDGE_CURVE = _space(_float("alpha", 1e-4, 1e4, 1.0, log=True))

FEATURE_MASK = _space(
    _float("C", 1e-3, 1e3, 1.0, log=True),
    _choice("scale", "standard", "minmax", "none"),
    *(_choice(f"use[{i}]", True, False) for i in range(20)),
)

KERNEL_MAP = _space(
    _choice("map", "none", "nystroem", "fourier"),
    *_where(
        {"map": ("nystroem", "fourier")},
        _int("n_components", 5, 120, 50, log=True),
        _float("gamma", 1e-4, 1.0, 0.1, log=True),
    ),
    *_where({"map": ("nystroem",)}, _choice("kernel", "rbf", "laplacian", "sigmoid")),
    _choice("model", "ridge", "lasso", "knn"),
    *_where({"model": ("ridge", "lasso")}, _float("alpha", 1e-4, 1e2, 1e-2, log=True)),
    *_where({"model": ("knn",)}, _int("neighbors", 1, 40, 5, log=True)),
)

DEFINITIONS = {
    definition.name: definition
    for definition in (
        Definition("mlp_digits", MLP_DIGITS, "networks", "flat", 700),
        Definition("boost_diabetes", BOOST_DIABETES, "forest", "flat", 900),
        Definition("svr_friedman", SVR_FRIEDMAN, "networks", "flat", 1000),
        Definition("svr_scales", SVR_SCALES, "networks", "flat", 2000),
        Definition("sgd_diverges", SGD_CURVES, "networks", "flat", 1500),
        Definition("forest_noise", FOREST_NOISE, "forest", "flat", 600, n_seeds=3),
        Definition("knn_grid", KNN_GRID, "grid", "choices"),
        Definition("svm_grid", SVM_GRID, "grid", "choices"),
        Definition("tree_grid", TREE_GRID, "grid", "choices", n_seeds=3),
        Definition("svm_kernels", SVM_KERNELS, "networks", "conditional", 1500),
        Definition("pipeline", PIPELINE, "forest", "conditional", 1500),
        Definition("mlp_layers", MLP_LAYERS, "networks", "conditional", 600, is_declared=False),
        Definition("model_family", MODEL_FAMILY, "forest", "conditional", 800, is_declared=False),
        Definition(
            "sgd_schedules", SGD_SCHEDULES, "forest", "conditional", 700, 3, is_declared=False
        ),
        # The same spaces on other data: what an older search of one says about
        # the other can be measured on these pairs.
        Definition("mlp_cancer", MLP_DIGITS, "networks", "flat", 600),
        Definition("boost_friedman", BOOST_DIABETES, "forest", "flat", 700),
        Definition("svr_diabetes", SVR_FRIEDMAN, "networks", "flat", 700),
        Definition("svm_digits", SVM_GRID, "grid", "choices"),
        Definition("tree_digits", TREE_GRID, "grid", "choices", n_seeds=3),
        # One parameter; 22 of which some matter; conditions under conditions.
        Definition("ridge_curve", RIDGE_CURVE, "networks", "flat", 200),
        Definition("feature_mask", FEATURE_MASK, "forest", "flat", 1500),
        Definition("kernel_map", KERNEL_MAP, "forest", "conditional", 900, is_declared=False),
    )
}
