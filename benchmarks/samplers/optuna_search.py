"""Optuna's samplers, with their defaults, on a define-by-run objective."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import optuna

from benchmarks.problems import Outcome, Problem, is_reached
from hpo_magic.core.domains import Choice, Domain
from hpo_magic.core.space import Params

__all__ = ["OptunaSearch", "gp", "hierarchical_tpe", "tpe"]

optuna.logging.set_verbosity(optuna.logging.ERROR)


def tpe(problem: Problem, seed: int) -> OptunaSearch:
    """Return a search with Optuna's default sampler."""
    return OptunaSearch(problem, optuna.samplers.TPESampler(seed=seed))


def gp(problem: Problem, seed: int) -> OptunaSearch:
    """Return a search with Optuna's Gaussian process; it runs on torch."""
    import torch

    torch.set_num_threads(1)
    return OptunaSearch(problem, optuna.samplers.GPSampler(seed=seed))


def hierarchical_tpe(problem: Problem, seed: int) -> OptunaSearch:
    """Return a search with the sampler for conditional spaces on OptunaHub; it needs Optuna 4.8.

    It is downloaded from GitHub, or taken from the copy of OptunaHub's registry in the folder that
    the variable OPTUNAHUB_REGISTRY names.
    """
    import optunahub

    package, registry = "samplers/hierarchical_tpe", os.environ.get("OPTUNAHUB_REGISTRY")
    if registry:
        module = optunahub.load_local_module(package, registry_root=f"{registry}/package")
    else:
        module = optunahub.load_module(package)
    return OptunaSearch(problem, module.HierarchicalTPESampler(seed=seed))


class OptunaSearch:
    """A search in which the conditions are `if`s: a parameter is suggested where it is reached."""

    def __init__(self, problem: Problem, sampler: Any) -> None:
        self._space = problem.conditions
        self._study = optuna.create_study(sampler=sampler)
        self._trials: dict[int, Any] = {}

    def ask(self, number: int) -> dict[str, Any]:
        """Return the active values."""
        if number == 0:
            self._study.enqueue_trial(self._space.defaults())
        trial = self._trials[number] = self._study.ask()
        params: dict[str, Any] = {}
        for name, parameter in self._space.items():
            if is_reached(parameter, params):
                params[name] = _suggest(trial, name, parameter.domain)
        return params

    def tell(self, number: int, params: Params, outcome: Outcome) -> None:
        """Take the outcome of that trial."""
        self._study.tell(self._trials.pop(number), outcome.loss)

    def fill(self, settings: Sequence[Params], row_scores: Sequence[Outcome]) -> None:
        """Begin with these trials."""
        for params, outcome in zip(settings, row_scores, strict=True):
            distributions = {n: _distribution(self._space[n].domain) for n in outcome.active}
            values = {name: params[name] for name in outcome.active}
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=values, distributions=distributions, value=outcome.loss
                )
            )


def _suggest(trial: Any, name: str, domain: Domain) -> Any:
    if isinstance(domain, Choice):
        return trial.suggest_categorical(name, domain.values)
    suggest = trial.suggest_int if domain.kind == "int" else trial.suggest_float
    return suggest(name, domain.low, domain.high, log=domain.log)


def _distribution(domain: Domain) -> Any:
    distributions: Any = optuna.distributions
    if isinstance(domain, Choice):
        return distributions.CategoricalDistribution(domain.values)
    is_int = domain.kind == "int"
    made = distributions.IntDistribution if is_int else distributions.FloatDistribution
    return made(domain.low, domain.high, log=domain.log)
