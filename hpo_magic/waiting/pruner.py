"""Trainings that wait: which of them is at work next, and which one is given up.

The rule is freeze-thaw (`freeze_thaw`), which learns which settings begin slowly and end well.
Successive halving (`halving`), and both in turns, can be had to be measured: on the recorded curves
of `benchmarks/` both needed more epochs. There the best settings change places until late, and
halving ends what would have led. Where early and final order agree among the best, too, the turns
may be the better rule; which of the two a search has cannot be told before much of it is spent.

Nothing is stopped for good, and only complete trainings are results.
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
from hpo_magic.waiting.halving import promoted
from hpo_magic.waiting.trainings import Trainings, trainings_of

# The rules change after so many epochs, as a share of the longest training.
TURN_SHARE = 1.0
# The first rung of the halving, as a share of the longest training; at least one step. From the
# first step on many more trainings begin, and each costs its preparation, too.
FIRST_RUNG_SHARE = 0.1


class TurnsPruner:
    """Has trainings wait; see the module.

    Parameters
    ----------
    rules
        "freeze-thaw", "halving", or "turns" of the two.
    turn_share
        How long each rule decides in turns, in the epochs of the longest training.
    first_share
        The first rung of the halving, as a share of the longest training.
    """

    def __init__(
        self,
        rules: str = "freeze-thaw",
        turn_share: float = TURN_SHARE,
        first_share: float = FIRST_RUNG_SHARE,
    ) -> None:
        self._rules, self._turn_share, self._first_share = rules, turn_share, first_share
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
        if self._is_halvings(trainings) and n_left >= 1:
            first = max(self._first_share * trainings.length, 1.0)
            turn = promoted(trainings, first=first)
            is_by_sampler = turn.number is None and turn.params is None
            if not (is_by_sampler and _is_all_tried(space, trainings)):
                return turn
        return freeze_thaw(space, history, trainings, seed, self._memory, n_left)

    def to_drop(self, space: Space, history: History, seed: int) -> int:
        """Return which waiting trial is given up; see `core.ports.WaitingPruner`."""
        trainings = trainings_of(history)
        assert trainings is not None  # otherwise none waits
        return worst_waiting(space, history, trainings, self._memory)

    def _is_halvings(self, trainings: Trainings) -> bool:
        if self._rules != "turns":
            return self._rules == "halving"
        return int(trainings.n_steps / (self._turn_share * trainings.length)) % 2 == 1


def _is_all_tried(space: Space, trainings: Trainings) -> bool:
    """Return whether there are no more settings than trainings began."""
    n_levels = [parameter.domain.n_levels for parameter in space.values()]
    if any(n is None for n in n_levels):
        return False
    return math.prod(n for n in n_levels if n is not None) <= trainings.n_begun
