"""Hyperband whose trainings wait: each bracket promotes what it suspended.

Sources: Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: a novel bandit-based
approach to hyperparameter optimization", JMLR 18 (2018), algorithm 1, for the brackets; within one,
the asynchronous successive halving of `halving`. Difference: new settings come from the search's
sampler, not from chance.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hpo_magic.core.ports import Turn, Verdict
from hpo_magic.core.space import Space, setting_key
from hpo_magic.core.trial import History, Trial
from hpo_magic.pruners.hyperband import HyperbandPruner
from hpo_magic.waiting.halving import promoted, rungs_of
from hpo_magic.waiting.trainings import Training, Trainings, trainings_of


class HyperbandTurns:
    """Suspends and promotes as Hyperband does; where no training can wait, it stops them."""

    def __init__(self) -> None:
        self._rule = HyperbandPruner()

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether a training goes on where none can wait; see `pruners.hyperband`."""
        return self._rule.verdict(trial, history)

    def turn(
        self, space: Space, history: History, seed: int, n_left: float = math.inf
    ) -> Turn | None:
        """Return what is promoted in one of the brackets, else a new training."""
        trainings = trainings_of(history)
        if trainings is None:
            return None
        factor, length = self._rule.factor, trainings.length
        n_brackets = self._rule.n_brackets(length)
        numbers: dict[object, int] = {}  # of the first trial of each setting
        for trial in history.trials:
            numbers.setdefault(setting_key(trial.params), trial.number)
        brackets: list[list[Training]] = [[] for _ in range(n_brackets)]
        for training in trainings.all:
            number = numbers[setting_key(training.trial.params)]
            brackets[self._rule.bracket(number, n_brackets)].append(training)
        for s, some in enumerate(brackets):  # bracket s begins at R η^-s
            turn = promoted(_only(trainings, some), factor, length * factor**-s)
            if turn.number is not None or (turn.params is not None and n_left >= 1):
                return turn
        following = max((trial.number for trial in history.trials), default=-1) + 1
        s = self._rule.bracket(following, n_brackets)
        until = rungs_of(length, factor, length * factor**-s)[0]
        return Turn(None, until if until < length else None)

    def to_drop(self, space: Space, history: History, seed: int) -> int:
        """Return the waiting trial that came the least far, of several the one with most loss."""
        trainings = trainings_of(history)
        assert trainings is not None  # otherwise none waits
        waiting = [training for training in trainings.all if training.waits]
        return min(waiting, key=lambda t: (t.step, -t.loss)).trial.number


def _only(trainings: Trainings, some: list[Training]) -> Trainings:
    return replace(trainings, all=tuple(some))
