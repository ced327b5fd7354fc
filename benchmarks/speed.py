"""What a suggestion costs, by how many trials came before.

The fast samplers search side by side, asked by turns, so that whatever else the machine does hits
them alike; a figure is the mean over the trials around n. The slow ones are given n trials and
asked for two more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.problems import Problem
from benchmarks.samplers import Search, make_search
from hpo_magic.core.domains import Choice, Float, FloatArray, Int
from hpo_magic.core.space import Parameter, Params, Space

__all__ = ["SIZES", "SLOW", "Speed", "speeds"]

SIZES = (10, 25, 50, 100, 250, 500)
# Minutes each, if they searched up to 500; and how many trials each can be given at all.
SLOW = {"optuna-gp": 500, "skopt": 100, "keras-tuner": 50}
N_ASKED = 2
# A mean over a tenth of n to both sides: a sampler that refits now and then is charged for it.
WINDOW = 0.1


@dataclass(frozen=True)
class Speed:
    """A sampler's cost on the space with `n_params` parameters.

    `cpu_s` is by n, the CPU seconds of one suggestion and of taking in one outcome; `worst_s` the
    longest of all that were timed, the first left out: it loads what the library needs.
    """

    sampler: str
    n_params: int
    cpu_s: dict[int, float]
    worst_s: float


def speeds(
    samplers: Sequence[str], n_params: int, sizes: Sequence[int] = SIZES, seed: int = 0
) -> list[Speed]:
    """Return the costs of `samplers` on one of the two spaces: 6 or 12 parameters."""
    problem = mixed(n_params)
    fast = [sampler for sampler in samplers if sampler not in SLOW]
    found = _by_turns(fast, problem, sizes, seed)
    for sampler in samplers:
        if sampler in SLOW:
            able = [n for n in sizes if n <= SLOW[sampler]]
            found.append(_filled(sampler, problem, able, seed))
    return found


def mixed(n_params: int) -> Problem:
    """Return a made-up problem with floats, integers and choices, in equal parts."""
    six = (
        ("lr", Float(1e-4, 1e-1, log=True), 1e-3),
        ("dropout", Float(0.0, 0.5), 0.2),
        ("units", Int(16, 512, log=True), 64),
        ("layers", Int(1, 6), 2),
        ("act", Choice(("relu", "tanh", "gelu", "elu")), "relu"),
        ("norm", Choice((False, True)), False),
    )
    copies = range(n_params // len(six))
    parameters = [Parameter(f"{n}_{i}", domain, value) for i in copies for n, domain, value in six]
    space = Space({p.name: p for p in parameters})
    goal = np.random.default_rng(0).random(len(space))

    def losses(params: Params, rng: np.random.Generator) -> tuple[float, float]:
        units = np.array([p.domain.unit(params[n]) for n, p in space.items()])
        mean = float((((units - goal) * np.linspace(1.0, 0.3, len(goal))) ** 2).sum())
        return mean + float(rng.normal(0.0, 0.01)), mean

    return Problem(f"mixed-{n_params}", space, space, losses, "flat", 0.0, 1.0, is_noisy=True)


def _by_turns(
    samplers: Sequence[str], problem: Problem, sizes: Sequence[int], seed: int
) -> list[Speed]:
    searches = [make_search(sampler, problem, seed) for sampler in samplers]
    n_trials = int(max(sizes) * (1 + WINDOW)) + 1
    cpu_s = np.array(
        [[_timed(s, problem, number, seed) for s in searches] for number in range(n_trials)]
    )
    return [
        Speed(name, len(problem.space), _windows(cpu_s[:, i], sizes), float(cpu_s[2:, i].max()))
        for i, name in enumerate(samplers)
    ]


def _windows(cpu_s: FloatArray, sizes: Sequence[int]) -> dict[int, float]:
    reach = {n: max(1, round(n * WINDOW)) for n in sizes}
    return {n: float(cpu_s[n - reach[n] : n + reach[n] + 1].mean()) for n in sizes}


def _filled(sampler: str, problem: Problem, sizes: Sequence[int], seed: int) -> Speed:
    rng = np.random.default_rng(seed)
    cpu_s, worst_s = {}, 0.0
    for n in sizes:
        settings = [{name: p.domain.value(rng.random()) for name, p in problem.space.items()}
                    for _ in range(n)]  # fmt: skip
        search = make_search(sampler, problem, seed)
        search.fill(settings, [problem.evaluate(params, rng) for params in settings])
        timed = [_timed(search, problem, n + i, seed) for i in range(N_ASKED + 1)]
        cpu_s[n] = float(np.mean(timed[1:]))
        worst_s = max(worst_s, *timed[1:])
    return Speed(sampler, len(problem.space), cpu_s, worst_s)


def _timed(search: Search, problem: Problem, number: int, seed: int) -> float:
    began = time.process_time()
    params = search.ask(number)
    asked_s = time.process_time() - began
    outcome = problem.evaluate(params, np.random.default_rng((seed, number)))
    began = time.process_time()
    search.tell(number, params, outcome)
    return asked_s + time.process_time() - began
