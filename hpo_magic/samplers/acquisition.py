"""How promising a setting is: expected improvement, as a logarithm."""

from __future__ import annotations

import numpy as np
from scipy.special import erfcx, ndtr

from hpo_magic.core.domains import FloatArray

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


def log_noisy_expected_improvement(
    means: FloatArray, std: FloatArray, best: FloatArray
) -> FloatArray:
    """Return the logarithm of the expected improvement where it is not sure which trial is best.

    Parameters
    ----------
    means : shape (n_draws, n_settings)
        What the surrogate expects, given each of some draws of the true values of the trials.
    std : shape (n_settings,)
    best : shape (n_draws,)
        The lowest true value in each draw.

    Returns
    -------
    shape (n_settings,)

    Notes
    -----
    The mean of the expected improvements of the draws: Letham et al., "Constrained Bayesian
    Optimization with Noisy Experiments" (Bayesian Analysis 14, 2019), eq. 5.
    """
    each = log_expected_improvement(means, std, best[:, np.newaxis])
    highest = each.max(axis=0)
    mean: FloatArray = highest + np.log(np.exp(each - highest).mean(axis=0))
    return mean


def log_expected_improvement(
    mean: FloatArray, std: FloatArray, best: float | FloatArray
) -> FloatArray:
    """Return the logarithm of the expected improvement on `best`, finite wherever std > 0.

    Far from the best, the improvement itself is smaller than any number there is; its logarithm
    still tells the better of two settings.

    Parameters
    ----------
    mean, std : shape (n_settings,)
        What the surrogate expects; lower means are better.
    best
        The lowest mean among the trials (their values are noisy: the lowest value is luck).

    Notes
    -----
    EI = std * h(z) with z = (best - mean) / std and h(z) = phi(z) + z Phi(z). Ament et al.,
    "Unexpected Improvements to Expected Improvement" (NeurIPS 2023), eqs. 8 and 9: below z = -1 the
    two terms of h cancel, so that it is computed as phi(z) (1 - |z| sqrt(pi/2) erfcx(|z|/sqrt(2))).
    """
    z = (best - mean) / std
    log_h = np.empty_like(z)
    near = z > -1
    log_phi = -0.5 * z**2 - LOG_SQRT_2PI
    log_h[near] = np.log(np.exp(log_phi[near]) + z[near] * ndtr(z[near]))
    far = -z[~near]
    # 1 - |z| sqrt(pi/2) erfcx(|z|/sqrt(2)) -> 1/z^2 for large |z|, where the difference is lost
    bracket = 1.0 - far * np.sqrt(np.pi / 2) * erfcx(far / np.sqrt(2))
    bracket = np.where(far > 1e4, far**-2.0, bracket)
    log_h[~near] = log_phi[~near] + np.log(bracket)
    return log_h + np.log(std)
