"""Rules for trainings that wait that are measured: halving alone, and in turns with freeze-thaw.

In turns, each rule has an account of epochs, and the one that spent less decides and pays. All
trainings are shared. The accounts are kept between the calls, and begin at nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hpo_magic.core.ports import Turn
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, State
from hpo_magic.samplers.sobol import SobolSampler
from hpo_magic.waiting.freeze_thaw import first_chunk
from hpo_magic.waiting.halving import promoted
from hpo_magic.waiting.pruner import FreezeThawPruner
from hpo_magic.waiting.trainings import Trainings, trainings_of


def n_first(space: Space) -> int:
    """Return how many trainings begin before a rule decides."""
    n_free = sum(parameter.domain.n_levels != 1 for parameter in space.values())
    return min(max(n_free + 2, 8), 12)


class MoreFirst(FreezeThawPruner):
    """Freeze-thaw that begins with 8 to 12 settings, not six."""

    def turn(
        self, space: Space, history: History, seed: int, n_left: float = math.inf
    ) -> Turn | None:
        """Return what is at work next; see `core.ports.WaitingPruner`."""
        trainings = trainings_of(history)
        if trainings is not None and trainings.n_begun < n_first(space) and n_left >= 1:
            params = SobolSampler().suggest(space, _as_pruned(history), seed)
            return Turn(None, first_chunk(trainings.length), params)
        return super().turn(space, history, seed, n_left)


class TurnsPruner(MoreFirst):
    """Freeze-thaw and successive halving, each with an account of epochs.

    Parameters
    ----------
    first_share
        The first rung of the halving, as a share of the longest training; one step at least.
    share
        The halving's share of the epochs.
    """

    def __init__(self, *, first_share: float = 0.0, share: float = 0.5) -> None:
        super().__init__()
        self._first_share, self._share = first_share, share
        self._spent = {True: 0.0, False: 0.0}
        self._pays, self._n_steps = False, 0

    def turn(
        self, space: Space, history: History, seed: int, n_left: float = math.inf
    ) -> Turn | None:
        """Return what is at work next; see `core.ports.WaitingPruner`."""
        trainings = trainings_of(history)
        if trainings is None or trainings.n_begun < n_first(space):
            return super().turn(space, history, seed, n_left)
        if self._n_steps:
            self._spent[self._pays] += trainings.n_steps - self._n_steps
        self._n_steps = trainings.n_steps
        halving, other = self._spent[True], self._spent[False]
        self._pays = halving * (1 - self._share) < other * self._share
        if self._pays and n_left >= 1:
            turn = promoted(trainings, first=max(self._first_share * trainings.length, 1.0))
            is_by_sampler = turn.number is None and turn.params is None
            if not (is_by_sampler and _is_all_tried(space, trainings)):
                return turn
        return super().turn(space, history, seed, n_left)


def _as_pruned(history: History) -> History:
    states = {State.WAITING: State.PRUNED}
    trials = (replace(t, state=states.get(t.state, t.state)) for t in history.trials)
    return replace(history, trials=tuple(trials))


def _is_all_tried(space: Space, trainings: Trainings) -> bool:
    """Return whether there are no more settings than trainings began."""
    n_levels = [parameter.domain.n_levels for parameter in space.values()]
    if any(n is None for n in n_levels):
        return False
    return math.prod(n for n in n_levels if n is not None) <= trainings.n_begun
