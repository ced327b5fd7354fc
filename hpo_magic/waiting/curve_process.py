"""A Gaussian process over settings and epochs: it predicts how trainings end.

Source: Swersky, Snoek and Adams, "Freeze-thaw Bayesian optimization", arXiv:1406.3896 (2014): one
process predicts the ends of suspended trainings and of new settings. Difference: their kernel in
time is that of exponential decays; here a training's loss is a function of the setting that is the
same at all epochs, plus functions that change with the epoch:

    k = M1 (A1 + A2 m(s, s')) + A3 M2 (u u')^1.5
        + [same training] (B1 + B2 m'(s, s')) + 1 + M(s, s') + [same point] noise

u is the epoch as a share of the whole training and s its logarithmic scale. M1 and M2 are
Matérn-5/2 kernels of the settings. They have length scales of their own, as what decides the end of
a training may decide nothing early (a learning rate's schedule). m and m' are Matérn-3/2, M is
Matérn-5/2.

Symbols follow Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), GPML below.
"""

# ruff: noqa: N803, N806 -- the symbols of the book
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas, lapack
from scipy.optimize import minimize

from hpo_magic.core.domains import FloatArray

IntArray = npt.NDArray[np.intp]

# Where the scale of the epochs bends, as a share of the training.
EARLY = 0.06
# Log-normal priors, as (median, standard deviation of the logarithm); of losses with variance 1.
LENGTH = (0.55, 0.8)
SCALES = (
    (0.6, 1.0),  # A1
    (0.3, 1.0),  # A2
    (0.3, 1.0),  # A3
    (0.05, 1.2),  # B1
    (0.05, 1.2),  # B2
    (0.5, 0.6),  # time length of m
    (0.3, 0.6),  # time length of m'
    (0.003, 1.5),  # noise
)
N_SCALES = len(SCALES)
COMMON_LENGTH = 0.5  # of M
POWER = 1.5
# The mode is not searched closer than this; it starts where the last one was.
MAX_ITERATIONS = 12
BOUND = 5.0  # of the logarithms, around the prior's medians


def scale_of(u: FloatArray) -> FloatArray:
    """Return the scale s of epochs, 0 to 1, on which early epochs are as far apart as late ones.

    `u` and the result have any shape, the same.
    """
    return np.asarray(np.log1p(u / EARLY) / np.log1p(1.0 / EARLY))


@dataclass(frozen=True)
class Points:
    """Places of the process.

    Attributes
    ----------
    X : shape (n, n_features)
        The settings, in [0, 1].
    u : shape (n,)
        The epochs, as shares of the whole training; 1 is its end.
    training : shape (n,)
        Which training a point is of; points of other numbers share no training, and so do two
        points of -1.
    """

    X: FloatArray
    u: FloatArray
    training: IntArray

    @cached_property
    def s(self) -> FloatArray:
        """The epochs on the scale of `scale_of`, shape (n,)."""
        return scale_of(self.u)


def prior(n_params: int) -> FloatArray:
    """Return the logarithms of the prior's medians, shape (2 n_params + N_SCALES,)."""
    return np.log([LENGTH[0]] * (2 * n_params) + [median for median, _ in SCALES])


def _spreads(n_params: int) -> FloatArray:
    return np.array([LENGTH[1]] * (2 * n_params) + [spread for _, spread in SCALES])


def fit(points: Points, y: FloatArray, owner: IntArray, start: FloatArray | None) -> FloatArray:
    """Return the mode of the kernel's parameters, as logarithms, searched from `start`.

    Parameters
    ----------
    y : shape (n,)
        The losses at the points, mean 0 and variance 1.
    owner : shape (n_features,)
        For each feature, the index of its parameter.
    start : shape (2 n_params + N_SCALES,)
        None: the prior's medians.
    """
    n_params = int(owner.max()) + 1
    middle = prior(n_params)
    found = minimize(
        _negative_log_posterior,
        middle if start is None or len(start) != len(middle) else start,
        args=(points, y, owner, middle, _spreads(n_params)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(m - BOUND, m + BOUND) for m in middle],
        options={"maxiter": MAX_ITERATIONS, "maxfun": 2 * MAX_ITERATIONS},
    )
    return np.asarray(found.x, dtype=np.float64)


def _negative_log_posterior(
    theta: FloatArray,
    points: Points,
    y: FloatArray,
    owner: IntArray,
    middle: FloatArray,
    spreads: FloatArray,
) -> tuple[float, FloatArray]:
    """Return the negative log posterior of the kernel's parameters and its gradient (GPML 5.9).

    `theta`, `middle`, `spreads` and the gradient have the shape (2 n_params + N_SCALES,).
    """
    n_params = (len(theta) - N_SCALES) // 2
    lengths1, lengths2, scales = np.split(theta, [n_params, 2 * n_params])
    a1, a2, a3, b1, b2, time_a, time_b, noise = np.exp(scales)
    Z1, Z2 = points.X * np.exp(-lengths1)[owner], points.X * np.exp(-lengths2)[owner]
    M1, slope1 = _matern52(_distances(Z1, Z1))
    M2, slope2 = _matern52(_distances(Z2, Z2))
    apart = np.abs(points.s[:, np.newaxis] - points.s)
    m, by_time_a = _matern32(apart / time_a)
    m_own, by_time_b = _matern32(apart / time_b)
    late = (points.u[:, np.newaxis] * points.u) ** POWER
    same = points.training[:, np.newaxis] == points.training
    common = 1.0 + _matern52(np.sqrt(5.0) * apart / COMMON_LENGTH)[0]
    over_time = a1 + a2 * m
    K = M1 * over_time + a3 * M2 * late + same * (b1 + b2 * m_own) + common
    L = _cholesky(K, noise)
    alpha = lapack.dpotrs(L, y, lower=1)[0]
    value = 0.5 * y @ alpha + np.log(np.diagonal(L)).sum()  # GPML eq. 2.30, without constants
    A = lapack.dpotri(L, lower=1)[0]
    A = np.tril(A) + np.tril(A, -1).T
    A -= np.outer(alpha, alpha)

    def half(dK: FloatArray) -> float:
        return 0.5 * float(np.vdot(A, dK))

    gradient = np.concatenate(
        [
            _by_length(A * over_time * slope1, Z1, owner, n_params),
            _by_length(a3 * A * late * slope2, Z2, owner, n_params),
            [
                a1 * half(M1),
                a2 * half(M1 * m),
                a3 * half(M2 * late),
                b1 * half(same),
                b2 * half(same * m_own),
                a2 * half(M1 * by_time_a),
                b2 * half(same * by_time_b),
                0.5 * noise * float(np.trace(A)),
            ],
        ]
    )
    standard = (theta - middle) / spreads
    return float(value + 0.5 * standard @ standard), gradient + standard / spreads


def _by_length(weights: FloatArray, Z: FloatArray, owner: IntArray, n_params: int) -> FloatArray:
    """Return half of tr(A dK / d log length) for each length, shape (n_params,).

    `weights` is A times the slope, shape (n, n); `Z` are the settings in lengths, (n, n_features).
    """
    rows = weights.sum(axis=1)
    per_feature = 5.0 / 3.0 * ((Z**2).T @ rows - np.einsum("ij,ij->j", Z, weights @ Z))
    return np.asarray(np.bincount(owner, weights=per_feature, minlength=n_params), dtype=np.float64)


def _distances(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return sqrt(5) |a - b| for all rows of A and B; shape (len(A), len(B))."""
    squares = (A**2).sum(axis=1)[:, np.newaxis] + (B**2).sum(axis=1) - 2.0 * (A @ B.T)
    return np.asarray(np.sqrt(5.0 * np.maximum(squares, 0.0)))


def _matern52(r: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the correlation at r = sqrt(5) d / length, and (1 + r) exp(-r), each in r's shape."""
    slope = (1.0 + r) * np.exp(-r)
    return slope + r * r / 3.0 * np.exp(-r), slope


def _matern32(d: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the correlation at d / length and its derivative by log length, each in d's shape."""
    r = np.sqrt(3.0) * d
    decay = np.exp(-r)
    return (1.0 + r) * decay, r * r * decay


def _cholesky(K: FloatArray, noise: float) -> FloatArray:
    """Return the lower Cholesky factor of K + noise I, shape (n, n); jitter is added if needed."""
    jitter = 1e-8
    for _ in range(10):
        noisy = K.copy(order="F")
        noisy.flat[:: len(K) + 1] += noise + jitter
        L, info = lapack.dpotrf(noisy, lower=1, clean=1, overwrite_a=1)
        if info == 0:
            return np.asarray(L)
        jitter *= 10
    raise np.linalg.LinAlgError("the covariance of the curves is not positive definite")


@dataclass(frozen=True)
class CurvePosterior:
    """The process that has seen losses `y` at `points`, with the kernel's parameters given."""

    points: Points
    y: FloatArray
    owner: IntArray
    theta: FloatArray

    def _covariance(self, a: Points, b: Points) -> FloatArray:
        """Return the covariance of two sets of points without the noise, shape (n_a, n_b)."""
        n_params = (len(self.theta) - N_SCALES) // 2
        lengths1, lengths2, scales = np.split(self.theta, [n_params, 2 * n_params])
        a1, a2, a3, b1, b2, time_a, time_b, _ = np.exp(scales)
        by1, by2 = np.exp(-lengths1)[self.owner], np.exp(-lengths2)[self.owner]
        apart = np.abs(a.s[:, np.newaxis] - b.s)
        over_time = a1 + a2 * _matern32(apart / time_a)[0]
        K = _matern52(_distances(a.X * by1, b.X * by1))[0] * over_time
        late = (a.u[:, np.newaxis] * b.u) ** POWER
        K += a3 * _matern52(_distances(a.X * by2, b.X * by2))[0] * late
        K += 1.0 + _matern52(np.sqrt(5.0) * apart / COMMON_LENGTH)[0]
        same = (a.training[:, np.newaxis] == b.training) & (a.training >= 0)[:, np.newaxis]
        if same.any():
            K += same * (b1 + b2 * _matern32(apart / time_b)[0])
        return np.asarray(K)

    @cached_property
    def _solved(self) -> tuple[FloatArray, FloatArray]:
        noise = float(np.exp(self.theta[-1]))
        L = _cholesky(self._covariance(self.points, self.points), noise)
        return lapack.dtrtri(L, lower=1)[0], lapack.dpotrs(L, self.y, lower=1)[0]

    def ends(self, X: FloatArray, training: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of the final losses, noise excluded.

        Parameters
        ----------
        X : shape (n, n_features)
        training : shape (n,)
            The number of the training in the data; -1 for a setting that was not begun.

        Returns
        -------
        mean, std : shape (n,)
        """
        a1, a2, a3, b1, b2, *_ = np.exp(self.theta[-N_SCALES:])
        places = Points(X, np.ones(len(X)), training)
        cross = self._covariance(places, self.points)
        L_inverse, alpha = self._solved
        v = blas.dtrmm(1.0, L_inverse, np.asfortranarray(cross.T), side=0, lower=1)
        own = a1 + a2 + a3 + b1 + b2 + 2.0
        variance = np.maximum(own - np.einsum("ij,ij->j", v, v), 1e-10)
        return cross @ alpha, np.sqrt(variance)
