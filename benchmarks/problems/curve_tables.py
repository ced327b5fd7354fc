"""The recorded curves, looked up by setting: `load_curves(name)` for a name of `CURVE_NAMES`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.problems.curve_trainings import CURVE_TRAININGS
from benchmarks.problems.encoding import places
from benchmarks.problems.network_trainings import NETWORK_TRAININGS
from benchmarks.problems.optimizer_trainings import OPTIMIZER_TRAININGS
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import Direction

__all__ = ["CURVES", "CURVE_NAMES", "FAMILIES", "TRAININGS", "CurveProblem", "load_curves"]

CURVES = Path(__file__).parent / "curves"
CURVE_NAMES = tuple(CURVE_TRAININGS)
# "wild" curves cross, most of them made to be hard. Of the others all settings keep their order, of
# "tame" ones the best settings, too: rank correlation 0.57 to 0.77 of the best tenth after a tenth.
FAMILIES = {
    "wild": CURVE_NAMES,
    "tame": ("adam_text", "adam_conv", "adam_code", "slow_boost"),
    "networks": ("gru_digits", "conv_digits", "leaves_digits"),
}
TRAININGS = CURVE_TRAININGS | NETWORK_TRAININGS | OPTIMIZER_TRAININGS


@dataclass(frozen=True)
class CurveProblem:
    """A search whose trainings have all been done before.

    `curves` has shape (n_settings, n_epochs): the settings of the grid, the last parameter running
    fastest.
    """

    name: str
    space: Space
    direction: Direction
    curves: FloatArray

    @property
    def n_epochs(self) -> int:
        """How long a training is."""
        return self.curves.shape[1]

    def curve(self, params: Params) -> FloatArray:
        """Return the score after each epoch, shape (n_epochs,)."""
        levels = [parameter.domain.n_levels or 1 for parameter in self.space.values()]
        index = np.floor(places(self.space, params) * levels).astype(np.intp)
        curve: FloatArray = self.curves[np.ravel_multi_index(tuple(index), levels)]
        return curve


@cache
def load_curves(name: str) -> CurveProblem:
    """Return the problem of that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    training = TRAININGS[name]
    with np.load(CURVES / f"{name}.npz") as stored:
        curves = stored["curves"].astype(np.float64)
    return CurveProblem(name, training.space, training.direction, curves)
