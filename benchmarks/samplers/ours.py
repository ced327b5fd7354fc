"""Our samplers, in a search like the engine's: the space grows by what the trials reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np

from benchmarks.problems import Outcome, Problem
from hpo_magic.core.domains import Plain
from hpo_magic.core.ports import Sampler
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import History, Kind, State, Trial
from hpo_magic.samplers import make_sampler

__all__ = ["OurSearch", "bayes", "genetic", "random", "sobol", "tpe"]


def bayes(problem: Problem, seed: int) -> OurSearch:
    """Return a search with our Bayesian sampler."""
    return OurSearch(make_sampler("bayes"), problem.space, seed)


def tpe(problem: Problem, seed: int) -> OurSearch:
    """Return a search with Hyperopt's TPE, fed from the history."""
    return OurSearch(make_sampler("tpe"), problem.space, seed)


def genetic(problem: Problem, seed: int) -> OurSearch:
    """Return a search with pymoo's genetic algorithm, fed from the history."""
    return OurSearch(make_sampler("genetic"), problem.space, seed)


def sobol(problem: Problem, seed: int) -> OurSearch:
    """Return a search with the scrambled Sobol sequence."""
    return OurSearch(make_sampler("sobol"), problem.space, seed)


def random(problem: Problem, seed: int) -> OurSearch:
    """Return a search with our random sampler."""
    return OurSearch(make_sampler("random"), problem.space, seed)


class OurSearch:
    """A search with any sampler of ours.

    What no trial has reached before is drawn at random where a trial reaches it, as the engine's
    trials do: the sampler could not know of it.
    """

    def __init__(self, sampler: Sampler, space: Space, seed: int) -> None:
        self._sampler = sampler
        self._all = space
        self._seed = seed
        self._reached: set[str] = set()
        self._trials: dict[int, Trial] = {}

    def ask(self, number: int) -> dict[str, Plain]:
        """Return a value for every parameter."""
        if number == 0:
            self._trials[0] = Trial(0, State.RUNNING, {}, Kind.START, self._seed)
            return self._all.defaults()
        params: dict[str, Plain] = {}
        if self._reached:
            history = History(tuple(self._trials.values()), number=number)
            params = self._sampler.suggest(self._known(), history, self._seed)
        self._trials[number] = Trial(number, State.RUNNING, params, Kind.SEARCH, self._seed)
        unknown = {n: self._drawn(n, number) for n in self._all if n not in params}
        return {**params, **unknown}

    def tell(self, number: int, params: Params, outcome: Outcome) -> None:
        """Take the outcome of that trial; only what was active is kept."""
        self._reached.update(outcome.active)
        active = {name: params[name] for name in outcome.active}
        running = self._trials[number]
        self._trials[number] = replace(
            running, state=State.COMPLETE, params=active, value=outcome.loss
        )

    def fill(self, settings: Sequence[Params], row_scores: Sequence[Outcome]) -> None:
        """Begin with these trials."""
        for number, (params, outcome) in enumerate(zip(settings, row_scores, strict=True)):
            self._trials[number] = Trial(number, State.RUNNING, params, seed=self._seed)
            self.tell(number, params, outcome)

    def _known(self) -> Space:
        return Space({name: p for name, p in self._all.items() if name in self._reached})

    def _drawn(self, name: str, number: int) -> Plain:
        entropy = (self._seed, number, crc32(name.encode()))
        return self._all[name].domain.value(np.random.default_rng(entropy).random())
