"""Trainings whose every epoch is measured: scikit-learn's models on data that ships with it.

Each takes a setting and yields the validation score epoch by epoch. Between them they have what
makes pruning easy and what makes it wrong: curves in the order of their ends, schedules that start
badly and end well, small steps that overtake large ones, and models that are best early.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from hpo_magic.core.domains import Choice, FloatArray, Plain
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction

__all__ = ["CURVE_TRAININGS", "CurveTraining"]

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # x_train, x_val, y_train, y_val
Values = dict[str, Any]
Curve = Iterator[float]

# What a training that diverged is said to lose.
DIVERGED = 1e4


@dataclass(frozen=True)
class CurveTraining:
    """A training, and the grid of settings that are recorded: every one of `space`.

    `together`, if there is one, trains all settings side by side: shape (n_settings, n_epochs).
    """

    space: Space
    n_epochs: int
    direction: Direction
    train: Callable[[Values], Curve]
    together: Callable[[Sequence[Values]], FloatArray] | None = None


def _ordered(name: str, default: float, *values: float) -> Parameter:
    return Parameter(name, Choice(values, ordered=True), default)


def _unordered(name: str, *values: Plain) -> Parameter:
    """Return a choice whose first value is the default."""
    return Parameter(name, Choice(values, ordered=False), values[0])


def _space(*parameters: Parameter) -> Space:
    return Space({parameter.name: parameter for parameter in parameters})


@cache
def _rows(name: str, n_train: int, n_val: int, flipped: float = 0.0) -> Rows:
    """Return scaled rows; of the training labels a share `flipped` is drawn anew."""
    x, y = DATA[name]()
    parts = train_test_split(x, y, train_size=n_train, test_size=n_val, random_state=0)
    x_train, x_val, y_train, y_val = parts
    scaler = StandardScaler().fit(x_train)
    if y.dtype.kind == "f":
        mean, std = y_train.mean(), y_train.std()
        y_train, y_val = (y_train - mean) / std, (y_val - mean) / std
    rng = np.random.default_rng(0)
    drawn = rng.permutation(y_train)
    y_train = np.where(rng.random(len(y_train)) < flipped, drawn, y_train)
    return scaler.transform(x_train), scaler.transform(x_val), y_train, y_val


DATA: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True),
}


def _cross_entropy(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    return float(log_loss(y, np.clip(model.predict_proba(x), 1e-4, 1.0), labels=model.classes_))


def _rmse(told: np.ndarray, y: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.clip(told - y, -DIVERGED, DIVERGED) ** 2)))


def mlp_digits(p: Values) -> Curve:
    """Yield the cross-entropy of a network on digits."""
    x_train, x_val, y_train, y_val = _rows("digits", 300, 500)
    model = MLPClassifier(
        hidden_layer_sizes=(p["units"],),
        activation=p["activation"],
        alpha=p["alpha"],
        batch_size=p["batch_size"],
        learning_rate_init=p["lr"],
        random_state=0,
    )
    while True:
        model.partial_fit(x_train, y_train, classes=np.arange(10))
        yield _cross_entropy(model, x_val, y_val)


def mlp_noisy(p: Values) -> Curve:
    """Yield the accuracy of a network on digits with wrong labels, which it learns by heart."""
    x_train, x_val, y_train, y_val = _rows("digits", 300, 700, 0.3)
    model = MLPClassifier(
        hidden_layer_sizes=(p["units"],),
        activation="relu",
        alpha=p["alpha"],
        batch_size=p["batch_size"],
        learning_rate_init=p["lr"],
        random_state=0,
    )
    while True:
        model.partial_fit(x_train, y_train, classes=np.arange(10))
        yield float(model.score(x_val, y_val))


def sgd_schedule(p: Values) -> Curve:
    """Yield the cross-entropy of a kernel machine by SGD: with long steps that decay wins late."""
    x_train, x_val, y_train, y_val = _rows("cancer", 250, 300, 0.2)
    features = RBFSampler(gamma=p["gamma"], n_components=100, random_state=0).fit(x_train)
    x_train, x_val = features.transform(x_train) * 4, features.transform(x_val) * 4
    model = SGDClassifier(
        loss="log_loss", alpha=p["alpha"], learning_rate="constant", eta0=p["lr"], random_state=0
    )
    for epoch in range(30):
        model.set_params(eta0=p["lr"] * SCHEDULES[p["schedule"]](epoch / 30))
        model.partial_fit(x_train, y_train, classes=np.arange(2))
        yield _cross_entropy(model, x_val, y_val)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)) + 1e-3,
    "late drop": lambda done: 1.0 if done < 0.6 else 0.03,
    "warm-up": lambda done: min(1.0, 0.02 + 2.0 * done) * (1.02 - done),
}


def boost_diabetes(p: Values) -> Curve:
    """Yield the error of gradient boosting: short steps start last."""
    x_train, x_val, y_train, y_val = _rows("diabetes", 280, 160)
    model = GradientBoostingRegressor(**p, n_estimators=50, random_state=0).fit(x_train, y_train)
    for told in model.staged_predict(x_val):
        yield _rmse(told, y_val)


def boost_noisy(p: Values) -> Curve:
    """Yield the cross-entropy of boosting on wrong labels: long steps are best early and lose."""
    x_train, x_val, y_train, y_val = _rows("cancer", 250, 300, 0.3)
    model = GradientBoostingClassifier(**p, n_estimators=40, random_state=0).fit(x_train, y_train)
    for told in model.staged_predict_proba(x_val):
        yield float(log_loss(y_val, np.clip(told, 1e-4, 1.0)))


def mlp_diabetes(p: Values) -> Curve:
    """Yield the error of a network that plain gradient steps with momentum train."""
    x_train, x_val, y_train, y_val = _rows("diabetes", 250, 190)
    model = MLPRegressor(
        hidden_layer_sizes=(p["units"],),
        activation=p["activation"],
        solver="sgd",
        alpha=p["alpha"],
        batch_size=50,
        learning_rate_init=p["lr"],
        momentum=p["momentum"],
        random_state=0,
    )
    while True:
        model.partial_fit(x_train, y_train)
        yield _rmse(model.predict(x_val), y_val)


CURVE_TRAININGS = {
    "mlp_digits": CurveTraining(
        _space(
            _ordered("lr", 1e-3, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
            _ordered("units", 32, 8, 32, 128),
            _ordered("batch_size", 64, 30, 64, 150),
            _ordered("alpha", 1e-4, 1e-4, 1e-1, 1.0),
            _unordered("activation", "relu", "tanh"),
        ),
        27,
        Direction.MINIMIZE,
        mlp_digits,
    ),
    "mlp_noisy": CurveTraining(
        _space(
            _ordered("lr", 1e-3, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
            _ordered("units", 64, 16, 32, 64, 128),
            _ordered("batch_size", 50, 20, 50, 150),
            _ordered("alpha", 1e-4, 1e-4, 1e-1, 1.0, 10.0),
        ),
        32,
        Direction.MAXIMIZE,
        mlp_noisy,
    ),
    "sgd_schedule": CurveTraining(
        _space(
            _ordered("lr", 0.01, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0),
            _unordered("schedule", *SCHEDULES),
            _ordered("alpha", 1e-4, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2),
            _ordered("gamma", 1e-2, 1e-3, 1e-2),
        ),
        30,
        Direction.MINIMIZE,
        sgd_schedule,
    ),
    "boost_diabetes": CurveTraining(
        _space(
            _ordered("learning_rate", 0.1, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.5),
            _ordered("max_depth", 3, 1, 2, 3, 5),
            _ordered("subsample", 1.0, 0.3, 0.6, 1.0),
            _ordered("min_samples_leaf", 1, 1, 8, 30),
            _ordered("max_features", 1.0, 0.2, 1.0),
        ),
        50,
        Direction.MINIMIZE,
        boost_diabetes,
    ),
    "boost_noisy": CurveTraining(
        _space(
            _ordered("learning_rate", 0.1, 0.01, 0.02, 0.04, 0.07, 0.1, 0.2, 0.5, 1.0),
            _ordered("max_depth", 2, 1, 2, 4),
            _ordered("subsample", 1.0, 0.3, 0.6, 1.0),
            _ordered("min_samples_leaf", 1, 1, 20),
            _ordered("max_features", 0.5, 0.1, 0.5),
        ),
        40,
        Direction.MINIMIZE,
        boost_noisy,
    ),
    "mlp_diabetes": CurveTraining(
        _space(
            _ordered("lr", 1e-2, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
            _ordered("units", 16, 4, 16, 64),
            _ordered("alpha", 1e-4, 1e-4, 1.0, 10.0),
            _ordered("momentum", 0.7, 0.0, 0.7, 0.95),
            _unordered("activation", "relu", "tanh"),
        ),
        36,
        Direction.MINIMIZE,
        mlp_diabetes,
    ),
}


def trained(training: CurveTraining, params: Values) -> np.ndarray:
    """Return the curve of one setting, shape (n_epochs,); what diverged stays at `DIVERGED`."""
    sign = training.direction.sign
    curve = np.full(training.n_epochs, DIVERGED * sign)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            for epoch, value in zip(range(training.n_epochs), training.train(params), strict=False):
                curve[epoch] = value if np.isfinite(value) else DIVERGED * sign
        except ValueError as error:
            if "infinit" not in str(error) and "overflow" not in str(error):
                raise
    return np.clip(curve, -DIVERGED, DIVERGED)
