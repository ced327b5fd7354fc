"""Whether a cell gives the same score again, so that re-running it tells nothing.

One equal score may be chance: with 21 validation rows one in six is. So the evidence is weighed:
whether the cell asked for `hp.seed()` or drew random numbers, how often such scores are equal by
chance, and whether the re-runs were scored on the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

# The odds that a cell is deterministic at which it is said to be.
CERTAIN = 99.0
# As many equal re-runs are enough where nothing is known of random numbers, whatever the odds.
MOST_RERUNS = 3
LEAST_ROW_VARIANCE = 0.25  # n p (1 - p): about one row in doubt


class Randomness(Enum):
    """What is known of the random numbers of a cell; the value are its odds to be deterministic."""

    NONE = math.inf  # no call of hp.seed(), and no generator moved in the search
    DRAWN = 1.0  # a generator moved: of random, NumPy or the framework
    UNKNOWN = 9.0
    SEED_ASKED = 1 / 19  # hp.seed() was called


@dataclass(frozen=True)
class Repeat:
    """One re-run beside the search's run of the same setting.

    Parameters
    ----------
    is_equal
        Whether all metrics that both runs have are equal.
    same_rows
        Whether both were scored on rows with the same labels, in that order; None if not known.
    rows_are_equal
        Whether each row got the same score in both; None if not known.
    """

    is_equal: bool
    same_rows: bool | None = None
    rows_are_equal: bool | None = None


def repeats_itself(
    reruns: Sequence[Repeat], randomness: Randomness, by_chance: Sequence[float]
) -> bool:
    """Return whether the cell gives the same score again, by the re-runs so far.

    Parameters
    ----------
    by_chance : length n_reruns
        q, how likely each re-run's score is to be equal by chance (`chance_of_share`,
        `chance_of_score`).

    Notes
    -----
    A re-run with another score, or on rows with other labels, settles it: the cell is not
    deterministic. Else, if each row got the same score, one re-run is enough, two where a generator
    moved or `hp.seed()` was called. Else the odds are prior ∏ 1/q, and 99 are enough.
    """
    if not reruns or not all(one.is_equal for one in reruns):
        return False
    if any(one.same_rows is False or one.rows_are_equal is False for one in reruns):
        return False
    if randomness is Randomness.NONE:
        return True
    n_same_rows = sum(one.rows_are_equal is True for one in reruns)
    if n_same_rows >= (1 if randomness is Randomness.UNKNOWN else 2):
        return True
    if len(reruns) >= MOST_RERUNS and randomness is Randomness.UNKNOWN:
        return True
    odds = randomness.value
    for chance in by_chance:
        odds /= max(chance, 1e-12)
    return bool(odds >= CERTAIN)


def chance_of_share(share: float, n_rows: int) -> float:
    """Return how likely two independent shares of so many rows are to be equal.

    Notes
    -----
    Two binomial counts with the variance n p (1 - p) each differ by 0 with about
    1/√(4π n p (1 - p)).

    >>> round(chance_of_share(0.8, 21), 2)
    0.15
    """
    variance = max(n_rows * share * (1 - share), LEAST_ROW_VARIANCE)
    return min(1.0, 1 / math.sqrt(4 * math.pi * variance))


def chance_of_score(score: float, others: Sequence[float]) -> float:
    """Return how likely a score of any kind is to come again, judged by the search's scores.

    Parameters
    ----------
    others
        The scores of the other settings.

    Notes
    -----
    The larger of (equal pairs + 1)/(pairs + 2), and the share of the others with this very score.
    """
    values = np.asarray(others, dtype=np.float64)
    n_pairs = len(values) * (len(values) - 1) // 2
    _, counts = np.unique(values, return_counts=True)
    n_ties = int((counts * (counts - 1) // 2).sum())
    share = float((values == score).mean()) if len(values) else 0.0
    return max((n_ties + 1) / (n_pairs + 2), share)
