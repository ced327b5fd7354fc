"""The first settings of a search, spread evenly before there is anything to learn from."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from hpo_magic.core.domains import FloatArray


def n_initial(n_params: int) -> int:
    """Return how many trials come before the model, the start included.

    Some two more than there are parameters, 8 at least and 12 at most. 20 cost more than they tell
    on each of the problems that this was measured on.
    """
    return int(np.clip(n_params + 2, 8, 12))


def sobol_point(n_params: int, index: int, seed: int) -> FloatArray:
    """Return one point of a scrambled Sobol sequence; shape (n_params,), in [0, 1).

    The points of a sequence belong together: whoever asks for 0, 1, 2, ... with one seed gets
    points that fill the cube evenly.
    """
    sequence = qmc.Sobol(n_params, scramble=True, rng=np.random.default_rng(seed))
    points = sequence.random_base2(index.bit_length())  # at least index + 1 of them
    point: FloatArray = points[index]
    return point
