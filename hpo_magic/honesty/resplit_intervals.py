"""Half-widths of what is measured by a search and its re-runs on new splits of the same rows.

The splits share rows, so R runs of n_val rows are worth fewer than R n_val new rows: `n_eff`. To
the error of the rows comes that of the training, where the re-runs show it (`widened`). Scores are
oriented so that higher is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.honesty.intervals import LEVEL, share_variance, wilson_interval
from hpo_magic.honesty.quantiles import highest_variance, t_half, z_half

# v where the split is not known: what scikit-learn's train_test_split holds out.
VALIDATION_SHARE = 0.25
# What the rows know beside the re-runs: their t distribution has so many degrees of freedom more.
DF_OF_ROWS = 10
# The re-runs' spread counts only where that of the rows alone stays below it this often.
SURPRISE = 0.95


@dataclass(frozen=True)
class Reruns:
    """The scores of a re-check, for the spread of its re-runs.

    Parameters
    ----------
    scores : shape (k, m)
        Of k settings on m seeds: without the start, unless it was chosen.
    n_rows
        Validation rows of one run, on average.
    validation_share
        v, the validation rows as a share of all rows that were split.
    deff
        How many rows of one group are worth one row of its own; 1 without groups.
    """

    scores: FloatArray
    n_rows: float
    validation_share: float = VALIDATION_SHARE
    deff: float = 1.0

    @property
    def n_runs(self) -> int:
        """R: the search's run and the re-runs of a setting."""
        return int(self.scores.shape[1]) + 1

    @property
    def n_effective(self) -> float:
        """n_eff: the new rows that all runs of a setting are worth."""
        return effective_rows(self.n_rows, self.n_runs, self.validation_share) / self.deff

    @property
    def n_distinct(self) -> float:
        """The different rows that all runs of a setting are expected to validate on."""
        return distinct_rows(self.n_rows, self.n_runs, self.validation_share) / self.deff

    @property
    def df(self) -> int:
        """The degrees of freedom of `variance`."""
        k, m = self.scores.shape
        return int(k * (m - 1))

    @property
    def variance(self) -> float:
        """s², of a re-run about the mean of its setting."""
        about = self.scores - self.scores.mean(axis=1, keepdims=True)
        return float((about**2).sum()) / self.df if self.df else 0.0

    @property
    def ratio(self) -> float:
        """Validation rows for each training row."""
        return self.validation_share / (1 - self.validation_share)


def effective_rows(n_rows: float, n_runs: int, validation_share: float) -> float:
    """Return n_eff = R n_val / (1 + (R - 1) v): two runs share a v of their validation rows.

    >>> round(effective_rows(30, 4, 0.25), 1)
    68.6
    """
    return n_runs * n_rows / (1 + (n_runs - 1) * validation_share)


def distinct_rows(n_rows: float, n_runs: int, validation_share: float) -> float:
    """Return how many different rows are expected in R validation sets of n_val rows each.

    Each row is in a validation set with probability v, so n_val (1 - (1 - v)^R) / v.

    >>> round(distinct_rows(30, 4, 0.25), 1)
    82.0
    """
    return n_rows * (1 - (1 - validation_share) ** n_runs) / validation_share


def half_width_of_share(value: float, reruns: Reruns, *, knows_rows: bool = False) -> float:
    """Return the half-width of an honest number that is a share of rows.

    Wilson's larger side with n_eff rows, wider where the training varies.

    Parameters
    ----------
    value
        The share, from 0 to 1. For an error rate its size, not the oriented number.
    knows_rows
        Whether the number comes of the rows of all runs. Then it counts the different rows in
        place of n_eff, which are more: its error is smaller than that of a number from scores.
    """
    n = reruns.n_distinct if knows_rows else reruns.n_effective
    rows = wilson_interval(value, n).half_around(value)
    row_variance = share_variance(value, reruns.n_rows) * reruns.deff
    return widened(rows, z_half(LEVEL), row_variance, reruns)


def half_width_of_mean(value: float, rows: Sequence[FloatArray], reruns: Reruns) -> float:
    """Return the half-width of an honest number that is a mean over rows, such as a loss.

    Parameters
    ----------
    value
        H, the honest number.
    rows : length n_runs, shape (k, n_val) each
        What each row adds, in each run of the settings that were run again.

    Notes
    -----
    w = t √(S/n_eff) with S the mean row variance of all these settings: that of the chosen one is
    small by its luck. To S comes (worst row - H)²/(rows seen + 1), as if one more row as bad as the
    worst were to come: a loss has few such rows, and most validation sets have none.
    """
    mean_variance = float(np.mean([np.var(one, axis=1, ddof=1).mean() for one in rows]))
    worst = min(float(one.min()) for one in rows)
    n_seen = sum(one.shape[1] for one in rows)
    spread = mean_variance + (worst - value) ** 2 / (n_seen + 1)
    quantile = t_half(LEVEL, reruns.df + DF_OF_ROWS)
    w = quantile * math.sqrt(spread / reruns.n_effective)
    return widened(w, quantile, mean_variance * reruns.deff / reruns.n_rows, reruns)


def half_width_of_ranking(value: float, run_variance: float, reruns: Reruns) -> float:
    """Return the half-width of an honest AUC or F1, which are no means over rows.

    Parameters
    ----------
    run_variance
        The variance of one run's score over bootstrap draws of its rows.

    Notes
    -----
    At least Wilson's: an AUC of 1 has no bootstrap variance.
    """
    quantile = t_half(LEVEL, reruns.df + DF_OF_ROWS)
    n = reruns.n_effective
    w = max(
        quantile * math.sqrt(run_variance * reruns.n_rows / n),
        wilson_interval(value, n).half_around(value),
    )
    return widened(w, quantile, run_variance, reruns)


def half_width_of_gain(
    differences: Sequence[FloatArray],
    table: FloatArray,
    residual: float,
    reruns: Reruns,
    *,
    are_shares: bool,
) -> float | None:
    """Return the half-width of how much better the chosen setting is than the start.

    Parameters
    ----------
    differences : length m, shape (n_val,) each
        What the chosen setting has more than the start on each row of each re-run.
    table : shape (k', m)
        The re-runs' scores, the start's among them.
    residual
        s_p², the two-way residual variance of that table.
    are_shares
        Whether the scores are shares of rows: a difference of shares varies by a row at least.

    Returns
    -------
    None with fewer than one degree of freedom.
    """
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    if df < 1:
        return None
    n_val = float(np.mean([len(one) for one in differences]))
    spread = float(np.mean([np.var(one, ddof=1) for one in differences]))
    if are_shares:
        spread = max(spread, 1 / n_val)
    quantile = t_half(LEVEL, df + DF_OF_ROWS)
    w = quantile * math.sqrt(spread / reruns.n_effective)
    return widened_by(
        w, quantile, spread * reruns.deff / n_val, 2 * residual, df, table.shape[1], reruns.ratio
    )


def widened(half_width: float, quantile: float, row_variance: float, reruns: Reruns) -> float:
    """Return a half-width of rows, with the training's part where the re-runs show one."""
    m = reruns.scores.shape[1]
    return widened_by(
        half_width, quantile, row_variance, reruns.variance, reruns.df, m, reruns.ratio
    )


def widened_by(
    half_width: float,
    quantile: float,
    row_variance: float,
    rerun_variance: float,
    df: int,
    n_reruns: int,
    ratio: float,
) -> float:
    """Return √(rows' error² + training's error²) as a half-width, if the re-runs vary too much.

    Parameters
    ----------
    half_width, quantile
        w and q: of the rows alone, and its width in standard errors.
    row_variance
        b, the variance of one run's score that comes of its rows.
    rerun_variance, df
        s², of one run's score about its setting's mean, and its degrees of freedom.
    n_reruns, ratio
        m, and validation rows for each training row.

    Notes
    -----
    Only if s²/b > χ²_.95(df)/df: t(df + 10) √((w/q)² + (s² - b)(1/m + ratio)). So unequal trainings
    and groups that nobody told of are seen, and chance seldom widens. The factor (1/m + ratio) is
    that of Nadeau and Bengio, "Inference for the generalization error" (Machine Learning 2003).
    """
    if df < 1 or rerun_variance <= row_variance * highest_variance(df, SURPRISE):
        return half_width
    training = (rerun_variance - row_variance) * (1 / n_reruns + ratio)
    error = math.sqrt((half_width / quantile) ** 2 + training)
    return t_half(LEVEL, df + DF_OF_ROWS) * error
