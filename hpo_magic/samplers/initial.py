"""The first settings of a search, spread evenly before there is anything to learn from."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Space

MOST_INITIAL = 6


def n_initial(space: Space) -> int:
    """Return how many trials come before the model, the start included.

    Two more than there are parameters with more than one value, six at most. On twenty problems six
    ended with less regret than 8 to 12, and four with less than six on some alone.
    """
    n_free = sum(parameter.domain.n_levels != 1 for parameter in space.values())
    return min(n_free + 2, MOST_INITIAL)


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
