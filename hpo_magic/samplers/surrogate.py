"""scikit-optimize, all that we touch of it: its regressor, its space, its result.

The regressor is conditioned our way (`gaussian_process`): scikit-optimize's own fit takes a hundred
times as long. The rest is its own, so that a `Surrogate` works wherever one of its models does, and
a search can be looked at with `skopt.plots`.

What breaks in 0.10.2 stays outside: NaN and infinity, one-value ranges, choices that == cannot tell
apart, tuples as choices, integers beyond 64 bits, NumPy scalars in its answers.
"""

# ruff: noqa: N802, N803 -- scikit-learn's names
from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult
from skopt.learning import GaussianProcessRegressor
from skopt.learning.gaussian_process.kernels import ConstantKernel, Matern
from skopt.space import Categorical, Dimension, Integer, Real
from skopt.space import Space as SkoptSpace
from skopt.utils import create_result

from hpo_magic.core.domains import Choice, FloatArray, Plain
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.samplers.gaussian_process import Posterior, Theta
from hpo_magic.samplers.warp import Warp

LARGEST_INTEGER = 2**53  # beyond it scikit-optimize's Integer loses digits, then overflows


class Surrogate(GaussianProcessRegressor):  # type: ignore[misc]
    """scikit-optimize's Gaussian process, with its kernel's parameters found by `fit` of ours.

    Parameters
    ----------
    owner : shape (n_features,)
        For each feature, the index of its parameter; features of one share a length scale.
    theta
        The kernel's parameters.
    """

    def __init__(self, owner: npt.NDArray[np.intp], theta: Theta) -> None:
        self.owner = owner
        self.theta = theta
        signal = ConstantKernel(float(np.exp(theta.amplitude)), "fixed")
        lengths = np.exp(theta.lengths)[owner]
        noise = float(np.exp(theta.noise))
        super().__init__(signal * Matern(lengths, "fixed", nu=2.5), noise, optimizer=None)

    def fit(self, X: FloatArray, y: FloatArray) -> Surrogate:
        """Condition on targets `y`, shape (n,), at the settings with features `X`."""
        self.posterior = Posterior(X, y, self.owner, self.theta)
        self.kernel_, self.X_train_, self.y_train_ = self.kernel, X, y
        self.y_train_mean_, self.y_train_std_ = 0.0, 1.0
        return self

    def predict(self, X: FloatArray, return_std: bool = False, **also: bool) -> Any:
        """Return the mean at X, with `return_std` the standard deviation (without noise) as well.

        `X` has the shape (n, n_features), the results (n,).

        Covariances and gradients (`return_cov`, ...) are scikit-optimize's.
        """
        if any(also.values()):
            return super().predict(X, return_std, **also)
        points = np.asarray(X, dtype=np.float64)
        return self.posterior.mean_std(points) if return_std else self.posterior.mean(points)

    # What scikit-optimize's own methods read, made when they do.

    @cached_property
    def L_(self) -> FloatArray:
        """The Cholesky factor of the targets' covariance.

        Shape (n_trials, n_trials).
        """
        return self.posterior.L

    @cached_property
    def alpha_(self) -> FloatArray:
        """The weights of the trials in the mean.

        Shape (n_trials,).
        """
        return self.posterior.alpha

    @cached_property
    def K_inv_(self) -> FloatArray:
        """The inverse of the targets' covariance.

        Shape (n_trials, n_trials).
        """
        return self.posterior.L_inverse.T @ self.posterior.L_inverse


class LossSurrogate(Surrogate):
    """A surrogate of warped losses that answers in losses."""

    def __init__(self, owner: npt.NDArray[np.intp], theta: Theta, warp: Warp) -> None:
        super().__init__(owner, theta)
        self.warp = warp

    def predict(self, X: FloatArray, return_std: bool = False, **also: bool) -> Any:
        """Return the loss expected at X; its standard deviation is half of mean ± that, warped.

        `X` has the shape (n, n_features), the results (n,).
        """
        mean, std = super().predict(X, return_std=True)
        losses = self.warp.inverse(mean)
        if not return_std:
            return losses
        return losses, (self.warp.inverse(mean + std) - self.warp.inverse(mean - std)) / 2


def skopt_space(space: Space) -> SkoptSpace:
    """Return the space as scikit-optimize has it; transformed, its columns are our features."""
    return SkoptSpace([_dimension(parameter) for parameter in space.values()])


def optimize_result(
    space: Space, settings: list[Params], losses: list[float], models: Sequence[Surrogate]
) -> OptimizeResult:
    """Return what `skopt.gp_minimize` would: `x_iters`, `func_vals`, `x`, `fun`, `space`, `models`.

    A parameter that a setting did not reach stands at its default. scikit-optimize has no reverse
    log scale: of a space with one the model would be asked in the wrong places, so there is none.
    """
    domains = [parameter.domain for parameter in space.values()]
    is_known = all(isinstance(domain, Choice) or not domain.reverse_log for domain in domains)
    points = [
        [
            _point(parameter, setting.get(name, parameter.default))
            for name, parameter in space.items()
        ]
        for setting in settings
    ]
    return create_result(
        points, losses, space=skopt_space(space), models=models if is_known else []
    )


def _dimension(parameter: Parameter) -> Dimension:
    domain, name = parameter.domain, parameter.name
    if isinstance(domain, Choice):
        transform = "normalize" if domain.ordered else "onehot"
        return Categorical(_labels(domain), transform=transform, name=name)
    low, high = domain.value(0.0), domain.value(1.0)  # `high` may lie beyond the last step
    if low == high:
        return Categorical([low], transform="normalize", name=name)
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    prior = "log-uniform" if domain.log else "uniform"
    if domain.kind == "int" and max(abs(low), abs(high)) <= LARGEST_INTEGER:
        return Integer(low, high, prior, transform="normalize", name=name, dtype=int)
    return Real(float(low), float(high), prior, transform="normalize", name=name)


def _point(parameter: Parameter, value: Plain) -> Plain:
    domain = parameter.domain
    if isinstance(domain, Choice):
        return _labels(domain)[domain.index(value)]
    inside = domain.nearest(value)
    is_large = isinstance(inside, int) and abs(inside) > LARGEST_INTEGER
    return float(inside) if is_large else inside  # type: ignore[arg-type]


def _labels(domain: Choice) -> list[Plain]:
    """Return the choices as scikit-optimize can tell them apart: as they are, or else as text."""
    is_one_type = len({type(value) for value in domain.values}) == 1
    if is_one_type and isinstance(domain.values[0], str | int | float):
        return list(domain.values)
    return [repr(value) for value in domain.values]
