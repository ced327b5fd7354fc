"""BBC: what to expect of the choice, from the rows of the search alone, without a further run.

The choice is made again on resampled rows and scored on the rows that were left out. Tsamardinos,
Greasidou and Borboudakis, "Bootstrapping the out-of-sample predictions for efficient and accurate
cross-validation" (Machine Learning 2018), algorithm 5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.row_scores import RowOrder
from hpo_magic.honesty.dependence import design_effect
from hpo_magic.honesty.intervals import LEVEL, wilson_interval
from hpo_magic.honesty.no_interval import NoInterval, has_rare_losses, n_alike
from hpo_magic.honesty.quantiles import z_half
from hpo_magic.honesty.resampled_choice import Resampled, Run, best_of_search
from hpo_magic.honesty.resampling import Units
from hpo_magic.honesty.weighted_scores import Means

# More rows change the result by less than the digits it is written with.
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Bbc:
    """What to expect of the choice; oriented so that higher is better.

    `half_width` is that of a 95% interval; None where there is none, and `no_interval` says why.
    `n_rows` are those that were used. `n_older` trials of older studies selected on the same rows;
    their selection bias is subtracted. Over `n_alike` neighbouring rows the scores agree; None if
    that is few, or if the rows have no order.
    """

    value: float
    half_width: float | None
    n_settings: int
    n_rows: int
    n_older: int = 0
    no_interval: NoInterval | None = None
    n_alike: float | None = None


def bbc(
    row_scores: npt.ArrayLike,
    seed: int = 0,
    units: Units | None = None,
    order: RowOrder = RowOrder.NONE,
    worst: float | None = None,
) -> Bbc:
    """Return the expected score of the best of all settings.

    Parameters
    ----------
    row_scores : shape (n_settings, n_rows)
        What each setting got on each validation row, the same rows for all; higher is better: 1 for
        right and 0 for wrong, or a loss with its sign changed. In the order of the trials, and all
        of them: with the best twenty alone the result is biased upwards.
    seed
        Of the draws.
    units : shape (n_rows,)
        Rows with the same number are drawn together (groups, blocks of neighbours in time); None:
        each row by itself.
    order
        What the order of the rows means: where neighbours are too alike, there is no interval.
    worst
        The worst score that a row could have got; None: not known. Where the mean may depend on
        such rows, and there was none, there is no interval.

    Raises
    ------
    ValueError
        If there are fewer than 2 rows, or a row's score is not finite.
    """
    V = np.asarray(row_scores, dtype=np.float64)  # noqa: N806  (the paper's symbol)
    n_settings, n = _checked_shape(V)
    if n > MOST_ROWS:
        kept = np.sort(np.random.default_rng(seed).choice(n, MOST_ROWS, replace=False))
        return bbc(V[:, kept], seed, None if units is None else units[kept], order, worst)
    found = best_of_search(Run(Means(V), units), seed)
    alike, half_width = n_alike(V, order), _half_width(V, found, units)
    why_not = None if alike is None else NoInterval.ORDER
    if why_not is None and has_rare_losses(half_width, _half_width_if_worst(V, found, worst)):
        why_not = NoInterval.RARE_LOSSES
    if why_not is None and half_width == 0:
        why_not = NoInterval.EQUAL_ROWS
    known = half_width if why_not is None else None
    return Bbc(found.value, known, n_settings, n, no_interval=why_not, n_alike=alike)


def _checked_shape(row_scores: FloatArray) -> tuple[int, int]:
    if row_scores.ndim != 2 or row_scores.shape[0] < 1 or row_scores.shape[1] < 2:
        raise ValueError(
            f"row scores must be settings by rows, 1 by 2 at least, got shape {row_scores.shape}"
        )
    if not np.isfinite(row_scores).all():
        raise ValueError("a row's score is not a finite number: leave that trial out")
    n_settings, n_rows = row_scores.shape
    return n_settings, n_rows


def _half_width_if_worst(row_scores: FloatArray, found: Resampled, worst: float | None) -> float:
    """Return the half-width that one more row with the worst score would give; 0 if not known.

    `row_scores` has the shape (n_settings, n_rows).
    """
    if worst is None or worst >= float(row_scores.min()):
        return 0.0
    n = row_scores.shape[1]
    return z_half(LEVEL) * abs(worst - found.value) / math.sqrt(n * (n + 1))


def _half_width(row_scores: FloatArray, found: Resampled, units: Units | None) -> float:
    """Return Wilson's at that value for rights and wrongs, else that of the draws' percentiles.

    `row_scores` has the shape (n_settings, n_rows).

    The chosen setting's own rows would make it too narrow for losses: of many settings the one is
    chosen that has no bad row. That covered 29% to 91% where the percentiles cover 92% to 100%.
    """
    if np.isin(np.abs(row_scores), (0.0, 1.0)).all():  # an error rate is negative here
        share = abs(found.value)
        deff = 1.0 if units is None else design_effect(row_scores, units)
        # The larger side: BBC is a little low where the settings truly differ.
        return wilson_interval(share, row_scores.shape[1] / deff).half_around(share)
    low, high = found.percentiles(LEVEL)
    return max(found.value - low, high - found.value)
