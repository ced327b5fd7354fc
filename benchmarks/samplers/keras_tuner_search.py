"""KerasTuner's Bayesian oracle, with its defaults, on `conditional_scope`s."""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import keras_tuner  # type: ignore[import-untyped]
from keras_tuner.src.engine.trial import TrialStatus  # type: ignore[import-untyped]

from benchmarks.problems import Outcome, Problem, active_names
from hpo_magic.core.domains import Choice, Domain
from hpo_magic.core.space import Params, Space

__all__ = ["KerasTunerSearch"]


class KerasTunerSearch:
    """A search by asking the oracle; no tuner and no model is made."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._space = problem.conditions
        self._oracle = _Oracle(
            objective=keras_tuner.Objective("loss", "min"),
            max_trials=1_000_000,
            seed=seed + 1,  # it takes 0 for None
            hyperparameters=_hyperparameters(self._space),
        )
        defaults = self._space.defaults()
        active = active_names(self._space, defaults)
        self._oracle.given = [{name: defaults[name] for name in active}]
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._oracle._set_project_dir(folder, "benchmark")
        self._oracle.verbose = 0
        self._trials: dict[int, Any] = {}

    def ask(self, number: int) -> dict[str, Any]:
        """Return the active values."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit reports a length at its bound
            trial = self._trials[number] = self._oracle.create_trial(f"tuner{number}")
        values = trial.hyperparameters.values
        return {n: _value(p.domain, values[n]) for n, p in self._space.items() if n in values}

    def tell(self, number: int, params: Params, outcome: Outcome) -> None:
        """Take the outcome of that trial."""
        trial = self._trials.pop(number)
        self._oracle.update_trial(trial.trial_id, {"loss": outcome.loss})
        trial.status = TrialStatus.COMPLETED
        self._oracle.end_trial(trial)

    def fill(self, settings: Sequence[Params], row_scores: Sequence[Outcome]) -> None:
        """Begin with these trials."""
        self._oracle.given = [dict(params) for params in settings]
        for number, outcome in enumerate(row_scores):
            self.tell(number, self.ask(number), outcome)


class _Oracle(keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]
    """The oracle, except that its first trials are given: the defaults."""

    given: list[dict[str, Any]]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.given:
            return {"status": TrialStatus.RUNNING, "values": self.given.pop(0)}
        return super().populate_space(trial_id)  # type: ignore[no-any-return]


def _hyperparameters(space: Space) -> Any:
    hp = keras_tuner.HyperParameters()
    for name, parameter in space.items():
        with ExitStack() as scopes:
            for parent, values in parameter.scopes:
                scopes.enter_context(hp.conditional_scope(parent, list(values)))
            _declare(hp, name, parameter.domain, parameter.default)
    return hp


def _declare(hp: Any, name: str, domain: Domain, default: Any) -> None:
    if isinstance(domain, Choice):
        hp.Choice(name, list(domain.values), ordered=domain.ordered, default=default)
        return
    sampling = "log" if domain.log else "linear"
    declare = hp.Int if domain.kind == "int" else hp.Float
    declare(name, domain.low, domain.high, sampling=sampling, default=default)


def _value(domain: Domain, value: Any) -> Any:
    if isinstance(domain, Choice):
        return next(known for known in domain.values if known == value)  # it gives 1 for True
    return domain.nearest(int(value) if domain.kind == "int" else float(value))
