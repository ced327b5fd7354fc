"""Successive halving for one training at a time: the rungs, and who is promoted at one.

Source: Li, Jamieson, Rostamizadeh, Gonina, Ben-tzur, Hardt, Recht and Talwalkar, "A system for
massively parallel hyperparameter tuning" (ASHA), MLSys 2020, algorithm 2.
"""

from __future__ import annotations

from functools import lru_cache

from hpo_magic.pruners.reference_curves import ReferenceCurves


@lru_cache
def rungs_of(first: float, factor: float, length: int) -> tuple[int, ...]:
    """Return the steps at which trainings are compared: r, rη, rη², ... below `length`.

    >>> rungs_of(2, 3, 30)
    (2, 6, 18)
    """
    rungs, step = [], max(first, 1.0)
    while round(step) < length:
        rungs.append(round(step))
        step *= factor
    return tuple(sorted(set(rungs)))


def is_promoted(references: ReferenceCurves, factor: float) -> bool:
    """Return whether a training is among the best 1/η of those that reached its step.

    The training itself is counted. The best one is always promoted, so the first few trainings go
    on without waiting for others.
    """
    losses = references.reached(references.step)
    n_promoted = max(int((len(losses) + 1) / factor), 1)
    return int((losses < references.loss).sum()) < n_promoted
