"""What the searches say: regrets, ratios of regrets, runs won, and how sure each figure is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.drive import Curve
from hpo_magic.core.domains import FloatArray

__all__ = ["FLOOR", "Figure", "Runs", "mean_regret", "ratio", "won"]

# Regrets below a thousandth of the scale count as a thousandth: nobody could tell them apart, and
# a ratio of two of them would say more about the floating point than about the samplers.
FLOOR = 1e-3
N_BOOTSTRAP = 2_000


@dataclass(frozen=True)
class Figure:
    """An estimate and its 95% bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Runs:
    """The searches, by sampler, problem and seed."""

    def __init__(self, curves: Iterable[Curve]) -> None:
        self.curves = {(c.sampler, c.problem, c.seed): c for c in curves}

    @property
    def samplers(self) -> list[str]:
        """The samplers, in the order in which they came."""
        return list(dict.fromkeys(sampler for sampler, _, _ in self.curves))

    @property
    def problems(self) -> list[str]:
        """The problems, in the order in which they came."""
        return list(dict.fromkeys(problem for _, problem, _ in self.curves))

    def regrets(self, sampler: str, n: int) -> dict[str, dict[int, float]]:
        """Return the regrets after `n` trials, by problem and seed."""
        found: dict[str, dict[int, float]] = {}
        for (name, problem, seed), curve in self.curves.items():
            if name == sampler and len(curve.regrets) >= n:
                found.setdefault(problem, {})[seed] = float(curve.regrets[n - 1])
        return found

    def pairs(self, one: str, other: str, n: int) -> list[FloatArray]:
        """Return for each problem both samplers' regrets of the seeds they share, shape (2, k)."""
        left, right = self.regrets(one, n), self.regrets(other, n)
        pairs = []
        for problem in left:
            seeds = sorted(left[problem].keys() & right.get(problem, {}).keys())
            if seeds:
                pairs.append(
                    np.array([[side[problem][s] for s in seeds] for side in (left, right)])
                )
        return pairs


def mean_regret(runs: Runs, sampler: str, n: int) -> Figure | None:
    """Return the mean regret over problems; seeds are drawn again for the interval."""
    rows = [np.array([list(seeds.values())]) for seeds in runs.regrets(sampler, n).values()]
    return _bootstrapped(rows, _mean, are_problems_drawn=False)


def ratio(runs: Runs, one: str, other: str, n: int) -> Figure | None:
    """Return the geometric mean over problems of `one`'s mean regret divided by `other`'s.

    For the interval, problems and seeds are drawn again: it tells what other problems of the kind
    might have shown.
    """
    return _bootstrapped(runs.pairs(one, other, n), _geometric_ratio, are_problems_drawn=True)


def won(runs: Runs, one: str, other: str, n: int) -> Figure | None:
    """Return the share of runs in which `one` has the lower regret; a tie is half a win.

    It is the mean over problems of the share on each.
    """
    wins = []
    for pair in runs.pairs(one, other, n):
        left, right = np.round(pair, 9)
        wins.append(((left < right) + 0.5 * (left == right))[None])
    return _bootstrapped(wins, _mean, are_problems_drawn=True)


def _mean(means: FloatArray) -> FloatArray:
    """Return the mean over problems of `means`, shape (..., n_problems, 1)."""
    mean: FloatArray = means[..., 0].mean(axis=-1)
    return mean


def _geometric_ratio(means: FloatArray) -> FloatArray:
    """Return the geometric mean over problems of the first of `means` divided by the second."""
    logs = np.log(np.maximum(means, FLOOR))
    mean: FloatArray = np.exp((logs[..., 0] - logs[..., 1]).mean(axis=-1))
    return mean


def _bootstrapped(
    rows: list[FloatArray],
    figure: Callable[[FloatArray], FloatArray],
    *,
    are_problems_drawn: bool,
) -> Figure | None:
    """Return `figure` of the means over seeds, shape (..., n_problems, k), and its interval.

    `rows` are, for each problem, shape (k, n_seeds).
    """
    if not rows:
        return None
    rng = np.random.default_rng(0)
    drawn = [rng.integers(row.shape[1], size=(N_BOOTSTRAP, row.shape[1])) for row in rows]
    # (N_BOOTSTRAP, n_problems, k)
    means = np.stack([row[:, i].mean(axis=2).T for row, i in zip(rows, drawn, strict=True)], axis=1)
    if are_problems_drawn:
        chosen = rng.integers(len(rows), size=(N_BOOTSTRAP, len(rows)))
        means = np.take_along_axis(means, chosen[:, :, None], axis=1)
    low, high = np.quantile(figure(means), [0.025, 0.975])
    value = figure(np.array([row.mean(axis=1) for row in rows]))
    return Figure(float(value), float(low), float(high))
