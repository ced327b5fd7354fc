"""A Gaussian process with a Matérn-5/2 kernel, fitted by its posterior mode, fast.

Symbols follow Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), GPML below:
`X` inputs, `y` targets, `K` their covariance, `L` its Cholesky factor, `alpha` = K^-1 y.

Priors on the kernel's parameters take the place of restarts: the posterior has one mode that
matters, and L-BFGS walks there from wherever it starts. The gradient is written in matrix products,
O(n^2 d), without an n x n x d tensor.
"""

# ruff: noqa: N802, N803, N806 -- the symbols of the book
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy.linalg import blas, lapack
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

from hpo_magic.core.domains import FloatArray

Owner = npt.NDArray[np.intp]

# Log-normal priors, as (median, standard deviation of the logarithm).
# Lengths are in units of the parameter's whole range and *not long*: a prior that favours long ones
# made the search clearly worse, as it takes a slope for the whole landscape. Nor wide: a few trials
# easily look like a slope. A median that grows with the number of parameters was no better, with 7
# to 12 of them nor with 20 to 40 (`benchmarks/`).
PRIOR_LENGTH = (0.55, 0.8)
PRIOR_AMPLITUDE = (1.0, 1.0)
# Wide: some trainings give the same score again to the last digit, others differ by a tenth of a
# standard deviation. A narrow one around exp(-4) kept smooth problems from being searched finely.
PRIOR_NOISE = (np.exp(-6.0), 2.0)  # of values with variance 1
# Bounds keep K invertible in double precision, nearly always: `_cholesky` helps where they do not.
# A loss without noise is searched to a millionth of its range with e^-16, to a thousandth with
# e^-10.
LOG_LENGTH, LOG_AMPLITUDE, LOG_NOISE = (-4.0, 4.0), (-4.0, 4.0), (-16.0, 1.0)
# Variance of a drawn value that counts as none, as a share of the signal's.
SMALLEST_VARIANCE = 1e-9
# The objective to a few thousandths of a nat: closer makes no difference to the search.
MAX_ITERATIONS, TOLERANCE = 20, 5e-4


@dataclass(frozen=True)
class Theta:
    """The kernel's parameters, as logarithms: length scales, variances of signal and noise."""

    lengths: FloatArray  # (n_params,)
    amplitude: float
    noise: float

    @classmethod
    def prior(cls, n_lengths: int) -> Theta:
        """Return the mode of the prior."""
        lengths = np.full(n_lengths, np.log(PRIOR_LENGTH[0]))
        return cls(lengths, float(np.log(PRIOR_AMPLITUDE[0])), float(np.log(PRIOR_NOISE[0])))

    @classmethod
    def from_vector(cls, vector: FloatArray) -> Theta:
        """Return what `vector` made a vector of.

        `vector` has the shape (n_theta,).
        """
        return cls(vector[:-2], float(vector[-2]), float(vector[-1]))

    @property
    def vector(self) -> FloatArray:
        """All parameters in a row, as the optimizer sees them.

        Shape (n_theta,).
        """
        return np.concatenate([self.lengths, [self.amplitude, self.noise]])


@cache
def _threadpools() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries: milliseconds


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one BLAS thread: matrices this small gain nothing, and a training may run."""
    with _threadpools().limit(limits=1, user_api="blas"):
        yield


def fit(
    X: FloatArray, y: FloatArray, owner: Owner, n_lengths: int, start: Theta | None = None
) -> Theta:
    """Return the mode of the kernel's parameters given the data, searched from `start`.

    Parameters
    ----------
    X : shape (n, n_features)
        Inputs, in [0, 1].
    y : shape (n,)
        Targets, mean 0 and variance 1.
    owner : shape (n_features,)
        For each feature, the index of its length scale.
    n_lengths
        How many length scales there are; one without a feature is that of the prior.
    """
    start = start or Theta.prior(n_lengths)
    bounds = [LOG_LENGTH] * n_lengths + [LOG_AMPLITUDE, LOG_NOISE]
    found = minimize(
        _negative_log_posterior,
        start.vector,
        args=(X, y, owner),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": MAX_ITERATIONS, "ftol": TOLERANCE, "gtol": 1e-2},
    )
    return Theta.from_vector(np.asarray(found.x, dtype=np.float64))


def _negative_log_posterior(
    vector: FloatArray, X: FloatArray, y: FloatArray, owner: Owner
) -> tuple[float, FloatArray]:
    """Return the negative log posterior density of the kernel's parameters, and its gradient.

    `vector` and the gradient have the shape (n_theta,), `X` (n, n_features), `y` (n,), `owner`
    (n_features,).
    """
    theta = Theta.from_vector(vector)
    variance, noise = np.exp(theta.amplitude), np.exp(theta.noise)
    Z = X * np.exp(-theta.lengths)[owner]
    r = _distances(Z, Z).T  # symmetric; in Fortran's order, as LAPACK's answers are
    slope = variance * np.exp(-r)
    K = r * r
    K *= slope / 3.0
    slope *= r + 1.0
    K += slope  # variance (1 + r + r^2 / 3) exp(-r)
    L = _cholesky(K, noise)
    alpha = lapack.dpotrs(L, y, lower=1)[0]
    value = 0.5 * y @ alpha + np.log(np.diagonal(L)).sum()  # GPML eq. 2.30, without constants

    # GPML eq. 5.9: d/dtheta = 1/2 tr(A dK/dtheta) with A = K^-1 - alpha alpha'. Of A and B below,
    # both symmetric, the lower triangle alone is computed; the upper one is 0.
    A = lapack.dpotri(L, lower=1, overwrite_c=1)[0]
    A = blas.dsyr(-1.0, alpha, a=A, lower=1, overwrite_a=1)
    trace = np.trace(A)
    by_amplitude = np.vdot(A.T, K.T) - 0.5 * variance * trace
    by_noise = 0.5 * noise * trace
    # dK/dlog(length_g) = 5/3 slope * (squared distances within g). With B = 5/3 A * slope and a
    # column z of Z: 1/2 sum_ik B_ik (z_i - z_k)^2 = sum_i z_i^2 sum_k B_ik  -  z'Bz.
    A *= slope
    Z1 = np.column_stack([Z, np.ones(len(y))])
    BZ = blas.dsymm(5.0 / 3.0, A, Z1, lower=1)
    per_feature = (Z**2).T @ BZ[:, -1] - np.einsum("ij,ij->j", Z, BZ[:, :-1])
    by_length = np.bincount(owner, weights=per_feature, minlength=len(theta.lengths))

    gradient = np.concatenate([by_length, [by_amplitude, by_noise]])
    penalty, slope_of_penalty = _penalty(vector)
    return float(value + penalty), gradient + slope_of_penalty


def _penalty(vector: FloatArray) -> tuple[float, FloatArray]:
    """Return the negative log density of the priors, and its gradient.

    `vector` and the gradient have the shape (n_theta,).
    """
    medians = np.full(len(vector), PRIOR_LENGTH[0])
    spreads = np.full(len(vector), PRIOR_LENGTH[1])
    medians[-2:] = PRIOR_AMPLITUDE[0], PRIOR_NOISE[0]
    spreads[-2:] = PRIOR_AMPLITUDE[1], PRIOR_NOISE[1]
    standard = (vector - np.log(medians)) / spreads
    return 0.5 * float(standard @ standard), standard / spreads


def _distances(A: FloatArray, B: FloatArray) -> FloatArray:
    """Return sqrt(5) |a - b| for all rows of A and B; shape (len(A), len(B))."""
    # |a - b|^2 = |a|^2 - 2 a'b + |b|^2, in one product
    left = np.column_stack([A, (A**2).sum(axis=1), np.ones(len(A))])
    right = np.column_stack([-2.0 * B, np.ones(len(B)), (B**2).sum(axis=1)])
    squares = left @ (5.0 * right).T
    np.maximum(squares, 0.0, out=squares)  # rounding goes below
    return np.sqrt(squares, out=squares)


def _matern(r: FloatArray) -> FloatArray:
    """Return the Matérn-5/2 correlation at distances `r` = sqrt(5) |a - b|, GPML eq. 4.17.

    `r` and the result have any shape, the same.
    """
    decay = np.exp(-r)
    polynomial = r * (1.0 / 3.0)  # 1 + r + r^2 / 3, in place: this is where the time goes
    polynomial += 1.0
    polynomial *= r
    polynomial += 1.0
    polynomial *= decay
    return polynomial


def _cholesky(K: FloatArray, noise: float) -> FloatArray:
    """Return the lower Cholesky factor of K + noise * I, with as much jitter as it takes.

    `K` and the result have the shape (n, n).
    """
    jitter = 0.0
    for _ in range(12):
        noisy = K.copy(order="F")
        noisy.flat[:: len(K) + 1] += noise + jitter
        L, info = lapack.dpotrf(noisy, lower=1, clean=1, overwrite_a=1)
        if info == 0:
            return np.asarray(L)
        jitter = max(10 * jitter, 1e-8 * float(np.trace(K)) / len(K))
    raise np.linalg.LinAlgError("the covariance of the trials is not positive definite")


@dataclass(frozen=True)
class Posterior:
    """A Gaussian process that has seen `y` at `X`, with its kernel's parameters given."""

    X: FloatArray
    y: FloatArray
    owner: Owner
    theta: Theta

    @cached_property
    def Z(self) -> FloatArray:
        """The inputs in units of their length scales.

        Shape (n, n_features).
        """
        return self.X * self.scale

    @cached_property
    def scale(self) -> FloatArray:
        """One over the length scale, for each feature.

        Shape (n_features,).
        """
        return np.exp(-self.theta.lengths)[self.owner]

    @cached_property
    def L(self) -> FloatArray:
        """The lower Cholesky factor of the targets' covariance, noise included.

        Shape (n, n).
        """
        K = np.exp(self.theta.amplitude) * _matern(_distances(self.Z, self.Z).T)
        return _cholesky(K, np.exp(self.theta.noise))

    @cached_property
    def alpha(self) -> FloatArray:
        """K^-1 y.

        Shape (n,).
        """
        return np.asarray(lapack.dpotrs(self.L, self.y, lower=1)[0])

    @cached_property
    def L_inverse(self) -> FloatArray:
        """The inverse of `L`.

        Shape (n, n).
        """
        return np.asarray(lapack.dtrtri(self.L, lower=1)[0])

    def mean(self, X: FloatArray) -> FloatArray:
        """Return the mean at X, shape (n_points, n_features)."""
        mean: FloatArray = self._cross(X) @ (np.exp(self.theta.amplitude) * self.alpha)
        return mean

    def mean_std(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation at X, without the noise; each of shape (n_points,)."""
        mean, v = self.mean_explained(X)
        return mean, self.std_left(np.einsum("ij,ij->j", v, v))

    def mean_explained(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the mean at X, and `v`, whose squares explain variance: GPML eq. 2.26.

        `v` has the shape (n, n_points).
        """
        prior = np.exp(self.theta.amplitude)
        cross = self._cross(X)  # (n_points, n)
        mean = cross @ (prior * self.alpha)
        # The triangular product takes half of a full one.
        return mean, blas.dtrmm(prior, self.L_inverse, cross.T, side=0, lower=1, overwrite_b=1)

    def std_left(self, explained: FloatArray) -> FloatArray:
        """Return the standard deviation where so much variance is explained, of any shape."""
        prior = np.exp(self.theta.amplitude)
        std: FloatArray = np.sqrt(np.maximum(prior - explained, 1e-12 * prior))
        return std

    def covariance(
        self, X: FloatArray, v: FloatArray, at: FloatArray, v_at: FloatArray
    ) -> FloatArray:
        """Return the covariances of the values at X with those at `at`; shape (n_points, n_at).

        `v` and `v_at` are those of `mean_explained`.
        """
        between = _matern(_distances(X * self.scale, at * self.scale))
        covariance: FloatArray = np.exp(self.theta.amplitude) * between - v.T @ v_at
        return covariance

    def _cross(self, X: FloatArray) -> FloatArray:
        return _matern(_distances(X * self.scale, self.Z))


@dataclass(frozen=True)
class Draws:
    """Draws of the true values at some inputs, and what a posterior expects elsewhere given each.

    Attributes
    ----------
    X : shape (n_inputs, n_features)
    normal : shape (n_inputs, n_draws)
        Standard normal numbers.
    """

    posterior: Posterior
    X: FloatArray
    normal: FloatArray

    @classmethod
    def of(cls, posterior: Posterior, X: FloatArray, n: int, rng: np.random.Generator) -> Draws:
        """Return `n` draws, an even number: in pairs with opposite signs.

        `X` has the shape (n_inputs, n_features).
        """
        half = rng.standard_normal((len(X), n // 2))
        return cls(posterior, X, np.hstack([half, -half]))

    @cached_property
    def _known(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Means, `v` and the Cholesky factor of the covariance at the inputs.

        Shapes (n_inputs,), that of `Posterior.mean_explained` and (n_inputs, n_inputs).
        """
        mean, v = self.posterior.mean_explained(self.X)
        covariance = self.posterior.covariance(self.X, v, self.X, v)
        # With hardly any noise the values are known: then the draws are to be all alike.
        smallest = SMALLEST_VARIANCE * float(np.exp(self.posterior.theta.amplitude))
        return mean, v, _cholesky(covariance, smallest)

    @cached_property
    def lowest(self) -> FloatArray:
        """The lowest of the values in each draw; shape (n_draws,)."""
        mean, _, L = self._known
        lowest: FloatArray = (mean[:, np.newaxis] + L @ self.normal).min(axis=0)
        return lowest

    def mean_std(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the means at X in each draw, and the standard deviation, which is that of all.

        Shapes (n_draws, n_points) and (n_points,).
        """
        _, v_known, L = self._known
        mean, v = self.posterior.mean_explained(X)
        covariance = self.posterior.covariance(X, v, self.X, v_known)
        # The values are mean + L normal, so that what they change at X is w' normal.
        w = lapack.dtrtrs(L, covariance.T, lower=1)[0]
        explained = np.einsum("ij,ij->j", v, v) + np.einsum("ij,ij->j", w, w)
        return mean + self.normal.T @ w, self.posterior.std_left(explained)
