"""The losses on a scale that a Gaussian process can follow, and back.

The better half keeps its shape: there the optimum is. The worse half keeps its order alone, as
quantiles of a half-normal distribution: whether a diverged training lost 10 or 1e8 says nothing
about where the good settings are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from hpo_magic.core.domains import FloatArray

__all__ = ["Warp"]


@dataclass(frozen=True)
class Warp:
    """A monotone map, made from some losses.

    `losses` are those it was made from and `warped` what became of them: mean 0 and variance 1, or
    all 0 where all losses are equal. `slope` is the loss per warped unit in the better half.
    """

    losses: FloatArray
    warped: FloatArray
    slope: float

    @classmethod
    def of(cls, losses: FloatArray) -> Warp:
        """Return the map for `losses`, shape (n,), n >= 1, finite and of any size."""
        largest = np.abs(losses).max() or 1.0
        scaled = losses / largest  # differences of 1e308 stay finite
        from_middle = scaled - np.median(scaled)
        better = from_middle < 0
        # Root mean square 1, as a half-normal distribution has it; 1 too if nothing is better.
        spread = np.sqrt(np.mean(from_middle[better] ** 2)) if better.any() else 1.0
        # Below the median, the r-th loss is at the quantile (r - 1/2) / n < 1/2.
        quantiles = np.maximum(ndtri((rankdata(losses) - 0.5) / len(losses)), 0.0)
        shape = np.where(better, from_middle / (spread or 1.0), quantiles)
        deviation = shape.std() if np.ptp(scaled) > 0 else 0.0
        if deviation < np.finfo(np.float64).tiny:
            return cls(losses, np.zeros_like(losses), 0.0)
        return cls(losses, (shape - shape.mean()) / deviation, float(spread * deviation * largest))

    def inverse(self, warped: FloatArray) -> FloatArray:
        """Return the losses that `warped` stand for; beyond the best, the slope goes on."""
        order = np.argsort(self.warped, kind="stable")
        inside = np.interp(warped, self.warped[order], self.losses[order])
        beyond = np.minimum(warped - self.warped[order[0]], 0.0)
        return np.asarray(inside + beyond * self.slope)
