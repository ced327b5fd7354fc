"""Intervals: how far a measured score may be from what it measures.

All are two-sided and hold with `level`. None corrects a selection: the caller makes sure
that the measured score was not itself selected.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.honesty.quantiles import t_half, z_half

LEVEL = 0.95
# Validation rows for each training row where the split is not known: a fifth is held out.
RATIO = 0.25
N_DRAWS = 1_000
# Below this, the spread of the re-runs is known too badly to stand alone.
FEWEST_DF = 4

Rows = npt.NDArray[np.intp]


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float

    def half_around(self, value: float) -> float:
        """Return the smallest half-width with which `value` ± it covers the interval."""
        return max(value - self.low, self.high - value)


def wilson_interval(share: float, n_rows: float, level: float = LEVEL) -> Interval:
    """Return the interval of a share of rows, such as accuracy.

    Notes
    -----
    Wilson, "Probable inference, the law of succession, and statistical inference" (JASA 1927).
    Unlike share ± z s/√n it has a width at 0 and at 1, and holds with twenty rows.

    >>> low, high = wilson_interval(81 / 263, 263)
    >>> round(low, 4), round(high, 4)
    (0.2553, 0.3662)
    """
    _check_share(share, n_rows)
    z = z_half(level)
    centre = share + z**2 / (2 * n_rows)
    half = z * math.sqrt(share * (1 - share) / n_rows + z**2 / (4 * n_rows**2))
    scale = 1 + z**2 / n_rows
    # Rounding may put the bound at a share of 0 or 1 just past it.
    low, high = (centre - half) / scale, (centre + half) / scale
    return Interval(min(max(low, 0.0), share), max(min(high, 1.0), share))


def newcombe_interval(
    share: float, n_rows: int, other: float, n_other: int, level: float = LEVEL
) -> Interval:
    """Return the interval of the difference `share` - `other` of two independent shares.

    Notes
    -----
    Newcombe, "Interval estimation for the difference between independent proportions" (Statistics
    in Medicine 1998), method 10: the hybrid of two Wilson intervals.

    >>> low, high = newcombe_interval(56 / 70, 70, 48 / 80, 80)
    >>> round(low, 4), round(high, 4)
    (0.0524, 0.3339)
    """
    one, two = wilson_interval(share, n_rows, level), wilson_interval(other, n_other, level)
    apart = share - other
    return Interval(
        apart - math.hypot(share - one.low, two.high - other),
        apart + math.hypot(one.high - share, other - two.low),
    )


def mean_interval(values: FloatArray, level: float = LEVEL) -> Interval:
    """Return the interval of a mean over rows, such as a loss: mean ± z s/√n.

    Parameters
    ----------
    values : shape (n_rows,)
        One number for each row; two rows at least.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"an interval of a mean needs 2 rows or more, got {n}")
    mean = float(np.mean(values))
    half = z_half(level) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean - half, mean + half)


def bootstrap_interval(
    score: Callable[[Rows], float], n_rows: int, seed: int = 0, level: float = LEVEL
) -> Interval | None:
    """Return the interval of any score that can be computed on some of the rows, such as an AUC.

    Parameters
    ----------
    score
        Given the indices of rows, shape (n_rows,), some of them repeated, returns their score. NaN
        or ValueError where these rows have none (an AUC of one class).

    Returns
    -------
    None if more than half of the draws have no score: what is left would be another question.

    Notes
    -----
    The percentiles of 1,000 draws; Efron and Tibshirani, "An Introduction to the Bootstrap" (1993),
    section 13.3.
    """
    rng = np.random.default_rng(seed)
    drawn = np.array(
        [_score_or_nan(score, rng.integers(n_rows, size=n_rows)) for _ in range(N_DRAWS)]
    )
    scores = drawn[np.isfinite(drawn)]
    if len(scores) < N_DRAWS / 2:
        return None
    low, high = np.quantile(scores, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(low), float(high))


def resplit_half_width(
    variance: float,
    df: int,
    n_reruns: int,
    floor: float | None = None,
    ratio: float = RATIO,
    level: float = LEVEL,
) -> float | None:
    """Return the half-width of a mean over re-runs on new splits of the same rows.

    Parameters
    ----------
    variance, df
        Of one re-run's score about its setting's mean, and how many degrees of freedom it has.
    n_reruns
        How many are averaged.
    floor
        The least variance that a score on so many validation rows can have; None if not known.
    ratio
        Validation rows for each training row.

    Returns
    -------
    None where nothing can be said: a setting was run once only, the re-runs do not differ at all,
    or they are few (fewer than 4 degrees of freedom) and the floor is not known.

    Notes
    -----
    The splits share rows, so the re-runs agree more than new data would: the corrected variance of
    their mean is s² (1/m + n_val/n_train). Nadeau and Bengio, "Inference for the generalization
    error" (Machine Learning 2003), eq. 5 in section 3.
    """
    if df < 1 or (df < FEWEST_DF and floor is None):
        return None
    known = floor or 0.0
    if df < FEWEST_DF:
        # Few re-runs may agree by chance; then the floor holds, with a quantile that knows it.
        error = max(t_half(level, df) * math.sqrt(variance), z_half(level) * math.sqrt(known))
    else:
        error = t_half(level, df) * math.sqrt(max(variance, known))
    return error * math.sqrt(1 / n_reruns + ratio) or None


def share_variance(share: float, n_rows: float) -> float:
    """Return the variance p(1 - p)/n of a share of rows.

    A share within half a row of 0 or 1 counts as half a row away: 21 right of 21 is no certainty.
    """
    _check_share(share, n_rows)
    p = min(max(share, 0.5 / n_rows), 1 - 0.5 / n_rows)
    return p * (1 - p) / n_rows


def _check_share(share: float, n_rows: float) -> None:
    if n_rows < 1:
        raise ValueError(f"a share needs 1 row or more, got {n_rows}")
    if not 0 <= share <= 1:
        raise ValueError(f"a share of rows is between 0 and 1, got {share}")


def _score_or_nan(score: Callable[[Rows], float], rows: Rows) -> float:
    try:
        return float(score(rows))
    except ValueError:
        return math.nan
