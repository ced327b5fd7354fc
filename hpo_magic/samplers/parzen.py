"""What the better settings have in common: a tree-structured Parzen estimator.

Each parameter by itself: how often is a value among the better trials, how often among the worse?
Values are drawn as the better ones lie, and the one is taken whose ratio of the two is the highest.
So nothing is concluded from one branch of a space about another, nor from a slope about what lies
beyond. Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), section 4;
the share of the better ones and the widths are those of section 3 of Watanabe, "Tree-Structured
Parzen Estimator" (arXiv:2304.11127).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, ndtr, ndtri

from hpo_magic.core.activity import BoolArray
from hpo_magic.core.domains import FloatArray
from hpo_magic.samplers.encoding import Encoding

# A tenth of the trials are the better ones, but no more than so many.
SHARE_BETTER, MOST_BETTER = 0.1, 25
# So many values are drawn for each that is taken.
N_DRAWN = 24
# No kernel is narrower than the whole range divided by this, or by one more than its neighbours.
NARROWEST = 100
SQRT_2PI = np.sqrt(2.0 * np.pi)


def better_alike(
    encoding: Encoding, units: FloatArray, losses: FloatArray, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return `n` settings that are like the better trials and unlike the others.

    Parameters
    ----------
    units : shape (n_trials, n_params)
        Where the trials are; NaN for what a trial did not reach.
    losses : shape (n_trials,)
        What they lost, finite.

    Returns
    -------
    units, shape (n, n_params), each of a value that exists
    """
    n_better = min(math.ceil(SHARE_BETTER * len(losses)), MOST_BETTER)
    is_better = np.zeros(len(losses), dtype=bool)
    is_better[np.argsort(losses, kind="stable")[:n_better]] = True
    columns = []
    for j, n_levels in enumerate(encoding.n_levels):
        is_listed = bool(encoding.is_unordered[j]) or n_levels <= 2
        kind = int(n_levels) if is_listed else None
        columns.append(_alike(units[:, j], is_better, kind, n, rng))
    return encoding.snap(np.stack(columns, axis=1))


def _alike(
    places: FloatArray, is_better: BoolArray, n_levels: int | None, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return n places of one parameter; `n_levels` if nothing lies between its values.

    `places` and `is_better` have the shape (n_trials,), the result (n,).
    """
    is_reached = ~np.isnan(places)
    better, worse = (
        _Numbers(places[chosen]) if n_levels is None else _Levels(places[chosen], n_levels)
        for chosen in (is_reached & is_better, is_reached & ~is_better)
    )
    drawn = better.draw(n * N_DRAWN, rng)
    ratios = better.log_density(drawn) - worse.log_density(drawn)
    best = ratios.reshape(n, N_DRAWN).argmax(axis=1)
    taken: FloatArray = drawn.reshape(n, N_DRAWN)[np.arange(n), best]
    return taken


@dataclass(frozen=True)
class _Levels:
    """How often each level is met; one trial's weight is spread evenly over all of them."""

    places: FloatArray
    n_levels: int

    @cached_property
    def shares(self) -> FloatArray:
        levels = self._level(self.places)
        counts = np.bincount(levels, minlength=self.n_levels).astype(np.float64)
        shares: FloatArray = (counts + 1.0 / self.n_levels) / (len(self.places) + 1.0)
        return shares

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        return (rng.choice(self.n_levels, n, p=self.shares) + 0.5) / self.n_levels

    def log_density(self, places: FloatArray) -> FloatArray:
        density: FloatArray = np.log(self.shares[self._level(places)])
        return density

    def _level(self, places: FloatArray) -> npt.NDArray[np.intp]:
        levels = np.floor(places * self.n_levels).astype(np.intp)
        return np.minimum(levels, self.n_levels - 1)


class _Numbers:
    """A mixture of normal distributions within [0, 1]: one at each place, and a wide one.

    Each is as wide as the gap to the further of its neighbours.
    """

    def __init__(self, places: FloatArray) -> None:
        self.means = np.sort(np.append(places, 0.5))
        gaps = np.diff(self.means, prepend=0.0, append=1.0)
        narrowest = 1.0 / min(NARROWEST, 1 + len(self.means))
        self.widths = np.clip(np.maximum(gaps[:-1], gaps[1:]), narrowest, 1.0)
        self.widths[np.searchsorted(self.means, 0.5)] = 1.0
        self.low = ndtr(-self.means / self.widths)
        self.high = ndtr((1.0 - self.means) / self.widths)

    def draw(self, n: int, rng: np.random.Generator) -> FloatArray:
        i = rng.integers(len(self.means), size=n)
        quantiles = self.low[i] + rng.random(n) * (self.high[i] - self.low[i])
        drawn: FloatArray = self.means[i] + self.widths[i] * ndtri(quantiles)
        return np.clip(drawn, 0.0, 1.0)

    def log_density(self, places: FloatArray) -> FloatArray:
        z = (places[:, np.newaxis] - self.means) / self.widths
        area = SQRT_2PI * self.widths * (self.high - self.low)
        density: FloatArray = logsumexp(-0.5 * z**2 - np.log(area * len(self.means)), axis=1)
        return density
