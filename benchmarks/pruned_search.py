"""Searches that end trainings early, each as a function: (problem, seed) to an endless `Spent`.

A search reads recorded curves and trains nothing. What it spends are epochs; a value counts when
the training came to its end.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.problems.curve_tables import CurveProblem
from hpo_magic.core.domains import Choice
from hpo_magic.core.ports import Pruner, Verdict
from hpo_magic.core.space import Parameter, Params
from hpo_magic.core.trial import Direction, Goal, History, Kind, Point, State, Trial
from hpo_magic.errors import SpaceExhausted
from hpo_magic.pruners import make_pruner
from hpo_magic.pruners.asha import AshaPruner
from hpo_magic.samplers import make_sampler

__all__ = ["SEARCHES", "Search", "Spent"]


class Spent(NamedTuple):
    """What one trial cost, and the loss it ended with; None if it was stopped before its end."""

    n_epochs: int
    loss: float | None


Search = Callable[[CurveProblem, int], Iterator[Spent]]


def _losses(problem: CurveProblem, params: Params) -> list[float]:
    losses: list[float] = (problem.direction.sign * problem.curve(params)).tolist()
    return losses


def ours(pruner: Pruner | None) -> Search:
    """Return the search of our Bayesian sampler with a pruner, as the engine runs it."""

    def search(problem: CurveProblem, seed: int) -> Iterator[Spent]:
        sampler, trials = make_sampler("bayes"), []
        for number in itertools.count():
            history = History(tuple(trials), (Goal("loss", Direction.MINIMIZE),), number)
            kind = Kind.SEARCH if number else Kind.START
            try:
                params = sampler.suggest(problem.space, history, seed) if number else {}
            except SpaceExhausted:
                return
            params = params or problem.space.defaults()
            running = Trial(number, State.RUNNING, params, kind, n_steps=problem.n_epochs)
            trial = _trained(running, _losses(problem, params), pruner, history)
            trials.append(trial)
            yield Spent(len(trial.curve), trial.value)

    return search


def _trained(trial: Trial, losses: list[float], pruner: Pruner | None, history: History) -> Trial:
    points = tuple(Point(step, {"loss": loss}) for step, loss in enumerate(losses, start=1))
    if pruner is not None and trial.kind is Kind.SEARCH:
        for n in range(1, len(points)):
            so_far = Trial(**{**vars(trial), "curve": points[:n]})
            if pruner.verdict(so_far, history) is Verdict.STOP:
                return Trial(**{**vars(so_far), "state": State.PRUNED})
    complete = {"state": State.COMPLETE, "curve": points, "value": losses[-1]}
    return Trial(**{**vars(trial), **complete})


def optuna_hyperband(problem: CurveProblem, seed: int) -> Iterator[Spent]:
    """Search with Optuna's TPE and its Hyperband pruner, begun with the defaults."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        # Brackets are drawn by the study's name, which would be random.
        study_name=f"{problem.name}-{seed}",
        pruner=optuna.pruners.HyperbandPruner(max_resource=problem.n_epochs),
    )
    choices = {name: _choice(parameter) for name, parameter in problem.space.items()}
    defaults = problem.space.defaults()
    study.enqueue_trial(
        {n: c.index(defaults[n]) if c.ordered else defaults[n] for n, c in choices.items()}
    )
    while True:
        trial = study.ask()
        # Values in an order are numbered, so that TPE knows of it.
        params = {
            name: choice.values[trial.suggest_int(name, 0, len(choice.values) - 1)]
            if choice.ordered
            else trial.suggest_categorical(name, list(choice.values))
            for name, choice in choices.items()
        }
        yield _told_to_optuna(study, trial, _losses(problem, params))


def _choice(parameter: Parameter) -> Choice:
    assert isinstance(parameter.domain, Choice)  # recorded grids have nothing else
    return parameter.domain


def _told_to_optuna(study: Any, trial: Any, losses: list[float]) -> Spent:
    import optuna

    for step, loss in enumerate(losses, start=1):
        trial.report(loss, step)
        if step < len(losses) and trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return Spent(step, None)
    study.tell(trial, losses[-1])
    return Spent(len(losses), losses[-1])


def keras_tuner_hyperband(problem: CurveProblem, seed: int) -> Iterator[Spent]:
    """Search with KerasTuner's Hyperband, which goes on with a training where it was left."""
    import keras_tuner
    from keras_tuner.src.engine.trial import TrialStatus

    hp = keras_tuner.HyperParameters()
    for name, parameter in problem.space.items():
        hp.Choice(name, list(_choice(parameter).values), default=parameter.default)
    oracle = keras_tuner.oracles.HyperbandOracle(
        keras_tuner.Objective("loss", "min"),
        max_epochs=problem.n_epochs,
        hyperband_iterations=1000,
        seed=seed + 1,  # it takes 0 for None
        hyperparameters=hp,
    )
    folder = tempfile.mkdtemp()
    try:
        oracle._set_project_dir(folder, "benchmark")
        oracle.verbose = 0
        while True:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                trial = oracle.create_trial("tuner")
            if trial.status != TrialStatus.RUNNING:
                return  # it finds no setting that it has not tried
            values = trial.hyperparameters.values
            losses = _losses(problem, {name: values[name] for name in problem.space})
            last, first = values["tuner/epochs"], values["tuner/initial_epoch"]
            oracle.update_trial(trial.trial_id, {"loss": losses[last - 1]})
            trial.status = TrialStatus.COMPLETED
            oracle.end_trial(trial)
            yield Spent(last - first, losses[-1] if last == len(losses) else None)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SEARCHES: dict[str, Search] = {
    "none": ours(None),
    "asha": ours(make_pruner("asha")),
    "asha, as published": ours(AshaPruner(factor=4.0, is_careful=False)),
    "hyperband": ours(make_pruner("hyperband")),
    "median": ours(make_pruner("median")),
    "Optuna, TPE + Hyperband": optuna_hyperband,
    "KerasTuner, Hyperband": keras_tuner_hyperband,
}
