"""Runs searches as the engine would: trial 0 is the defaults, then the sampler is asked.

Several trials at once are simulated: their durations are drawn, and a free worker asks at once,
while the others' trials still run. The start runs alone, as in a search with workers.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.problems import Problem
from benchmarks.samplers import make_search
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Params

__all__ = ["Curve", "search"]

# Durations are log-normal with median 1: a long training takes a few times as long as a short one.
DURATION_SD = 0.5


@dataclass(frozen=True)
class Curve:
    """How one search went.

    Parameters
    ----------
    regrets : shape (n_trials,)
        After so many trials have ended, that of the setting with the lowest loss seen: without the
        noise, 0 for the best known setting and 1 for a median random one.
    cpu_s : shape (n_trials,)
        CPU seconds the sampler took to suggest each trial and to take in its outcome.
    """

    sampler: str
    problem: str
    seed: int
    regrets: FloatArray
    cpu_s: FloatArray


def search(sampler: str, problem: Problem, seed: int, n_trials: int, n_workers: int = 1) -> Curve:
    """Search `problem` once. The same arguments give the same regrets, whatever ran before."""
    searching = make_search(sampler, problem, seed)
    regrets, cpu_s = np.empty(n_trials), np.zeros(n_trials)
    running: list[tuple[float, int, Params]] = []
    now, n_asked, lowest, regret = 0.0, 0, np.inf, np.inf
    for n_ended in range(n_trials):
        while len(running) < (n_workers if n_ended else 1) and n_asked < n_trials:
            began = time.process_time()
            params = searching.ask(n_asked)
            cpu_s[n_asked] += time.process_time() - began
            heapq.heappush(running, (now + _duration(seed, n_asked), n_asked, params))
            n_asked += 1
        now, number, params = heapq.heappop(running)
        # Trial k of a seed meets the same noise with every sampler.
        outcome = problem.evaluate(params, np.random.default_rng((seed, number)))
        began = time.process_time()
        searching.tell(number, params, outcome)
        cpu_s[number] += time.process_time() - began
        if outcome.loss < lowest:
            lowest, regret = outcome.loss, problem.regret(outcome.mean)
        regrets[n_ended] = regret
    return Curve(sampler, problem.name, seed, regrets, cpu_s)


def _duration(seed: int, number: int) -> float:
    return float(np.random.default_rng((seed, number, 1)).lognormal(0.0, DURATION_SD))
