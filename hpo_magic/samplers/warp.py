"""The losses on a scale that a Gaussian process can follow, and back.

The better part keeps its shape: there the optimum is. The worse part keeps its order alone, as
quantiles of a half-normal distribution: whether a diverged training lost 10 or 1e8 says nothing
about where the good settings are.

What is better and what is worse is decided by the first trials, half of which are spread evenly.
The median of all trials would not do: a search that has found a valley puts most of its trials
there, and then all that is outside, even its other end, would count as the worse part. It would
look like a cliff on the scale, and never be searched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from hpo_magic.core.domains import FloatArray

# The first trials: twice as many as come before the model in a space of several parameters
# (`initial`). With those alone, six, searches ended a little worse.
N_FIRST = 12
# A median so many times further from the next better loss than that is from the best is of
# trainings that diverged: the scale is that of the others.
DIVERGED = 3.0
# The scale of the better part is at least this share of its range, so that numbers stay finite.
LEAST_SPREAD = 1e-9
LARGEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Warp:
    """A monotone map, made from some losses.

    `losses` are those it was made from and `warped` what became of them: mean 0 and variance 1, or
    all 0 where all losses are equal. `slope` is the loss per warped unit in the better part.
    """

    losses: FloatArray
    warped: FloatArray
    slope: float

    @classmethod
    def of(cls, losses: FloatArray, n_first: int = N_FIRST) -> Warp:
        """Return the map for `losses`, shape (n,), n >= 1, finite and of any size.

        They are in the order of the trials; the median of the first `n_first` divides the better
        from the worse.
        """
        largest = np.abs(losses).max() or 1.0
        scaled = losses / largest  # differences of 1e308 stay finite
        if np.ptp(scaled) == 0:
            return cls(losses, np.zeros_like(losses), 0.0)
        middle = _middle(scaled, n_first)
        is_better = scaled < middle
        # Root mean square 1, as a half-normal distribution has it.
        first = scaled[:n_first]
        below = first[first < middle] if (first < middle).any() else scaled[is_better]
        spread = np.sqrt(np.mean((middle - below) ** 2)) if below.size else 1.0
        # A later loss may be so much lower that the first ones are all alike beside it.
        spread = max(float(spread), LEAST_SPREAD * float(middle - scaled.min()))
        shape = np.empty_like(scaled)
        shape[is_better] = (scaled[is_better] - middle) / (spread or 1.0)
        worse = scaled[~is_better]
        # The r-th of n has the quantile (r - 1) / n of the upper half: the first is at 0.
        shape[~is_better] = ndtri(0.5 + 0.5 * (rankdata(worse) - 1) / max(worse.size, 1))
        deviation = shape.std()
        if deviation < np.finfo(np.float64).tiny:
            return cls(losses, np.zeros_like(losses), 0.0)
        slope = min(float(spread * deviation), LARGEST / 2 / float(largest)) * float(largest)
        return cls(losses, (shape - shape.mean()) / deviation, slope)

    def inverse(self, warped: FloatArray) -> FloatArray:
        """Return the losses that `warped` stand for; beyond the best, the slope goes on.

        `warped` has any shape, and the result the same.
        """
        order = np.argsort(self.warped, kind="stable")
        inside = np.interp(warped, self.warped[order], self.losses[order])
        beyond = np.minimum(warped - self.warped[order[0]], 0.0)
        with np.errstate(over="ignore"):
            return np.asarray(np.clip(inside + beyond * self.slope, -LARGEST, LARGEST))


def _middle(losses: FloatArray, n_first: int) -> float:
    """Return the loss at which the better part ends: the median of the first trials, or less.

    `losses` has the shape (n_trials,).
    """
    best, of = losses.min(), losses[:n_first]
    while True:
        middle = float(np.median(of))
        better = of[of < middle]
        if better.size < 2:
            better = losses[losses < middle]
        if better.size < 2 or np.ptp(better) == 0:
            return middle
        if middle - better.max() <= DIVERGED * (better.max() - best):
            return middle
        of = better
