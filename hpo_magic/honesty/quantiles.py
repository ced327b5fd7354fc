"""Quantiles of the normal, Student's t and chi-squared distribution, for intervals."""

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


def highest_variance(df: int, level: float) -> float:
    """Return what a variance estimated with `df` degrees of freedom stays below, where it is 1.

    With the probability `level`.

    >>> round(highest_variance(6, 0.95), 2)
    2.1
    """
    return float(chdtri(df, 1 - level)) / df
