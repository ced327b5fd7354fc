"""Searches that end trainings early, each as a function: (problem, seed) to an endless `Spent`.

A search reads recorded curves and trains nothing. What it spends are epochs; a value counts when
the training came to its end.
"""

from __future__ import annotations

import itertools
import math
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from benchmarks.problems.curve_tables import CurveProblem
from benchmarks.turns import MoreFirst, TurnsPruner
from hpo_magic.core.domains import Choice
from hpo_magic.core.ports import Pruner, Sampler, Turn, Verdict, WaitingPruner
from hpo_magic.core.space import Parameter, Params
from hpo_magic.core.trial import Direction, Goal, History, Kind, Point, State, Trial
from hpo_magic.errors import SpaceExhausted
from hpo_magic.pruners import make_pruner
from hpo_magic.pruners.asha import AshaPruner
from hpo_magic.samplers import make_sampler
from hpo_magic.waiting.brackets import HyperbandTurns
from hpo_magic.waiting.pruner import FreezeThawPruner

__all__ = ["SEARCHES", "Search", "Spent"]


# As many trainings as the engine lets wait.
MOST_WAITING = 8


class Spent(NamedTuple):
    """What one trial cost, and the loss it ended with; None if it was stopped before its end.

    `is_new` is False for a training that goes on.
    """

    n_epochs: int
    loss: float | None
    is_new: bool = True


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
            so_far = replace(trial, curve=points[:n])
            if pruner.verdict(so_far, history) is Verdict.STOP:
                return replace(so_far, state=State.PRUNED)
    return replace(trial, state=State.COMPLETE, curve=points, value=losses[-1])


def waiting(
    pruner: Callable[[], WaitingPruner],
    most_waiting: int = MOST_WAITING,
    n_trainings: float = math.inf,
) -> Search:
    """Return the search of our sampler with trainings that wait; each part of one is a `Spent`.

    `n_trainings` is the budget that it is told of, in full trainings.
    """

    def search(problem: CurveProblem, seed: int) -> Iterator[Spent]:
        decides, sampler = pruner(), make_sampler("bayes")
        trials: dict[int, Trial] = {}
        n_steps = 0
        while True:
            history = _history(trials)
            n_left = n_trainings - n_steps / problem.n_epochs
            turn = decides.turn(problem.space, history, seed, n_left) if trials else None
            if turn is not None and turn.number is not None:
                trial = trials[turn.number]
            else:
                params = _begun(problem, sampler, trials, turn, seed)
                if params is None:
                    return
                kind = Kind.SEARCH if trials else Kind.START
                trial = Trial(len(trials), State.WAITING, params, kind, n_steps=problem.n_epochs)
            until = (None if turn is None else turn.until) or problem.n_epochs
            before, trial = len(trial.curve), _advanced(problem, trial, until)
            n_steps += len(trial.curve) - before
            trials[trial.number] = trial
            yield Spent(len(trial.curve) - before, trial.value, before == 0)
            history = _history(trials)
            if sum(t.state is State.WAITING for t in trials.values()) > most_waiting:
                number = decides.to_drop(problem.space, history, seed)
                trials[number] = replace(trials[number], state=State.PRUNED)

    return search


def _history(trials: Mapping[int, Trial], *, is_samplers: bool = False) -> History:
    """Return the trials; for the sampler those that wait count as pruned."""
    seen: Iterable[Trial] = trials.values()
    if is_samplers:
        seen = [replace(t, state=State.PRUNED) if t.state is State.WAITING else t for t in seen]
    return History(tuple(seen), (Goal("loss", Direction.MINIMIZE),), len(trials))


def _begun(
    problem: CurveProblem, sampler: Sampler, trials: dict[int, Trial], turn: Turn | None, seed: int
) -> Params | None:
    """Return the setting of a new training; None if there is none left."""
    if not trials:
        return problem.space.defaults()
    if turn is not None and turn.params is not None:
        return turn.params
    try:
        return sampler.suggest(problem.space, _history(trials, is_samplers=True), seed)
    except SpaceExhausted:
        return None


def _advanced(problem: CurveProblem, trial: Trial, until: int) -> Trial:
    losses = _losses(problem, trial.params)
    n = max(min(until, len(losses)), len(trial.curve) + 1)
    points = tuple(Point(step, {"loss": loss}) for step, loss in enumerate(losses[:n], start=1))
    if n < len(losses):
        return replace(trial, curve=points)
    return replace(trial, curve=points, state=State.COMPLETE, value=losses[-1])


def optuna_halving(problem: CurveProblem, seed: int) -> Iterator[Spent]:
    """Search with Optuna's TPE and its successive halving, begun with the defaults."""
    import optuna

    return _optuna(problem, seed, optuna.pruners.SuccessiveHalvingPruner())


def optuna_hyperband(problem: CurveProblem, seed: int) -> Iterator[Spent]:
    """Search with Optuna's TPE and its Hyperband pruner, begun with the defaults."""
    import optuna

    return _optuna(problem, seed, optuna.pruners.HyperbandPruner(max_resource=problem.n_epochs))


def _optuna(problem: CurveProblem, seed: int, pruner: Any) -> Iterator[Spent]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        # Brackets are drawn by the study's name, which would be random.
        study_name=f"{problem.name}-{seed}",
        pruner=pruner,
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
            ended = losses[-1] if last == len(losses) else None
            yield Spent(last - first, ended, first == 0)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SEARCHES: dict[str, Search] = {
    "none": ours(None),
    "asha": ours(make_pruner("asha")),
    "asha, as published": ours(AshaPruner(factor=4.0, is_careful=False)),
    "hyperband": ours(make_pruner("hyperband")),
    "hyperband, waiting": waiting(HyperbandTurns),
    "median": ours(make_pruner("median")),
    "wait": waiting(FreezeThawPruner),
    "wait, more first": waiting(MoreFirst),
    "turns": waiting(TurnsPruner, 32),
    "turns, 8 wait": waiting(TurnsPruner),
    "turns, 8 wait, first rung at a tenth": waiting(lambda: TurnsPruner(first_share=0.1)),
    "halving, waiting": waiting(lambda: TurnsPruner(share=1.0), 32),
    "Optuna, TPE + Hyperband": optuna_hyperband,
    "Optuna, TPE + halving": optuna_halving,
    "KerasTuner, Hyperband": keras_tuner_hyperband,
}
