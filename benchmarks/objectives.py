"""Two objectives: what the fronts cover, beside Optuna's NSGA-II and TPE.

    python -m benchmarks.objectives           # all samplers, 10 seeds: eight minutes of CPU
    python -m benchmarks.objectives bayes     # some of them; the others' searches are kept

Each search has 100 trials, the first on the defaults; those of one seed are pairs. What a front
covers is its hypervolume, as a share of what all searches and 20,000 random settings cover
together. A random setting of the worst tenth in both objectives is the corner that it is taken
from; numbers of weights count as logarithms there, while samplers see them as they are.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from benchmarks.problems import Problem, is_reached, load
from benchmarks.samplers.optuna_search import _suggest
from hpo_magic.core.domains import Choice, Float, FloatArray, Int, Plain
from hpo_magic.core.pareto_front import hypervolume, is_on_front
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import Direction, Goal, History, Kind, State, Trial
from hpo_magic.samplers import make_sampler

__all__ = ["PROBLEMS", "SAMPLERS", "Several", "covered", "found_by"]

RESULTS = Path(__file__).parent / "results" / "objectives.npz"
N_TRIALS, N_SEEDS, N_RANDOM = 100, 10, 20_000
SHOWN = (25, 50, 100)
# Optuna's default for several objectives before 5.0, and since.
RIVALS = ("optuna-nsga2", "optuna-tpe")


@dataclass(frozen=True)
class Several:
    """A problem with two losses.

    Parameters
    ----------
    space
        With every condition declared: what is true. Our samplers see it without.
    losses
        Of the active parameters.
    is_log
        Which losses count as logarithms in the hypervolume.
    """

    name: str
    space: Space
    losses: Callable[[Params], tuple[float, float]]
    is_log: tuple[bool, bool] = (False, False)

    def active(self, params: Params) -> dict[str, Plain]:
        """Return the parameters that a training with these values asks for."""
        found: dict[str, Plain] = {}
        for name, parameter in self.space.items():
            if is_reached(parameter, found):
                found[name] = params[name]
        return found


def _zdt1(p: Params) -> tuple[float, float]:
    """Return the two functions of Zitzler, Deb & Thiele's first problem (2000), in 6 numbers."""
    x = [float(str(value)) for value in p.values()]
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g))


def _network(p: Params) -> tuple[float, float]:
    """Return a made-up error, and the weights, of a network of one to three layers on 20 inputs."""
    units = [int(str(p[f"units[{k}]"])) for k in range(int(str(p["layers"])))]
    widths = [20, *units, 10]
    n_weights = sum(a * b + b for a, b in pairwise(widths))
    rate = math.log10(float(str(p["lr"])))
    if p["optimizer"] == "adam":
        off = (rate + 3) ** 2
    else:
        off = (rate + 1.5) ** 2 + 4 * (float(str(p["momentum"])) - 0.9) ** 2 + 0.2
    narrow = sum(1 / width for width in units) * 1.5
    deep = {1: 0.12, 2: 0.03, 3: 0.0 if p["norm"] else 0.08}[len(units)]
    return 0.05 + narrow + deep + 0.04 * off + 0.02 * (not p["norm"]), float(n_weights)


def _layers(problem: Problem) -> Callable[[Params], tuple[float, float]]:
    """Return error and weights of the recorded networks on Friedman's first function."""

    def losses(p: Params) -> tuple[float, float]:
        units = [int(str(p[f"units[{k}]"])) for k in range(int(str(p["layers"])))]
        widths = [10, *units, 1]
        n_weights = sum(a * b + b for a, b in pairwise(widths))
        return problem.losses(p, np.random.default_rng(0))[1], float(n_weights)

    return losses


def _network_space() -> Space:
    parameters = [
        Parameter("optimizer", Choice(("adam", "sgd")), "adam"),
        Parameter("lr", Float(1e-5, 1.0, log=True), 1e-2),
        Parameter("momentum", Float(0.0, 0.99), 0.5, (("optimizer", ("sgd",)),)),
        Parameter("norm", Choice((False, True)), False),
        Parameter("layers", Int(1, 3), 1),
        *(
            Parameter(
                f"units[{k}]", Int(4, 512, log=True), 64, (("layers", tuple(range(k + 1, 4))),)
            )
            for k in range(3)
        ),
    ]
    return Space({parameter.name: parameter for parameter in parameters})


def _problems() -> dict[str, Several]:
    floats = {f"x{k}": Parameter(f"x{k}", Float(0.0, 1.0), 0.5) for k in range(6)}
    recorded = load("mlp_layers")
    sizes = (False, True)
    made = (
        Several("zdt1", Space(floats), _zdt1),
        Several("network", _network_space(), _network, sizes),
        Several("mlp_layers", recorded.conditions, _layers(recorded), sizes),
    )
    return {problem.name: problem for problem in made}


PROBLEMS = _problems()


# The searches. Each returns the losses of its trials, shape (n_trials, 2).

GOALS = (Goal("loss", Direction.MINIMIZE), Goal("size", Direction.MINIMIZE))


def _ours(name: str, problem: Several, seed: int, n_trials: int) -> FloatArray:
    """Search as the engine does: the space is what the trials have reached."""
    sampler = make_sampler(name, several=True)
    trials: list[Trial] = []
    reached: set[str] = set()
    for number in range(n_trials):
        params: dict[str, Plain] = problem.space.defaults()
        if number:
            space = Space({n: _plain(p) for n, p in problem.space.items() if n in reached})
            history = History(tuple(trials), number=number, goals=GOALS)
            rng = np.random.default_rng((seed, number))
            drawn = {n: p.domain.value(rng.random()) for n, p in problem.space.items()}
            params = {**drawn, **sampler.suggest(space, history, seed)}
        active = problem.active(params)
        reached |= set(active)
        loss, size = problem.losses(active)
        kind = Kind.SEARCH if number else Kind.START
        trials.append(
            Trial(number, State.COMPLETE, active, kind, value=loss, metrics={"size": size})
        )
    return np.array([(t.value, t.metrics["size"]) for t in trials])


def _plain(parameter: Parameter) -> Parameter:
    return Parameter(parameter.name, parameter.domain, parameter.default)


def _optuna(make: Callable[[int], Any], problem: Several, seed: int, n_trials: int) -> FloatArray:
    """Search with a sampler of Optuna's; conditions are `if`s."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=make(seed))
    study.enqueue_trial(problem.active(problem.space.defaults()))

    def objective(trial: Any) -> tuple[float, float]:
        params: dict[str, Any] = {}
        for name, parameter in problem.space.items():
            if is_reached(parameter, params):
                params[name] = _suggest(trial, name, parameter.domain)
        return problem.losses(params)

    study.optimize(objective, n_trials)
    return np.array([trial.values for trial in study.trials])


def _by_us(name: str) -> Callable[[Several, int, int], FloatArray]:
    return lambda problem, seed, n_trials: _ours(name, problem, seed, n_trials)


def _by_optuna(make: Callable[[int], Any]) -> Callable[[Several, int, int], FloatArray]:
    return lambda problem, seed, n_trials: _optuna(make, problem, seed, n_trials)


SAMPLERS: dict[str, Callable[[Several, int, int], FloatArray]] = {
    "random": _by_us("random"),
    "optuna-nsga2": _by_optuna(lambda seed: optuna.samplers.NSGAIISampler(seed=seed)),
    "optuna-tpe": _by_optuna(lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "genetic": _by_us("genetic"),
    "tpe": _by_us("tpe"),
    "bayes": _by_us("bayes"),
}


# What they cover.


def found_by(sampler: str, problem: Several, seed: int, n_trials: int = N_TRIALS) -> FloatArray:
    """Return the losses of one search, shape (n_trials, 2)."""
    return SAMPLERS[sampler](problem, seed, n_trials)


def _random(problem: Several) -> FloatArray:
    rng = np.random.default_rng(0)
    settings = [
        {name: p.domain.value(rng.random()) for name, p in problem.space.items()}
        for _ in range(N_RANDOM)
    ]
    return np.array([problem.losses(problem.active(params)) for params in settings])


def covered(
    problem: Several, searches: Sequence[FloatArray], shown: Sequence[int] = SHOWN
) -> FloatArray:
    """Return the share that each search covers after so many trials, shape (n_searches, n_shown).

    Of what all of them and random settings cover together.
    """
    drawn = _random(problem)
    corner = _scaled(problem, np.quantile(drawn, 0.9, axis=0)[np.newaxis])[0]
    everything = _scaled(problem, np.vstack([drawn, *searches]))
    whole = hypervolume(_front(everything), corner)
    return np.array(
        [
            [hypervolume(_front(_scaled(problem, losses[:n])), corner) / whole for n in shown]
            for losses in searches
        ]
    )


def _scaled(problem: Several, losses: FloatArray) -> FloatArray:
    is_log = np.array(problem.is_log)
    return np.where(is_log, np.log10(np.where(is_log, losses, 1.0)), losses)


def _front(losses: FloatArray) -> FloatArray:
    # Sorted, so that most points meet one that dominates them early.
    kept = losses[np.lexsort(losses.T[::-1])]
    lowest = np.minimum.accumulate(kept[:, 1])
    kept = kept[np.append(True, kept[1:, 1] < lowest[:-1])]
    return kept[is_on_front(kept)]


def _table(searches: dict[str, FloatArray]) -> str:
    lines = [
        "| problem | sampler | "
        + " | ".join(f"N={n}" for n in SHOWN)
        + " | won from NSGA-II at N=50 | N=100 | won from TPE at N=50 | N=100 |",
        "|---|---|" + "---|" * (len(SHOWN) + 4),
    ]
    for name, problem in PROBLEMS.items():
        by = {s: searches[f"{s} {name}"] for s in SAMPLERS if f"{s} {name}" in searches}
        flat = [losses.astype(np.float64) for each in by.values() for losses in each]
        shares = covered(problem, flat).reshape(len(by), -1, len(SHOWN))
        for sampler, each in zip(by, shares, strict=True):
            cells = [f"{m:.3f} ± {s:.3f}" for m, s in zip(each.mean(0), each.std(0), strict=True)]
            for rival in RIVALS:
                if rival in by and rival != sampler:
                    cells += _won(each, shares[list(by).index(rival)])
                else:
                    cells += ["", ""]
            lines.append(f"| {name} | {sampler} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _won(each: FloatArray, rival: FloatArray) -> list[str]:
    """Return on how many seeds more is covered than by a rival, at N=50 and N=100.

    Both have the shape (n_seeds, n_shown).
    """
    beaten = (each > rival) + 0.5 * (each == rival)
    return [f"{beaten[:, k].sum():g} of {len(each)}" for k in (1, 2)]


def main(chosen: Sequence[str]) -> None:
    """Search with the samplers that are named, or all; keep the others' searches; print."""
    searches: dict[str, FloatArray] = {}
    if RESULTS.exists():
        with np.load(RESULTS) as stored:
            searches = {key: stored[key] for key in stored.files}
    for sampler in chosen or SAMPLERS:
        for name, problem in PROBLEMS.items():
            found = [found_by(sampler, problem, seed) for seed in range(N_SEEDS)]
            searches[f"{sampler} {name}"] = np.array(found, dtype=np.float32)
        np.savez_compressed(RESULTS, **searches)
    print(f"Optuna {optuna.__version__}\n{_table(searches)}")


if __name__ == "__main__":
    main(sys.argv[1:])
