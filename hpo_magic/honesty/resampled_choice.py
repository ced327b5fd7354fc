"""What to expect of the choice: it is made again on resampled rows, and scored on the others.

With the search's rows alone this is BBC: Tsamardinos, Greasidou and Borboudakis, "Bootstrapping the
out-of-sample predictions for efficient and accurate cross-validation" (Machine Learning 2018),
algorithm 5. With the rows of re-runs on new splits, each run is resampled by itself, and the choice
is that of the re-check: by the mean over all runs of a setting. Settings are in the order of their
trials, so that ties go to the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.honesty.resampling import N_DRAWS, Units, draw_weights
from hpo_magic.honesty.weighted_scores import Choices, RowMetric

WEIGHTS_AT_ONCE = 1_000_000  # in memory: draws times rows, over all runs
ROUNDING = 1e-12  # of a sum of scores, relative to it


@dataclass(frozen=True)
class Run:
    """The rows of one run of several settings: the search itself, or one seed of the re-check.

    `units` says which rows are drawn together; None: each by itself.
    """

    rows: RowMetric
    units: Units | None = None


@dataclass(frozen=True)
class Resampled:
    """What to expect of the choice; oriented so that higher is better.

    Parameters
    ----------
    value
        The mean over the draws.
    draws : shape (n_draws,)
        The score of each draw's choice on the rows that it left out.
    """

    value: float
    draws: FloatArray

    def percentiles(self, level: float) -> tuple[float, float]:
        """Return the bounds between which the middle `level` of the draws lie."""
        low, high = np.quantile(self.draws, [0.5 - level / 2, 0.5 + level / 2])
        return float(low), float(high)


def best_of_search(search: Run, seed: int = 0) -> Resampled:
    """Return the expected score of the best of all settings, from the search's rows alone (BBC)."""
    rng = np.random.default_rng(seed)
    found = []
    for n_draws in _parts(search.rows.n_rows):
        weights = draw_weights(search.rows.n_rows, n_draws, rng, search.units)
        choices = _first_best(search.rows.scores(weights))
        left_out = (weights == 0).astype(np.float64)
        found.append(search.rows.scores_of(choices, left_out))
    return _resampled(np.concatenate(found))


def best_of_recheck(
    search: Run | None,
    again: npt.ArrayLike,
    search_scores: FloatArray,
    reruns: Sequence[Run],
    seed: int = 0,
) -> Resampled:
    """Return the expected score of the re-check's choice, from the rows of all runs.

    Parameters
    ----------
    search
        The rows of all settings of the search; None where some are missing, or are other rows.
    again : shape (k,)
        Which settings of the search were run again, the start included, in their order.
    search_scores : shape (k,)
        What these scored in the search: it counts in the choice where `search` is None.
    reruns : length m
        One run of these k settings for each new seed.

    Notes
    -----
    H is the mean over draws of [Σ_oob run 0 V(c⁰) + Σ_j≥1 Σ_oob run j V(c)] / number of rows left
    out. c = argmax over the re-run settings of the sum over runs of the in-bag score; c⁰ = argmax
    over all settings of the in-bag score in run 0. Scores that are no sums over rows are averaged
    over runs with the same weights.
    """
    rng = np.random.default_rng(seed)
    places = np.asarray(again, dtype=np.intp)
    runs = [*reruns] if search is None else [search, *reruns]
    found = []
    for n_draws in _parts(sum(run.rows.n_rows for run in runs)):
        weights = [draw_weights(run.rows.n_rows, n_draws, rng, run.units) for run in runs]
        in_bag = [run.rows.scores(w) for run, w in zip(runs, weights, strict=True)]
        if search is None:
            choices = _first_best(search_scores + sum(in_bag))
            of_runs = [choices] * len(runs)
        else:
            choices = _first_best(in_bag[0][:, places] + sum(in_bag[1:]))
            of_runs = [_first_best(in_bag[0]), *[choices] * len(reruns)]
        found.append(_left_out_mean(runs, of_runs, weights))
    return _resampled(np.concatenate(found))


def _left_out_mean(
    runs: Sequence[Run], choices: Sequence[Choices], weights: Sequence[FloatArray]
) -> FloatArray:
    """Return the mean score of each run's choice on the rows of weight 0; shape (n_draws,)."""
    left_out = [(w == 0).astype(np.float64) for w in weights]
    n_rows = np.stack([out.sum(axis=1) for out in left_out])
    scores = np.stack(
        [run.rows.scores_of(c, out) for run, c, out in zip(runs, choices, left_out, strict=True)]
    )
    n_rows[np.isnan(scores)] = 0.0
    total = np.maximum(n_rows.sum(axis=0), 1.0)
    mean = (np.nan_to_num(scores) * n_rows).sum(axis=0) / total
    return np.asarray(np.where(n_rows.any(axis=0), mean, np.nan))


def _first_best(scores: FloatArray) -> Choices:
    """Return the highest of each row, the first among equals; sums of shares differ by rounding.

    `scores` has the shape (n_draws, n_settings), the result (n_draws,).
    """
    known = np.where(np.isnan(scores), -np.inf, scores)
    highest = known.max(axis=1, keepdims=True)
    near = ROUNDING * np.abs(np.nan_to_num(highest, neginf=0.0))
    return np.asarray((known >= highest - near).argmax(axis=1))


def _parts(n_rows: int) -> list[int]:
    """Return into how many draws at a time the draws are cut."""
    at_once = max(1, WEIGHTS_AT_ONCE // n_rows)
    return [min(at_once, N_DRAWS - done) for done in range(0, N_DRAWS, at_once)]


def _resampled(draws: FloatArray) -> Resampled:
    known = draws[np.isfinite(draws)]
    if not len(known):
        raise ValueError("no draw of these rows has a score on the rows that it leaves out")
    return Resampled(float(known.mean()), known)
