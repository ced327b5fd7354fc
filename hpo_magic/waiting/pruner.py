"""Trainings that wait: which of them is at work next, and which one is given up.

The rule is freeze-thaw (`freeze_thaw`), which learns which settings begin slowly and end well.
Nothing is stopped for good, and only complete trainings are results. Other rules were measured
(`benchmarks/turns.py`).
"""

from __future__ import annotations

import math

from hpo_magic.core.ports import Turn, Verdict
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, Trial
from hpo_magic.pruners.asha import AshaPruner
from hpo_magic.samplers.initial import n_initial
from hpo_magic.waiting.freeze_thaw import (
    FreezeThawMemory,
    first_chunk,
    freeze_thaw,
    worst_waiting,
)
from hpo_magic.waiting.trainings import trainings_of


class FreezeThawPruner:
    """Has trainings wait; see the module."""

    def __init__(self) -> None:
        self._memory = FreezeThawMemory()
        self._where_none_waits = AshaPruner()

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether a training goes on where none can wait; see `pruners.asha`."""
        return self._where_none_waits.verdict(trial, history)

    def turn(
        self, space: Space, history: History, seed: int, n_left: float = math.inf
    ) -> Turn | None:
        """Return what is at work next; see `core.ports.WaitingPruner`."""
        trainings = trainings_of(history)
        if trainings is None:
            return None
        if trainings.n_begun < n_initial(space):
            return Turn(None, first_chunk(trainings.length))
        return freeze_thaw(space, history, trainings, seed, self._memory, n_left)

    def to_drop(self, space: Space, history: History, seed: int) -> int:
        """Return which waiting trial is given up; see `core.ports.WaitingPruner`."""
        trainings = trainings_of(history)
        assert trainings is not None  # otherwise none waits
        return worst_waiting(space, history, trainings, self._memory)
