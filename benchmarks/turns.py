"""Rules for trainings that wait that are measured and not offered: halving, and both in turns.

On the recorded curves both needed more epochs than freeze-thaw: there the best settings change
places until late, and halving ends what would have led. Where early and final order agree among the
best, too, the turns may be the better rule; which of the two a search has cannot be told before
much of it is spent.
"""

from __future__ import annotations

import math

from hpo_magic.core.ports import Turn
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History
from hpo_magic.samplers.initial import n_initial
from hpo_magic.waiting.halving import promoted
from hpo_magic.waiting.pruner import FreezeThawPruner
from hpo_magic.waiting.trainings import Trainings, trainings_of

# The rules change after so many epochs, as a share of the longest training.
TURN_SHARE = 1.0
# The first rung of the halving, as a share of the longest training; at least one step. From the
# first step on many more trainings begin, and each costs its preparation, too.
FIRST_RUNG_SHARE = 0.1


class HalvingPruner(FreezeThawPruner):
    """Freeze-thaw and successive halving.

    Parameters
    ----------
    in_turns
        Whether each of them decides over a training's worth of epochs; else halving decides.
    first_share
        The first rung of the halving, as a share of the longest training.
    """

    def __init__(self, *, in_turns: bool, first_share: float = FIRST_RUNG_SHARE) -> None:
        super().__init__()
        self._in_turns, self._first_share = in_turns, first_share

    def turn(
        self, space: Space, history: History, seed: int, n_left: float = math.inf
    ) -> Turn | None:
        """Return what is at work next; see `core.ports.WaitingPruner`."""
        trainings = trainings_of(history)
        is_begun = trainings is not None and trainings.n_begun >= n_initial(space)
        if trainings is not None and is_begun and n_left >= 1 and self._is_halvings(trainings):
            turn = promoted(trainings, first=max(self._first_share * trainings.length, 1.0))
            is_by_sampler = turn.number is None and turn.params is None
            if not (is_by_sampler and _is_all_tried(space, trainings)):
                return turn
        return super().turn(space, history, seed, n_left)

    def _is_halvings(self, trainings: Trainings) -> bool:
        n_turns = int(trainings.n_steps / (TURN_SHARE * trainings.length))
        return not self._in_turns or n_turns % 2 == 1


def _is_all_tried(space: Space, trainings: Trainings) -> bool:
    """Return whether there are no more settings than trainings began."""
    n_levels = [parameter.domain.n_levels for parameter in space.values()]
    if any(n is None for n in n_levels):
        return False
    return math.prod(n for n in n_levels if n is not None) <= trainings.n_begun
