"""What the re-runs of a re-check say: which setting to take, and what to expect of it.

Symbols: y_i is the score of setting i in the search, f_ij that of its re-run on seed j; k settings,
m seeds. Settings are in the order of their trials, so that ties go to the earliest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.trial import Direction
from hpo_magic.honesty.intervals import LEVEL, RATIO, resplit_half_width, share_variance
from hpo_magic.honesty.quantiles import t_half

# Fewer scores that come again may be chance: with 21 validation rows, one in six does.
FEWEST_REPEATS = 3
# With one degree of freedom the interval is 12.7 standard errors wide, and says nothing.
FEWEST_DF_OF_GAIN = 2
ROUNDING = 1e-12  # of what is added up, relative to it


class Gain(NamedTuple):
    """How much better the chosen setting is than the start; `half_width` None if not known."""

    value: float
    half_width: float | None


@dataclass(frozen=True)
class Rechecked:
    """What a re-check found; scores oriented so that higher is better.

    Parameters
    ----------
    chosen
        The setting to take, as a row of the table that was given.
    value, half_width
        What to expect of it, and the half-width of its 95% interval; None where there is none.
    gain
        Over the start; None if the start was not re-run.
    n_settings, n_reruns
        The size of the table that was used.
    """

    chosen: int
    value: float
    half_width: float | None
    gain: Gain | None
    n_settings: int
    n_reruns: int


def oriented(scores: npt.ArrayLike, direction: Direction) -> FloatArray:
    """Return metric values so that higher is better, and such scores as metric values again.

    The result has the shape of `scores`.
    """
    return -direction.sign * np.asarray(scores, dtype=np.float64)


def rechecked(
    search_scores: FloatArray,
    reruns: FloatArray,
    start: int | None = None,
    n_rows: int | None = None,
    ratio: float = RATIO,
    row_variance: float | None = None,
) -> Rechecked | None:
    """Return what a re-check says, finished or not; None if it says nothing yet.

    Parameters
    ----------
    search_scores : shape (k,)
        y, higher is better, in the order of the trials.
    reruns : shape (k, m)
        f: NaN where a run was not made, -inf where it failed.
    start
        The start's row, if it was re-run. It takes part in the choice like the others.
    n_rows
        The validation rows behind each score, if a score is a share of them (accuracy, or an error
        rate, which is negative here); else None.
    ratio
        Validation rows for each training row.
    row_variance
        The variance of one score that comes of its rows, s²/n, if a score is a mean over them that
        is no share; else None.
    """
    rows, columns = used_part(reruns)
    if not len(rows) or not len(columns):
        return None
    y, f = search_scores[rows], reruns[np.ix_(rows, columns)]
    value = honest_value(y, f)
    first = rows.tolist().index(start) if start in rows.tolist() else None
    return Rechecked(
        chosen=int(rows[chosen_setting(y, f)]),
        value=value,
        half_width=_half_width(f, value, n_rows, ratio, row_variance),
        gain=None if first is None else gain_over_start(y, f, first, ratio),
        n_settings=len(rows),
        n_reruns=len(columns),
    )


def used_part(reruns: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the settings and the seeds that make a table without holes.

    `reruns` has the shape (k, m); the results are ascending indices of shape (at most k,) and (at
    most m,).

    A seed counts if all settings were run on it, and a setting if none of those runs failed.
    """
    columns = np.flatnonzero(~np.isnan(reruns).any(axis=0))
    rows = np.flatnonzero(np.isfinite(reruns[:, columns]).all(axis=1))
    return rows, columns


def chosen_setting(search_scores: FloatArray, reruns: FloatArray) -> int:
    """Return c = argmax_i (y_i + Σ_j f_ij) / (m + 1), the earliest among equals.

    `search_scores` has the shape (k,), `reruns` (k, m).

    >>> chosen_setting(np.array([0.9, 0.8]), np.array([[0.7, 0.6], [0.8, 0.8]]))
    1
    """
    totals = np.asarray(search_scores + reruns.sum(axis=1))
    # Equal shares of rows, added up in another order, differ in the last digit.
    near = ROUNDING * float(np.abs(totals).max())
    return int(np.argmax(totals >= totals.max() - near))


def honest_value(search_scores: FloatArray, reruns: FloatArray) -> float:
    """Return what to expect of the choice: each re-run scores a choice it had no part in.

    `search_scores` has the shape (k,), `reruns` (k, m).

    Notes
    -----
    H = (1/m) Σ_j f[c(-j), j] with c(-j) = argmax_i (y_i + Σ_{l≠j} f_il). The mean of the chosen
    setting's re-runs would be optimistic, as it was chosen for them too. No estimator of a maximum
    is without error on average: van Hasselt, "Estimating the maximum expected value" (2013).
    """
    return float(_left_out(search_scores, reruns).mean())


def gain_over_start(
    search_scores: FloatArray, reruns: FloatArray, start: int, ratio: float = RATIO
) -> Gain:
    """Return how much better the choice is than the start on the same seeds; 0 if it is the start.

    `search_scores` has the shape (k,), `reruns` (k, m).

    Notes
    -----
    The choice is that of `honest_value`, for the same reason: the mean of f_cj - f_0j itself would
    find a gain of three points where all settings are equal. The variance is the residual of the
    two-way table (setting, seed), since what a seed does to all settings cancels out.
    """
    if chosen_setting(search_scores, reruns) == start:
        return Gain(0.0, None)
    k, m = reruns.shape
    value = float((_left_out(search_scores, reruns) - reruns[start]).mean())
    df = (k - 1) * (m - 1)
    if df < FEWEST_DF_OF_GAIN:
        return Gain(value, None)
    by_setting, by_seed = reruns.mean(axis=1, keepdims=True), reruns.mean(axis=0)
    residual = reruns - by_setting - by_seed + reruns.mean()
    variance = _variance(residual, df, reruns)
    half = t_half(LEVEL, df) * math.sqrt(2 * variance * (1 / m + ratio))
    return Gain(value, half or None)


def gives_the_same_again(search_numbers: FloatArray, rerun_numbers: FloatArray) -> bool:
    """Return whether the re-runs so far only repeat the search: then they tell nothing.

    Parameters
    ----------
    search_numbers : shape (k,) or (k, n_metrics)
        What each setting scored in the search; the more metrics, the surer.
    rerun_numbers : shape (k, m) or (k, m, n_metrics)
        The same of its re-runs. NaN: not run.
    """
    before = np.expand_dims(np.asarray(search_numbers), 1)
    again = np.asarray(rerun_numbers)
    is_equal = np.asarray(before == again)
    was_run = np.asarray(~np.isnan(again))
    if again.ndim == 3:
        is_equal, was_run = np.all(is_equal, axis=2), np.any(was_run, axis=2)
    n_wanted = min(FEWEST_REPEATS, was_run.size)
    return bool(was_run.sum() >= n_wanted and was_run.any() and is_equal[was_run].all())


def _left_out(search_scores: FloatArray, reruns: FloatArray) -> FloatArray:
    """Return f[c(-j), j] for each seed j; shape (m,)."""
    seeds = range(reruns.shape[1])
    choices = [chosen_setting(search_scores, np.delete(reruns, j, axis=1)) for j in seeds]
    return np.asarray(reruns[choices, list(seeds)], dtype=np.float64)


def _half_width(
    reruns: FloatArray,
    value: float,
    n_rows: int | None,
    ratio: float,
    row_variance: float | None,
) -> float | None:
    """Return the half-width of the honest value, from the spread within the settings.

    `reruns` has the shape (k, m).
    """
    k, m = reruns.shape
    df = k * (m - 1)
    variance = _variance(reruns - reruns.mean(axis=1, keepdims=True), df, reruns)
    floor = row_variance if n_rows is None else share_variance(abs(value), n_rows)
    return resplit_half_width(variance, df, m, floor, ratio)


def _variance(residuals: FloatArray, df: int, scores: FloatArray) -> float:
    """Return the variance of residuals; 0 where it is no more than rounding.

    `residuals` and `scores` have the shape (k, m).
    """
    variance = float((residuals**2).sum()) / df if df else 0.0
    return variance if variance > (ROUNDING * float(np.abs(scores).max())) ** 2 else 0.0
