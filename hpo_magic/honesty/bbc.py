"""BBC: what to expect of the choice, from per-example outcomes alone, without a further run.

The choice is made again on resampled rows and scored on the rows that were left out. Tsamardinos,
Greasidou and Borboudakis, "Bootstrapping the out-of-sample predictions for efficient and accurate
cross-validation" (Machine Learning 2018), algorithm 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.honesty.intervals import mean_interval, wilson_interval

N_DRAWS = 400
# More rows change the result by less than the digits it is written with.
MOST_ROWS = 20_000
ROWS_AT_ONCE = 1_000_000  # weights in memory: draws times rows


@dataclass(frozen=True)
class Bbc:
    """What to expect of the choice; oriented so that higher is better.

    `half_width` is that of a 95% interval. `n_rows` are those that were used.
    """

    value: float
    half_width: float
    n_settings: int
    n_rows: int


def bbc(row_scores: npt.ArrayLike, seed: int = 0) -> Bbc:
    """Return what to expect of the best of all settings.

    Parameters
    ----------
    outcomes : shape (n_settings, n_rows)
        What each setting got on each validation row, the same rows for all; higher is better: 1 for
        right and 0 for wrong, or a loss with its sign changed. In the order of the trials, and all
        of them: with the best twenty alone the result is optimistic again.
    seed
        Of the draws.

    Raises
    ------
    ValueError
        If there are fewer than 2 rows, or an outcome is not finite.
    """
    V = np.asarray(row_scores, dtype=np.float64)  # noqa: N806  (the paper's symbol)
    n_settings, n = _checked_shape(V)
    rng = np.random.default_rng(seed)
    if n > MOST_ROWS:
        V = V[:, np.sort(rng.choice(n, MOST_ROWS, replace=False))]  # noqa: N806
        n = MOST_ROWS
    at_once = max(1, ROWS_AT_ONCE // n)
    scores = [
        draw_scores(V, draw_weights(n, min(at_once, N_DRAWS - done), rng))
        for done in range(0, N_DRAWS, at_once)
    ]
    value = float(np.nanmean(np.concatenate(scores)))
    return Bbc(value, _half_width(V, value), n_settings, n)


def draw_weights(n_rows: int, n_draws: int, rng: np.random.Generator) -> FloatArray:
    """Return how often each row is drawn, with replacement; shape (n_draws, n_rows)."""
    drawn = rng.integers(n_rows, size=(n_draws, n_rows))
    drawn += n_rows * np.arange(n_draws)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n_draws * n_rows)
    return counts.reshape(n_draws, n_rows).astype(np.float64)


def draw_scores(row_scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Return for each draw the score, on the rows of weight 0, of the choice on the others.

    Shape (n_draws,); NaN where every row was drawn.
    """
    choices = (weights @ row_scores.T).argmax(axis=1)  # the earliest among equals
    left_out = weights == 0
    n_left_out = left_out.sum(axis=1)
    totals = np.einsum("bn,bn->b", row_scores[choices], left_out.astype(np.float64))
    return np.where(n_left_out > 0, totals / np.maximum(n_left_out, 1), np.nan)


def _checked_shape(row_scores: FloatArray) -> tuple[int, int]:
    if row_scores.ndim != 2 or row_scores.shape[0] < 1 or row_scores.shape[1] < 2:
        raise ValueError(
            f"outcomes must be settings by rows, 1 by 2 at least, got shape {row_scores.shape}"
        )
    if not np.isfinite(row_scores).all():
        raise ValueError("an outcome is not a finite number: leave that trial out")
    n_settings, n_rows = row_scores.shape
    return n_settings, n_rows


def _half_width(row_scores: FloatArray, value: float) -> float:
    """Return Wilson's at that value for rights and wrongs, else that of the chosen one's mean."""
    n_rows = row_scores.shape[1]
    if np.isin(np.abs(row_scores), (0.0, 1.0)).all():  # an error rate is negative here
        share = abs(value)
        # The larger side: BBC is a little low where the settings truly differ.
        return wilson_interval(share, n_rows).half_around(share)
    best = row_scores[row_scores.mean(axis=1).argmax()]
    low, high = mean_interval(best)
    return (high - low) / 2
