"""Successive halving that suspends and promotes, asynchronously.

Source: Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A system for
massively parallel hyperparameter tuning" (ASHA), MLSys 2020, algorithm 1: a training that reached a
rung waits there, and goes on when it is among the best 1/η of those that reached it. Difference:
new settings come from the search's sampler, not from chance.
"""

from __future__ import annotations

from itertools import pairwise

from hpo_magic.core.ports import Turn
from hpo_magic.waiting.trainings import Training, Trainings


def rungs_of(length: int, factor: float, first: float = 1.0) -> list[int]:
    """Return the steps at which trainings wait: `length` / η^k down to `first`, and the end.

    >>> rungs_of(30, 3)
    [1, 3, 10, 30]
    """
    rungs, step = {length}, length / factor
    while step >= first - 1e-9 and round(step) >= 1:
        rungs.add(round(step))
        step /= factor
    return sorted(rungs)


def promoted(trainings: Trainings, factor: float = 3.0, first: float = 1.0) -> Turn:
    """Return the turn of the waiting training that is due at the highest rung, else of a new one.

    A training that was dropped for want of room begins again when it is due.
    """
    rungs = rungs_of(trainings.length, factor, first)
    for rung, following in reversed(list(pairwise(rungs))):
        reached = sorted(
            (t for t in trainings.all if t.step >= rung),
            key=lambda t: (_loss_at(t, rung), t.trial.number),
        )
        for training in reached[: int(len(reached) / factor)]:
            if training.step >= following:
                continue
            until = None if following >= training.n_steps else following
            if training.waits:
                return Turn(training.trial.number, until)
            if training.is_dropped:  # it begins again
                return Turn(None, until, dict(training.trial.params))
    return Turn(None, rungs[0])


def _loss_at(training: Training, step: int) -> float:
    loss = training.curve.at(step)
    return float("inf") if loss is None else loss
