"""Where to look next: a search of the mixed space for the most promising setting.

The space is searched as the user sees it. Integers and choices are moved to values that exist
before they are scored; floats, integers, choices and conditional parameters are changed together;
what was tried does not count. Everything is done in batches, as arrays.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpo_magic.core.activity import BoolArray
from hpo_magic.core.domains import FloatArray
from hpo_magic.samplers.encoding import Encoding

Score = Callable[[FloatArray], FloatArray]

# How hard to search. More candidates, a wider beam or more rounds made no measurable difference.
N_RANDOM = 500
N_AROUND, N_NEIGHBOURS = 10, 20  # of the trials with the lowest means, and candidates near each
FIRST_STEPS = (0.05, 0.2)  # as parts of the whole range
N_BEAM, N_CHILDREN = 10, 10
STEPS = (0.2, 0.1, 0.05, 0.025, 0.01, 0.004, 0.0015)


def most_promising(
    encoding: Encoding, score: Score, around: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return settings by their score, the best first.

    Parameters
    ----------
    score
        Takes settled units, shape (n, n_params); the higher, the better, -inf for never.
    around : shape (n, n_params)
        The units of good settings: candidates are drawn near each.

    Returns
    -------
    units, shape (n, n_params)
    """
    units = _candidates(encoding, around, rng)
    scores = score(encoding.settled(units))
    for step in STEPS:
        top = np.argsort(-scores, kind="stable")[:N_BEAM]
        children = moved(encoding, np.repeat(units[top], N_CHILDREN, axis=0), step, rng)
        units = np.vstack([units[top], children])
        scores = np.concatenate([scores[top], score(encoding.settled(children))])
    ranked = np.argsort(-scores, kind="stable")
    best: FloatArray = units[ranked][np.isfinite(scores[ranked])]
    return best


def _candidates(encoding: Encoding, around: FloatArray, rng: np.random.Generator) -> FloatArray:
    anywhere = encoding.snap(rng.random((N_RANDOM, len(encoding.space))))
    centres = np.repeat(around, N_NEIGHBOURS, axis=0)
    # What a trial did not reach may be reached by its neighbours: then it is anywhere.
    latent = encoding.snap(rng.random(centres.shape))
    centres = np.where(encoding.reached(centres), centres, latent)
    steps = np.resize(FIRST_STEPS, len(centres))
    return np.vstack([anywhere, moved(encoding, centres, steps[:, np.newaxis], rng)])


def moved(
    encoding: Encoding, units: FloatArray, step: float | FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return each setting with some of the parameters that it reaches changed, one at least.

    `units` has the shape (n, n_params), and so has the result; `step` is a number or of that shape.

    A number goes a normally distributed way, `step` wide, but to the next value at least; a choice
    without an order changes to any other.
    """
    reached = encoding.reached(units)
    chosen = _some(reached, rng)
    targets = units + step * rng.standard_normal(units.shape)
    targets = 1.0 - np.abs(1.0 - np.abs(targets))  # reflected at 0, then at 1
    targets = encoding.snap(np.clip(targets, 0.0, 1.0))
    n = encoding.n_levels
    hops = rng.random(units.shape)

    aside = np.where(hops < 0.5, -1.0, 1.0) * encoding.gaps(units)
    aside = np.where((units + aside < 0) | (units + aside > 1), -aside, aside)
    is_stuck = (targets == units) & (n > 1)
    targets = np.where(is_stuck, encoding.snap(units + aside), targets)

    some = encoding.is_unordered
    other = np.floor(units[:, some] * n[some]) + 1 + np.floor(hops[:, some] * (n[some] - 1))
    targets[:, some] = (other % n[some] + 0.5) / n[some]
    return np.where(chosen, targets, units)


def _some(reached: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Return which parameters change: one at least, of many about one and a half on average.

    `reached` has the shape (n, n_params), and so has the result.
    """
    lots = np.where(reached, rng.random(reached.shape), np.inf)
    n_reached = reached.sum(axis=1, keepdims=True)
    chosen: BoolArray = lots < np.minimum(1.5 / np.maximum(n_reached, 1), 0.9)
    chosen[np.arange(len(lots)), lots.argmin(axis=1)] = True
    return chosen
