"""Quantiles of the normal and of Student's t distribution: what intervals are made of."""

from __future__ import annotations

from scipy.special import chdtri, ndtri, stdtrit


def normal_quantile(p: float) -> float:
    """Return where the standard normal distribution reaches the probability `p`.

    >>> round(normal_quantile(0.975), 3)
    1.96
    """
    return float(ndtri(p))


def z_half(level: float) -> float:
    """Return the half-width, in standard errors, of an interval that holds with `level`."""
    return normal_quantile(0.5 + level / 2)


def t_half(level: float, df: int) -> float:
    """Return `z_half` for a standard error that was estimated with `df` degrees of freedom."""
    return float(stdtrit(df, 0.5 + level / 2))


def median_of_variance(df: int) -> float:
    """Return the median of a variance estimated with `df` degrees of freedom, where it is 1.

    >>> round(median_of_variance(1), 3)
    0.455
    """
    return float(chdtri(df, 0.5)) / df
