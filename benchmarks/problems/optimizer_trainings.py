"""Trainings whose curves keep their order among the best, too: eight parameters of an optimizer.

Each epoch has new rows, and the trainings end long before there is nothing left to learn, so what
leads early mostly leads at the end. The data ships with scikit-learn or is made here. The networks
are small, and all settings of a table are trained side by side: a minute for each. PyTorch is
needed to record them, not to search them.

The parameters are those of the tasks of Metz et al., "Using a thousand optimization tasks to learn
hyperparameter search strategies", arXiv:2002.11887 (2020): Adam, two decays, two penalties.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import sklearn
from sklearn import datasets
from sklearn.ensemble import GradientBoostingRegressor

from benchmarks.problems.curve_trainings import (
    DIVERGED,
    Curve,
    CurveTraining,
    Values,
    _ordered,
    _space,
)
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.trial import Direction

__all__ = ["OPTIMIZER_TRAININGS"]

N_EPOCHS = 27
N_TRAINED = 1400  # digits; the others are held out
LETTERS = " etaoinsrhldcumfpgwybv,.xkjqz\n"  # another character is one more


class Network(Protocol):
    """A network for many settings at once: each weight has an axis of the settings in front."""

    shapes: tuple[tuple[int, ...], ...]
    held_out: Any

    def batch(self, rng: np.random.Generator) -> Any:
        """Return rows to train on."""

    def losses(self, w: Sequence[Any], rows: Any) -> Any:
        """Return the loss of each setting, shape (n_settings,)."""


class NextLetter:
    """A recurrent layer that reads English of scikit-learn and tells each next letter."""

    n_units, n_read, n_rows = 16, 12, 16

    def __init__(self) -> None:
        folder = Path(sklearn.__file__).parent / "datasets" / "descr"
        text = "".join(p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.rst")))
        letters = np.array([LETTERS.find(c) % (len(LETTERS) + 1) for c in text.lower()])
        n, h, k = len(letters) * 4 // 5, self.n_units, len(LETTERS) + 1
        self._train = letters[:n]
        self.held_out = self._read(letters[n:], np.random.default_rng(5), 150)
        self.shapes = ((k, h), (h, h), (h,), (h, k), (k,))

    def _read(self, letters: np.ndarray, rng: np.random.Generator, n: int) -> Any:
        import torch

        at = rng.integers(len(letters) - self.n_read - 1, size=n)
        return torch.as_tensor(letters[at[:, None] + np.arange(self.n_read + 1)])

    def batch(self, rng: np.random.Generator) -> Any:
        """Return places of the text, shape (n_rows, n_read + 1)."""
        return self._read(self._train, rng, self.n_rows)

    def losses(self, w: Sequence[Any], rows: Any) -> Any:
        """Return the mean cross-entropy from the third letter on."""
        import torch

        state, total = torch.zeros(len(w[0]), len(rows), self.n_units), 0.0
        for t in range(self.n_read):
            state = torch.tanh(w[0][:, rows[:, t]] + torch.bmm(state, w[1]) + w[2][:, None])
            if t >= 2:
                out = torch.baddbmm(w[4][:, None], state, w[3])
                total = total + _cross_entropy(out, rows[:, t + 1])
        return total / (self.n_read - 2)


class ShiftedDigits:
    """A convolutional layer (4 x 4, three apart) and a dense one, on digits that are shifted."""

    n_channels, n_rows = 6, 32

    def __init__(self) -> None:
        import torch

        x, y = datasets.load_digits(return_X_y=True)
        self._x, self._y = torch.as_tensor(x.reshape(-1, 8, 8) / 16).float(), torch.as_tensor(y)
        self.held_out = self._patches(self._x[N_TRAINED:]), self._y[N_TRAINED:]
        c = self.n_channels
        self.shapes = ((16, c), (c,), (9 * c, 10), (10,))

    def _patches(self, x: Any) -> Any:
        from torch.nn import functional

        padded = functional.pad(x[:, None], (1, 1, 1, 1))
        return functional.unfold(padded, 4, stride=3).transpose(1, 2)  # (n, 9, 16)

    def batch(self, rng: np.random.Generator) -> Any:
        """Return digits, all shifted by one pixel at most, and what they are."""
        chosen = rng.integers(N_TRAINED, size=self.n_rows)
        down, right = rng.integers(-1, 2, size=2).tolist()
        shifted = self._x[chosen].roll((down, right), (1, 2))
        return self._patches(shifted), self._y[chosen]

    def losses(self, w: Sequence[Any], rows: Any) -> Any:
        """Return the mean cross-entropy."""
        import torch

        (x, y), n = rows, len(w[0])
        seen = torch.baddbmm(w[1][:, None], x.reshape(1, -1, 16).expand(n, -1, -1), w[0])
        hidden = torch.relu(seen).reshape(n, len(x), -1)
        return _cross_entropy(torch.baddbmm(w[3][:, None], hidden, w[2]), y)


class Autoencoder:
    """Digits through twelve units: the mean squared error of what comes out."""

    n_units, n_rows = 12, 32

    def __init__(self) -> None:
        import torch

        x = torch.as_tensor(datasets.load_digits().data / 16).float()
        self._x, self.held_out, h = x[:N_TRAINED], x[N_TRAINED:], self.n_units
        self.shapes = ((64, 3 * h), (3 * h,), (3 * h, h), (h,), (h, 64), (64,))

    def batch(self, rng: np.random.Generator) -> Any:
        """Return digits, shape (n_rows, 64)."""
        return self._x[rng.integers(len(self._x), size=self.n_rows)]

    def losses(self, w: Sequence[Any], rows: Any) -> Any:
        """Return the mean squared error."""
        import torch

        wide = torch.tanh(torch.baddbmm(w[1][:, None], rows.expand(len(w[0]), -1, -1), w[0]))
        narrow = torch.tanh(torch.baddbmm(w[3][:, None], wide, w[2]))
        out = torch.baddbmm(w[5][:, None], narrow, w[4])
        return ((out - rows) ** 2).mean((1, 2))


def _cross_entropy(out: Any, y: Any) -> Any:
    """Return the mean over the rows, shape (n_settings,); `out` is (n_settings, n_rows, n)."""
    import torch

    at = out.gather(-1, y.expand(len(out), -1)[..., None])[..., 0]
    return (torch.logsumexp(out, -1) - at).mean(1)


def _by_adam(make: type[Any], n_batches: int, settings: Sequence[Values]) -> FloatArray:
    """Return the losses on rows held out after each epoch, shape (n_settings, n_epochs)."""
    import torch

    torch.set_num_threads(1)
    network, rng, n = make(), np.random.default_rng(0), len(settings)
    p = {k: torch.tensor([float(s[k]) for s in settings]) for k in settings[0]}
    w = [_drawn(shape, n, rng) for shape in network.shapes]
    first, second = [torch.zeros_like(a) for a in w], [torch.zeros_like(a) for a in w]
    curves, step = [], 0
    for _ in range(N_EPOCHS):
        for _ in range(n_batches):
            losses = network.losses(w, network.batch(rng))
            gradients = torch.autograd.grad(losses.sum(), w)
            done, step = step / (N_EPOCHS * n_batches), step + 1
            lr = p["lr"] * (1 - p["linear_decay"] * done) * torch.exp(-p["exp_decay"] * done)
            with torch.no_grad():
                for a, g, m, v in zip(w, gradients, first, second, strict=True):
                    of = partial(torch.Tensor.reshape, shape=(-1, *[1] * (a.dim() - 1)))
                    g = g + of(p["l1"]) * torch.sign(a) + of(p["l2"]) * a
                    m += of(1 - p["beta1"]) * (g - m)
                    v += of(1 - p["beta2"]) * (g * g - v)
                    by_m, by_v = of(1 - p["beta1"] ** step), of(1 - p["beta2"] ** step)
                    a -= of(lr) * (m / by_m) / ((v / by_v).sqrt() + of(p["epsilon"]))
        with torch.no_grad():
            curves.append(network.losses(w, network.held_out).numpy())
    return np.nan_to_num(np.array(curves).T, nan=DIVERGED, posinf=DIVERGED)


def _drawn(shape: tuple[int, ...], n: int, rng: np.random.Generator) -> Any:
    """Return the same first weights for each of `n` settings."""
    import torch

    drawn = rng.standard_normal(shape) / np.sqrt(shape[0]) if len(shape) > 1 else np.zeros(shape)
    return torch.tensor(drawn).float().expand(n, *shape).clone().requires_grad_()


@cache
def _friedman() -> tuple[FloatArray, FloatArray]:
    x, y = datasets.make_friedman1(1600, 10, noise=0.3, random_state=0)
    return x, (y - y.mean()) / y.std()


def slow_boost(p: Values) -> Curve:
    """Yield the squared error of boosting by short steps, tree by tree."""
    x, y = _friedman()
    model = GradientBoostingRegressor(**p, n_estimators=40, random_state=0).fit(x[:800], y[:800])
    for told in model.staged_predict(x[800:]):
        yield float(np.mean((told - y[800:]) ** 2))


SPACE = _space(
    _ordered("lr", 1e-3, 3e-5, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1),
    _ordered("beta1", 0.9, 0.5, 0.9, 0.98),
    _ordered("beta2", 0.999, 0.9, 0.999),
    _ordered("epsilon", 1e-8, 1e-8, 1e-2),
    _ordered("l1", 0.0, 0.0, 1e-3),
    _ordered("l2", 0.0, 0.0, 1e-2),
    _ordered("linear_decay", 0.0, 0.0, 1.0),
    _ordered("exp_decay", 0.0, 0.0, 3.0),
)


def _training(make: type[Any], n_batches: int) -> CurveTraining:
    together = partial(_by_adam, make, n_batches)

    def train(p: Values) -> Curve:
        yield from together([p])[0].tolist()

    return CurveTraining(SPACE, N_EPOCHS, Direction.MINIMIZE, train, together)


OPTIMIZER_TRAININGS = {
    "adam_text": _training(NextLetter, 12),
    "adam_conv": _training(ShiftedDigits, 60),
    "adam_code": _training(Autoencoder, 40),
    "slow_boost": CurveTraining(
        _space(
            _ordered("learning_rate", 0.04, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16),
            _ordered("max_leaf_nodes", 8, 4, 8, 16, 32),
            _ordered("subsample", 1.0, 0.3, 0.6, 1.0),
            _ordered("max_features", 10, 2, 4, 10),
            _ordered("min_samples_leaf", 2, 2, 10, 40),
        ),
        40,
        Direction.MINIMIZE,
        slow_boost,
    ),
}
