"""Which trials a model learns from where there are too many: the best, and a spread of the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray


def spread_of(losses: FloatArray, at_most: int) -> npt.NDArray[np.intp]:
    """Return the indices of the best losses and of a spread of the rest, ascending.

    `losses` has the shape (n,), the result (min(n, at_most),). Half of the
    result are the best ones, at least; it is all of them if there are no more than `at_most`.
    """
    n = len(losses)
    if n <= at_most:
        return np.arange(n)
    n_best = at_most // 2
    ranked = np.argsort(losses, kind="stable")
    spread = np.linspace(n_best, n - 1, at_most - n_best).astype(np.intp)
    return np.sort(np.concatenate([ranked[:n_best], ranked[spread]]))
