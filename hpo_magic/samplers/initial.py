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


def sobol_points(n_params: int, log2: int, seed: int) -> FloatArray:
    """Return the first 2**log2 points of a seed's sequence; shape (2**log2, n_params), in [0, 1).

    With one seed, the first points of a longer sequence are those of a shorter one.

    Notes
    -----
    Scrambled as by J. Matoušek (1998), "On the L2-discrepancy for anchored boxes": SciPy's own.
    """
    sequence = qmc.Sobol(n_params, scramble=True, rng=np.random.default_rng(seed % 2**64))
    points: FloatArray = sequence.random_base2(log2)
    return points
