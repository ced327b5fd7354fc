"""What an older study does to the first trials of a search: one that helps, and two that mislead.

    python -m benchmarks.guides 500 504     # the first and the last seed

A search of 25 trials after an older one of 40 on the same space, on ten problems. The older one is
of a related task (two thirds the same, one third another recorded task), that with its settings
mirrored in their ranges, or with its losses negated. Five seeds take a minute and a half.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.problems import Problem, load
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.ports import Sampler
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import History, Kind, State, Trial
from hpo_magic.samplers import make_sampler

N_OLDER, N_TRIALS = 40, 25
PAIRS = (
    ("mlp_digits", "mlp_cancer"),
    ("boost_diabetes", "boost_friedman"),
    ("svr_friedman", "svr_diabetes"),
    ("svm_grid", "svm_digits"),
    ("tree_grid", "tree_digits"),
)
KINDS = ("none", "related", "mirrored", "opposite")
# Regrets are compared by their logarithm, with this added.
FLOOR = 0.01


def older_search(own: Problem, other: Problem, seed: int) -> History:
    """Return a search of the task that is two thirds `own`, one third `other`."""
    sampler, trials = make_sampler("bayes"), list[Trial]()
    for number in range(N_OLDER):
        params = _suggested(sampler, own.space, History(tuple(trials), number=number), seed + 77)
        value = (2 * _scaled(own, params) + _scaled(other, params)) / 3
        trials.append(_ended(number, params, value))
    return History(tuple(trials))


def guides_of(kind: str, older: History, space: Space) -> tuple[History, ...]:
    """Return the older studies that guide a search."""
    if kind == "none":
        return ()
    if kind == "mirrored":
        older = _changed(older, lambda trial: {"params": _mirrored(trial.params, space)})
    if kind == "opposite":
        older = _changed(older, lambda trial: {"value": -(trial.value or 0.0)})
    return (older,)


def regrets(problem: Problem, guides: tuple[History, ...], seed: int) -> FloatArray:
    """Return the regret of the best setting after each trial; shape (N_TRIALS,)."""
    sampler, trials, found = make_sampler("bayes"), list[Trial](), np.empty(N_TRIALS)
    lowest, regret = np.inf, np.inf
    for number in range(N_TRIALS):
        history = History(tuple(trials), number=number, guides=guides)
        params = _suggested(sampler, problem.space, history, seed)
        outcome = problem.evaluate(params, np.random.default_rng((seed, number)))
        trials.append(_ended(number, params, outcome.loss))
        if outcome.loss < lowest:
            lowest, regret = outcome.loss, problem.regret(outcome.mean)
        found[number] = regret
    return found


def main() -> None:
    """Search and print a line for each kind of older study."""
    first, last = map(int, sys.argv[1:3])
    both = [*PAIRS, *((b, a) for a, b in PAIRS)]
    runs = {kind: np.empty((len(both), last - first + 1, N_TRIALS)) for kind in KINDS}
    for k, (own, other) in enumerate((load(a), load(b)) for a, b in both):
        for j, seed in enumerate(range(first, last + 1)):
            older = older_search(own, other, seed)
            for kind in KINDS:
                guides = guides_of(kind, older, own.space)
                runs[kind][k, j] = regrets(own, guides, seed)
    for kind in KINDS:
        print(f"{kind:9}", told(runs[kind], runs["none"]))


def told(found: FloatArray, cold: FloatArray) -> str:
    """Return what is shown of regrets of shape (n_problems, n_seeds, N_TRIALS)."""
    gain = (np.log(found + FLOOR) - np.log(cold + FLOOR))[:, :, 3:].mean(axis=2)
    spread = gain.mean(axis=1).std(ddof=1) / np.sqrt(len(gain))
    noise = np.sqrt(gain.var(axis=1, ddof=1).mean() / gain.size)
    mean, cold_mean = found.mean(axis=(0, 1)), cold.mean(axis=(0, 1))
    reached = np.flatnonzero(mean <= cold_mean[14])
    at = ", ".join(f"{100 * mean[n - 1]:.1f}" for n in (2, 5, 10, 15, 25))
    when = f"after {reached[0] + 1} trials" if len(reached) else "not"
    return (
        f"Δ {gain.mean():+.3f} ± {max(spread, noise):.3f}; 100 regrets at 2, 5, 10, 15, 25: {at}; "
        f"mean ÷ cold {mean.mean() / cold_mean.mean():.2f}; where cold stands at 15: {when}"
    )


def _suggested(sampler: Sampler, space: Space, history: History, seed: int) -> Params:
    return sampler.suggest(space, history, seed) if history.trials else space.defaults()


def _ended(number: int, params: Params, value: float) -> Trial:
    kind = Kind.SEARCH if number else Kind.START
    return Trial(number, State.COMPLETE, dict(params), kind, value=value)


def _scaled(problem: Problem, params: Params) -> float:
    mean = problem.losses(params, np.random.default_rng(0))[1]
    return (mean - problem.best) / (problem.median - problem.best)


def _mirrored(params: Params, space: Space) -> Params:
    unit = {n: float(np.clip(1 - space[n].domain.unit(v), 0, 1 - 1e-9)) for n, v in params.items()}
    return {name: space[name].domain.value(value) for name, value in unit.items()}


def _changed(older: History, change: Callable[[Trial], dict[str, Any]]) -> History:
    return replace(older, trials=tuple(replace(t, **change(t)) for t in older.trials))


if __name__ == "__main__":
    main()
