"""The lowest point of the parabola through the best trials, for spaces of one number.

A Gaussian process learns the shape of a curve from ten trials or so. Where the loss is smooth and
depends on one number, the parabola through three trials finds its minimum much sooner: Brent,
"Algorithms for Minimization without Derivatives" (1973), chapter 5.
"""

from __future__ import annotations

import numpy as np

from hpo_magic.core.domains import FloatArray

# Closer than this to a trial, as a share of the range, the parabola has nothing new to tell.
CLOSEST = 2.5e-4
# Slopes, of losses that are 1/4 at most, that differ by less are those of a straight line.
TINY = 1e-12


def lowest_of_parabola(places: FloatArray, losses: FloatArray) -> float | None:
    """Return the place of the minimum of the parabola through the best trial and its neighbours.

    Parameters
    ----------
    places, losses : shape (n_trials,)
        Where the trials are in [0, 1], and their losses.

    Returns
    -------
    A place in [0, 1]. None if there are fewer than three places, if the parabola has no minimum,
    or if that is where a trial is already.
    """
    places, first = np.unique(places, return_index=True)
    if len(places) < 3:
        return None
    losses = losses[first]
    losses = losses / (np.abs(losses).max() or 1.0) / 4.0  # differences of 1e308 stay finite
    middle = int(np.clip(losses.argmin(), 1, len(places) - 2))
    (left, x, right), (y_left, y, y_right) = (a[middle - 1 : middle + 2] for a in (places, losses))
    slope_left, slope_right = (y - y_left) / (x - left), (y_right - y) / (right - x)
    if not slope_right - slope_left > TINY:  # no minimum
        return None
    # The slope is linear in the place: `slope_left` half-way from `left` to x, and so on.
    share = -slope_left / (slope_right - slope_left)
    lowest = float(np.clip((left + x) / 2 + share * (right - left) / 2, 0.0, 1.0))
    return lowest if np.abs(places - lowest).min() > CLOSEST else None
