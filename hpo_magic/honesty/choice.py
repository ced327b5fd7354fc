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
from hpo_magic.honesty.intervals import LEVEL, RATIO, resplit_half_width
from hpo_magic.honesty.no_interval import NoInterval, has_rare_losses
from hpo_magic.honesty.quantiles import t_half
from hpo_magic.honesty.recheck_rows import RecheckRows
from hpo_magic.honesty.resplit_intervals import (
    Reruns,
    half_width_of_gain,
    half_width_of_mean,
    half_width_of_share,
)
from hpo_magic.honesty.shrunken_mean import shrunken_mean, two_way_variance

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
    knows_rows
        Whether the rows behind the scores are known. Without them some of the luck of rows that the
        re-runs share with the search may remain.
    no_interval
        Why there is no interval; None where there is one.
    n_rows
        Validation rows of one run, on average; None if the rows are not known.
    n_alike
        Over how many neighbouring rows the scores agree, if that is too many for an interval.
    """

    chosen: int
    value: float
    half_width: float | None
    gain: Gain | None
    n_settings: int
    n_reruns: int
    knows_rows: bool = False
    no_interval: NoInterval | None = None
    n_rows: int | None = None
    n_alike: float | None = None


def oriented(scores: npt.ArrayLike, direction: Direction) -> FloatArray:
    """Return metric values so that higher is better, and such scores as metric values again.

    The result has the shape of `scores`.
    """
    return -direction.sign * np.asarray(scores, dtype=np.float64)


def rechecked(
    search_scores: FloatArray,
    reruns: FloatArray,
    start: int | None = None,
    rows: RecheckRows | None = None,
    n_rows: int | None = None,
) -> Rechecked | None:
    """Return the result of a re-check, finished or not; None if no seed was run for all settings.

    Parameters
    ----------
    search_scores : shape (k,)
        y, higher is better, in the order of the trials.
    reruns : shape (k, m)
        f: NaN where a run was not made, -inf where it failed.
    start
        The start's row, if it was re-run. It takes part in the choice like the others.
    rows
        The rows behind the scores; None where they are not known.
    n_rows
        The validation rows behind each score, if a score is a share of them and `rows` is None.
    """
    settings, seeds = used_part(reruns)
    if not len(settings) or not len(seeds):
        return None
    y, f = search_scores[settings], reruns[np.ix_(settings, seeds)]
    part = None if rows is None else rows.part(settings.tolist(), seeds.tolist())
    chosen = chosen_setting(y, f)
    first = settings.tolist().index(start) if start in settings.tolist() else None
    value = _expected(y, f, chosen, part)
    half_width = _half_width(f, _without_start(f, first, chosen), value, part, n_rows)
    why_not = _why_no_interval(half_width, part, value)
    return Rechecked(
        chosen=int(settings[chosen]),
        value=value,
        half_width=half_width if why_not is None else None,
        gain=None if first is None else gain_over_start(f, value, first, chosen, part),
        n_settings=len(settings),
        n_reruns=len(seeds),
        knows_rows=part is not None,
        no_interval=why_not,
        n_rows=None if part is None else round(part.n_rows),
        n_alike=None if part is None else part.n_alike,
    )


def _why_no_interval(
    half_width: float | None, rows: RecheckRows | None, value: float
) -> NoInterval | None:
    """Return what keeps an estimate from having an interval; None where nothing does."""
    if half_width is None:
        return NoInterval.FEW_RERUNS
    if rows is None:
        return None
    if rows.n_alike is not None:
        return NoInterval.ORDER
    if not rows.is_share and has_rare_losses(half_width, rows.half_width_if_worst(value)):
        return NoInterval.RARE_LOSSES
    return None


def _expected(y: FloatArray, f: FloatArray, chosen: int, rows: RecheckRows | None) -> float:
    """Return what to expect of the choice, by the best estimator that there are numbers for.

    `y` has the shape (k,), `f` (k, m).
    """
    if rows is not None:
        return rows.expected
    return shrunken_mean(f, chosen) if f.shape[1] > 1 else honest_value(y, f)


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
    """Return the expected score of the choice: each re-run scores a choice made without it.

    `search_scores` has the shape (k,), `reruns` (k, m).

    Notes
    -----
    H = (1/m) Σ_j f[c(-j), j] with c(-j) = argmax_i (y_i + Σ_{l≠j} f_il). The mean of the chosen
    setting's re-runs would be biased upwards, since they took part in the choice. No estimator of a
    maximum is unbiased: van Hasselt, "Estimating the maximum expected value" (2013).
    """
    return float(_left_out(search_scores, reruns).mean())


def gain_over_start(
    reruns: FloatArray, value: float, start: int, chosen: int, rows: RecheckRows | None = None
) -> Gain:
    """Return how much better the choice is than the start on the same runs; 0 if it is the start.

    Parameters
    ----------
    value
        What to expect of the choice: the mean of its own re-runs would find a gain of three points
        where all settings are equal.

    `search_scores` has the shape (k,), `reruns` (k, m).

    Notes
    -----
    The variance is the residual of the two-way table (setting, seed), since what a seed does to all
    settings cancels out, or that of the rows' differences.
    """
    if chosen == start:
        return Gain(0.0, None)
    k, m = reruns.shape
    df = (k - 1) * (m - 1)
    if rows is None:
        gain = value - float(reruns[start].mean())
        if df < FEWEST_DF_OF_GAIN:
            return Gain(gain, None)
        half = t_half(LEVEL, df) * math.sqrt(2 * two_way_variance(reruns) * (1 / m + RATIO))
        return Gain(gain, half if half > ROUNDING else None)
    own = rows.own
    gain = value - float(np.mean(np.concatenate([run[start] for run in own])))
    differences = [run[chosen] - run[start] for run in own[-m:]]
    residual = two_way_variance(reruns) if df else 0.0
    table = _table(_without_start(reruns, start, chosen), rows)
    half_width = half_width_of_gain(differences, reruns, residual, table, are_shares=rows.is_share)
    return Gain(gain, half_width or None)


def _left_out(search_scores: FloatArray, reruns: FloatArray) -> FloatArray:
    """Return f[c(-j), j] for each seed j; shape (m,)."""
    seeds = range(reruns.shape[1])
    choices = [chosen_setting(search_scores, np.delete(reruns, j, axis=1)) for j in seeds]
    return np.asarray(reruns[choices, list(seeds)], dtype=np.float64)


def _without_start(reruns: FloatArray, start: int | None, chosen: int) -> FloatArray:
    """Return the table without the start, which is no choice, unless it was chosen or is alone.

    `reruns` has the shape (k, m), the result that or (k - 1, m).
    """
    if start is None or start == chosen or len(reruns) < 2:
        return reruns
    return np.delete(reruns, start, axis=0)


def _half_width(
    reruns: FloatArray,
    best: FloatArray,
    value: float,
    rows: RecheckRows | None,
    n_rows: int | None,
) -> float | None:
    """Return the half-width of the honest value; `best` are the re-runs without the start's.

    `reruns` has the shape (k, m), `best` that or (k - 1, m).
    """
    if rows is not None:
        table = _table(best, rows)
        if not rows.is_share:
            return half_width_of_mean(value, rows.own, table) or None
        return half_width_of_share(min(abs(value), 1.0), table, knows_rows=True)
    if n_rows is not None:
        return half_width_of_share(min(abs(value), 1.0), Reruns(best, n_rows))
    k, m = reruns.shape
    df = k * (m - 1)
    variance = _variance(reruns - reruns.mean(axis=1, keepdims=True), df, reruns)
    return resplit_half_width(variance, df, m)


def _table(reruns: FloatArray, rows: RecheckRows) -> Reruns:
    return Reruns(reruns, rows.n_rows, rows.validation_share, rows.deff)


def _variance(residuals: FloatArray, df: int, scores: FloatArray) -> float:
    """Return the variance of residuals; 0 where it is no more than rounding.

    `residuals` and `scores` have the shape (k, m).
    """
    variance = float((residuals**2).sum()) / df if df else 0.0
    return variance if variance > (ROUNDING * float(np.abs(scores).max())) ** 2 else 0.0
