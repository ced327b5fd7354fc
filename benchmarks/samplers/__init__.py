"""The samplers that are compared, each behind `Search`: `make_search(name, problem, seed)`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from benchmarks.problems import Problem
from benchmarks.samplers.search import Search

__all__ = ["SAMPLERS", "Search", "make_search"]

# Imported when used: together these libraries take ten seconds to load.
SAMPLERS = {
    "bayes": "ours:bayes",
    "tpe": "ours:tpe",
    "genetic": "ours:genetic",
    "sobol": "ours:sobol",
    "random": "ours:random",
    "optuna-tpe": "optuna_search:tpe",
    "optuna-gp": "optuna_search:gp",
    "optuna-hierarchical": "optuna_search:hierarchical_tpe",
    "hyperopt": "hyperopt_search:HyperoptSearch",
    "skopt": "skopt_search:SkoptSearch",
    "keras-tuner": "keras_tuner_search:KerasTunerSearch",
}


def make_search(name: str, problem: Problem, seed: int) -> Search:
    """Return a new search on `problem`."""
    module, function = SAMPLERS[name].split(":")
    make: Callable[[Problem, int], Search]
    make = getattr(import_module(f"benchmarks.samplers.{module}"), function)
    return make(problem, seed)
