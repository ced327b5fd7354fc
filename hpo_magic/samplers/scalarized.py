"""Several objectives for samplers that know one: each suggestion weighs them anew.

Knowles, "ParEGO" (IEEE Trans. Evol. Comput. 10, 2006): weights are drawn for each suggestion, and
the trials' losses become one number by the augmented Tchebycheff function, eq. 2. One setting of
the front is the best for each weight, so that over the trials the sampler learns all of it.

What differs: the losses are put on the front's own scale, logarithms for what spans a hundredfold
(`core.front.Scale`); weights are drawn evenly, not from a lattice.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo_magic.core.domains import FloatArray, Plain
from hpo_magic.core.pareto_front import Scale
from hpo_magic.core.ports import Sampler
from hpo_magic.core.space import Space
from hpo_magic.core.trial import VALUE, History, Trial
from hpo_magic.samplers.guides import guides_of

# Of the plain sum beside the largest term; Knowles's value.
RHO = 0.05
# Tells the stream of the weights from that of the sampler, which begins with the same two numbers.
WEIGHTS = 2006


class Scalarized:
    """Asks a sampler of one number about the objectives in the weights of the moment.

    Parameters
    ----------
    sampler
        It may keep what it computed as long as its answers are the same without.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        if not history.is_multi_objective:
            return self.sampler.suggest(space, history, seed)
        rng = np.random.default_rng([seed % 2**64, history.number, WEIGHTS])
        weights = rng.dirichlet(np.ones(len(history.goals)))
        return self.sampler.suggest(space, in_one_number(history, weights), seed)


def in_one_number(history: History, weights: FloatArray) -> History:
    """Return the history with one loss for each complete trial, weighed by `weights`.

    Parameters
    ----------
    weights : shape (n_goals,)
        From 0 up, with the sum 1.
    """
    complete = history.complete
    by_number: dict[int, float] = {}
    if complete:
        losses = history.losses(complete)
        weighed = weights * Scale(losses)(losses)
        values = weighed.max(axis=1) + RHO * weighed.sum(axis=1)
        by_number = {t.number: float(v) for t, v in zip(complete, values, strict=True)}
    trials = tuple(_with_value(trial, by_number.get(trial.number)) for trial in history.trials)
    guides = tuple(_guide_in_one_number(guide, history, weights) for guide in guides_of(history))
    return replace(history, trials=trials, goals=(VALUE,), chosen=None, guides=guides)


def _guide_in_one_number(guide: History, history: History, weights: FloatArray) -> History:
    """Return an older study with one loss for each trial, by the same weights if it can be.

    `weights` has the shape (n_goals,).

    One with other objectives is judged by its own, all weighed alike.
    """
    if guide.goals == history.goals:
        return in_one_number(guide, weights)
    n_goals = len(guide.goals)
    return in_one_number(guide, np.full(n_goals, 1.0 / n_goals))


def _with_value(trial: Trial, value: float | None) -> Trial:
    """Return the trial as one of a single objective; its curves are of none."""
    return replace(trial, value=value, metrics={}, curve=())
