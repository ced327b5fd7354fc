"""Trainings whose curves mostly keep their order: recurrent and convolutional networks, trees.

As `curve_trainings`, on data that ships with scikit-learn or is made here. PyTorch and LightGBM are
needed to record them, not to search them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split

from benchmarks.problems.curve_trainings import (
    Curve,
    CurveTraining,
    Values,
    _ordered,
    _space,
    _unordered,
)
from hpo_magic.core.trial import Direction

__all__ = ["NETWORK_TRAININGS"]

N_EPOCHS = 27


@cache
def _images() -> tuple[Any, ...]:
    """Return digits as images, (n, 8, 8) in [0, 1]."""
    x, y = datasets.load_digits(return_X_y=True)
    images = (x / 16.0).reshape(-1, 8, 8).astype(np.float32)
    parts = train_test_split(images, y, train_size=500, test_size=900, random_state=0)
    return tuple(parts)


@cache
def _waves() -> tuple[Any, ...]:
    """Return noisy sums of two waves, (n, 24, 1), and the next value of each, (n,)."""
    rng = np.random.default_rng(0)
    t = np.arange(25)
    periods = rng.uniform(3, 12, size=(900, 2, 1))
    phases = rng.uniform(0, 2 * np.pi, size=(900, 2, 1))
    waves = np.sin(2 * np.pi * t / periods + phases).sum(axis=1)
    seen = waves + 0.15 * rng.standard_normal(waves.shape)
    x, y = seen[:, :24, None].astype(np.float32), waves[:, 24].astype(np.float32)
    return x[:400], x[400:], y[:400], y[400:]


def _factor(schedule: str, done: float) -> float:
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * done)) + 1e-3
    return min(1.0, 0.1 + 4.0 * done) * (1.0 - done) + 1e-3 if schedule == "one-cycle" else 1.0


def _network(model: Any, rows: tuple[Any, ...], p: Values, *, is_classes: bool) -> Curve:
    """Yield the validation loss of a network that is trained with Adam, epoch by epoch."""
    import torch

    x_train, x_val, y_train, y_val = map(torch.as_tensor, rows)
    loss_of = torch.nn.CrossEntropyLoss() if is_classes else torch.nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=p["lr"], weight_decay=p["decay"])
    order = torch.Generator().manual_seed(0)
    for epoch in range(N_EPOCHS):
        for group in optimizer.param_groups:
            group["lr"] = p["lr"] * _factor(p.get("schedule", "constant"), epoch / N_EPOCHS)
        model.train()
        for batch in torch.randperm(len(x_train), generator=order).split(p["batch_size"]):
            optimizer.zero_grad()
            loss_of(model(x_train[batch]), y_train[batch]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            yield float(loss_of(model(x_val), y_val))


def _recurrent(cell: str, n_inputs: int, n_outputs: int, p: Values) -> Any:
    import torch

    torch.manual_seed(0)

    class Last(torch.nn.Module):  # type: ignore[misc]
        """A recurrent layer whose last state is mapped to the outputs."""

        def __init__(self) -> None:
            super().__init__()
            kind = torch.nn.GRU if cell == "gru" else torch.nn.LSTM
            self.layer = kind(n_inputs, p["units"], batch_first=True)
            self.dropout = torch.nn.Dropout(p["dropout"])
            self.out = torch.nn.Linear(p["units"], n_outputs)

        def forward(self, x: Any) -> Any:
            found = self.out(self.dropout(self.layer(x)[0][:, -1]))
            return found[:, 0] if n_outputs == 1 else found

    return Last()


def gru_digits(p: Values) -> Curve:
    """Yield the cross-entropy of a recurrent network that reads digits row by row."""
    return _network(_recurrent("gru", 8, 10, p), _images(), p, is_classes=True)


def lstm_waves(p: Values) -> Curve:
    """Yield the squared error of a recurrent network that continues waves, with schedules."""
    return _network(_recurrent("lstm", 1, 1, p), _waves(), p, is_classes=False)


def conv_digits(p: Values) -> Curve:
    """Yield the cross-entropy of a convolutional network on digits, with schedules."""
    import torch

    torch.manual_seed(0)
    n, nn = p["channels"], torch.nn
    model = nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Conv2d(1, n, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(n, 2 * n, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(p["dropout"]),
        nn.Linear(32 * n, 10),
    )
    return _network(model, _images(), p, is_classes=True)


def leaves_digits(p: Values) -> Curve:
    """Yield the cross-entropy of LightGBM on digits, tree by tree."""
    import lightgbm

    x_train, x_val, y_train, y_val = _images()
    x_train, x_val = x_train.reshape(len(x_train), -1), x_val.reshape(len(x_val), -1)
    measured: dict[str, Any] = {}
    model = lightgbm.LGBMClassifier(
        **p, n_estimators=40, subsample_freq=1, random_state=0, n_jobs=1, verbose=-1
    )
    record = lightgbm.record_evaluation(measured)
    model.fit(x_train, y_train, eval_set=[(x_val, y_val)], callbacks=[record])
    yield from measured["valid_0"]["multi_logloss"]


def _training(space: Any, train: Callable[[Values], Curve], n_epochs: int = N_EPOCHS) -> Any:
    return CurveTraining(space, n_epochs, Direction.MINIMIZE, train)


NETWORK_TRAININGS = {
    "gru_digits": _training(
        _space(
            _ordered("lr", 1e-3, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
            _ordered("units", 32, 8, 32, 96),
            _ordered("dropout", 0.0, 0.0, 0.25, 0.5),
            _ordered("decay", 1e-3, 1e-3, 1e-2, 1e-1),
            _ordered("batch_size", 64, 64),
        ),
        gru_digits,
    ),
    "lstm_waves": _training(
        _space(
            _ordered("lr", 1e-3, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
            _ordered("units", 16, 8, 16, 48),
            _ordered("dropout", 0.0, 0.0, 0.3),
            _ordered("decay", 1e-3, 1e-3, 1e-1),
            _unordered("schedule", "constant", "cosine", "one-cycle"),
            _ordered("batch_size", 32, 32),
        ),
        lstm_waves,
    ),
    "conv_digits": _training(
        _space(
            _ordered("lr", 1e-3, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1),
            _ordered("channels", 8, 4, 8, 16),
            _ordered("dropout", 0.0, 0.0, 0.3, 0.6),
            _ordered("decay", 1e-3, 1e-3, 1e-1),
            _unordered("schedule", "constant", "one-cycle"),
            _ordered("batch_size", 32, 32),
        ),
        conv_digits,
    ),
    "leaves_digits": _training(
        _space(
            _ordered("learning_rate", 0.1, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5),
            _ordered("num_leaves", 15, 4, 8, 15, 31),
            _ordered("subsample", 1.0, 0.4, 0.7, 1.0),
            _ordered("colsample_bytree", 1.0, 0.3, 1.0),
            _ordered("min_child_samples", 20, 5, 20),
        ),
        leaves_digits,
        40,
    ),
}
