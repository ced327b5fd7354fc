"""How far luck alone can take the best of many scores, and when there is nothing more to see."""

from __future__ import annotations

import math

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.notices import Enough
from hpo_magic.honesty.intervals import share_variance
from hpo_magic.honesty.quantiles import normal_quantile

# Half a point: below it nothing is warned of.
HARMLESS = 0.005
# A curve of fewer trials has not levelled off; it has not begun.
FEWEST_TRIALS = 20


def selection_bias(standard_error: float, n_settings: int) -> float:
    """Return how far above the truth the best of equally good settings is expected to score.

    An upper figure: settings that differ, or err on the same rows, leave luck less to do. In 121
    searches on small data the best score was 0.55 to 0.75 of it too high.

    Parameters
    ----------
    standard_error
        Of one score, in the metric's unit.
    n_settings
        How many were scored; 1 has no luck.

    Notes
    -----
    The expected maximum of N normal deviates, Φ⁻¹((N - .375)/(N + .25)): Blom, "Statistical
    Estimates and Transformed Beta-Variables" (1958).
    """
    if n_settings < 1:
        raise ValueError(f"luck needs 1 setting or more, got {n_settings}")
    return standard_error * normal_quantile((n_settings - 0.375) / (n_settings + 0.25))


def luck_of_share(share: float, n_rows: int, n_settings: int) -> float:
    """Return the luck in a share of rows, such as accuracy: √(p(1 - p)/n) for one score.

    >>> round(luck_of_share(0.9, 100, 32), 3)
    0.062
    """
    return selection_bias(math.sqrt(share_variance(share, n_rows)), n_settings)


def is_harmless(added: float) -> bool:
    """Return whether luck could add less than half a point to a share of rows."""
    return added < HARMLESS


def enough(
    search_scores: FloatArray, standard_error: float, n_rows: int | None = None
) -> Enough | None:
    """Return a notice if further trials are unlikely to gain more than the sampling error.

    Parameters
    ----------
    search_scores : shape (n_trials,)
        Of the complete trials, in their order; higher is better.
    standard_error
        Of one score.
    n_rows
        The validation rows, to be named.

    Notes
    -----
    The best score grows ever more slowly, so that as many trials again gain less than the last half
    of them did. To stop where that is below the error of a score is the rule of Makarova et al.,
    "Automatic termination for hyperparameter optimization" (AutoML 2022), who bound the gain by a
    surrogate instead.
    """
    n = len(search_scores)
    if n < FEWEST_TRIALS:
        return None
    late = n // 2
    gained = max(float(np.max(search_scores)) - float(np.max(search_scores[: n - late])), 0.0)
    if gained >= standard_error:
        return None
    return Enough(late, gained, standard_error, n_rows)
