"""Weights of resampled validation rows: single rows, whole groups, or blocks of neighbours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray

N_DRAWS = 400
# Rows of ordered data that are drawn together. Blocks of 10 cost nothing where the rows are
# independent after all, so they are used where the order was merely kept; blocks of 20 cover 91%
# where neighbouring rows agree by 0.8 (simulated with 200 rows).
BLOCK_IF_ORDER_IS_KEPT, BLOCK_OF_TIME = 10, 20
# Of fewer rows there would be too few blocks of 20: three blocks cover 86% of 60 rows.
ROWS_FOR_LONG_BLOCKS = 200

Units = npt.NDArray[np.intp]


def units_of_groups(groups: npt.ArrayLike) -> Units:
    """Return the number of each row's group, from 0; shape (n_rows,).

    >>> units_of_groups(["b", "a", "b"])
    array([1, 0, 1])
    """
    _, units = np.unique(np.asarray(groups), return_inverse=True)
    return np.asarray(units.reshape(-1), dtype=np.intp)


def units_of_blocks(n_rows: int, block: int) -> Units:
    """Return the number of each row's block of neighbours; the last block may be shorter.

    >>> units_of_blocks(5, 2)
    array([0, 0, 1, 1, 2])
    """
    return np.arange(n_rows, dtype=np.intp) // block


def draw_weights(
    n_rows: int, n_draws: int, rng: np.random.Generator, units: Units | None = None
) -> FloatArray:
    """Return how often each row is drawn, with replacement; shape (n_draws, n_rows).

    Parameters
    ----------
    units : shape (n_rows,)
        Rows with the same number are drawn together; None: each row by itself.

    Notes
    -----
    Whole groups: the cluster bootstrap, Davison and Hinkley, "Bootstrap Methods and their
    Application" (1997), section 3.8. Blocks of neighbours: Carlstein, "The use of subseries values
    for estimating the variance of a general statistic" (Annals of Statistics 1986).
    """
    if units is not None:
        return draw_weights(int(units.max()) + 1, n_draws, rng)[:, units]
    drawn = rng.integers(n_rows, size=(n_draws, n_rows))
    drawn += n_rows * np.arange(n_draws)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n_draws * n_rows)
    return counts.reshape(n_draws, n_rows).astype(np.float64)
