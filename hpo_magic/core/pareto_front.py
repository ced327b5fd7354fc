"""The Pareto front: the points that no other point dominates.

A point dominates another if it is at least as good in each objective and better in one. The points
are losses of shape (n_points, n_goals), where lower is better. The columns have different units, so
distances are measured on a scale derived from the front (`Scale`).
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray

BoolArray = npt.NDArray[np.bool_]

# A column of losses of one sign with a larger ratio of extremes than this, such as numbers of
# weights, is put on a log scale.
WIDE = 100.0


def is_on_front(losses: FloatArray) -> BoolArray:
    """Return which points are on the Pareto front, shape (n_points,); of equal points the first.

    Parameters
    ----------
    losses : shape (n_points, n_goals)

    >>> is_on_front(np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.0]])).tolist()
    [True, True, False, False]
    """
    found = np.zeros(len(losses), dtype=np.bool_)
    if len(losses) and losses.shape[1] == 1:
        found[losses.argmin()] = True
        return found
    front: list[FloatArray] = []
    for i in _from_the_left(losses):
        if not _is_reached(front, losses[i]):
            front.append(losses[i])
            found[i] = True
    return found


def layers(losses: FloatArray) -> npt.NDArray[np.intp]:
    """Return 0 for points on the front, 1 for those on the front of the rest, and so on.

    The result has the shape (n_points,), `losses` the shape (n_points, n_goals). A binary search
    finds the first front on which no point is at least as good: ENS-BS of Zhang et al., "An
    Efficient Approach to Nondominated Sorting" (IEEE Trans. Evol. Comput. 19, 2015).
    """
    found = np.zeros(len(losses), dtype=np.intp)
    fronts: list[list[FloatArray]] = []
    for i in _from_the_left(losses):
        point = losses[i]
        place = bisect_left(fronts, True, key=lambda front: not _is_reached(front, point))
        if place == len(fronts):
            fronts.append([])
        fronts[place].append(point)
        found[i] = place
    return found


def _from_the_left(losses: FloatArray) -> npt.NDArray[np.intp]:
    """Return the indices in an order in which no point dominates one before it.

    `losses` has the shape (n_points, n_objectives), the result (n_points,).
    """
    return np.lexsort((np.arange(len(losses)), *losses.T[::-1]))


def _is_reached(front: list[FloatArray], point: FloatArray) -> bool:
    """Return whether a point of the front is at least as good in every column.

    `point` and each of `front` have the shape (n_objectives,).
    """
    return bool(front) and bool((np.array(front) <= point).all(axis=1).any())


class Scale:
    """Maps losses to [0, 1] by column: 0 is the best of all points, 1 the worst of the front.

    A column whose losses have one sign and a ratio above `WIDE` is put on a log scale first.

    Parameters
    ----------
    losses : shape (n_points, n_goals)
        Finite, one point at least.
    """

    def __init__(self, losses: FloatArray) -> None:
        sizes = np.abs(losses)
        of_one_sign = (losses > 0).all(axis=0) | (losses < 0).all(axis=0)
        smallest = np.where(of_one_sign, sizes.min(axis=0), 1.0)
        self.is_log = of_one_sign & (sizes.max(axis=0) / smallest > WIDE)
        self._largest = np.where(sizes.max(axis=0) > 0, sizes.max(axis=0), 1.0)
        even = self._even(losses)
        ends = even[is_on_front(losses)]
        self._low = even.min(axis=0)
        extent = ends.max(axis=0) - self._low
        everything = even.max(axis=0) - self._low
        extent = np.where(extent > 0, extent, everything)  # a front of one point
        self._extent = np.where(extent > 0, extent, 1.0)

    def __call__(self, losses: FloatArray) -> FloatArray:
        """Return the scaled losses, of the same shape; above 1 for points worse than the front."""
        shares: FloatArray = (self._even(losses) - self._low) / self._extent
        return shares

    def _even(self, losses: FloatArray) -> FloatArray:
        sizes = np.log(np.where(self.is_log, np.abs(losses), 1.0))
        # Differences of 1e308 stay finite.
        return np.where(self.is_log, np.sign(losses) * sizes, losses / self._largest)


def by_balance(losses: FloatArray) -> npt.NDArray[np.intp]:
    """Return the points' indices, shape (n_points,): by front, in each by distance from the ideal.

    `losses` has the shape (n_points, n_goals). The ideal point has the best loss of every column;
    distances are Euclidean on `Scale`. Of equal points the first comes first.
    """
    if not len(losses):
        return np.zeros(0, dtype=np.intp)
    if losses.shape[1] == 1:
        return np.argsort(losses[:, 0], kind="stable")
    return np.lexsort((np.arange(len(losses)), _distances(losses), layers(losses)))


def most_balanced(losses: FloatArray) -> int:
    """Return the first of `by_balance`; `losses`, shape (n_points, n_goals), is not empty."""
    if losses.shape[1] == 1:
        return int(losses.argmin())
    on_front = is_on_front(losses)
    return int(np.where(on_front, _distances(losses), np.inf).argmin())


def _distances(losses: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(Scale(losses)(losses), axis=1))


def spread(losses: FloatArray, n: int, first: int) -> list[int]:
    """Return the indices of `n` points that lie far apart, `first` included; at most all points.

    Each next point is the one with the largest distance from those before, on `Scale`. `losses` has
    the shape (n_points, n_goals).
    """
    shares = Scale(losses)(losses)
    found = [first]
    while len(found) < min(n, len(losses)):
        gaps = np.linalg.norm(shares[:, np.newaxis] - shares[found], axis=2).min(axis=1)
        gaps[found] = -1.0
        found.append(int(gaps.argmax()))
    return found


def hypervolume(losses: FloatArray, reference: FloatArray) -> float:
    """Return the volume that the points dominate below `reference`.

    `losses` has the shape (n_points, n_goals), `reference` (n_goals,). The
    volume is summed over slices along the last column, exactly, and fast for two or three columns:
    HSO of While et al., "A Faster Algorithm for Calculating Hypervolume" (IEEE Trans. Evol. Comput.
    10, 2006).

    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
    3.0
    """
    inside = losses[(losses < reference).all(axis=1)]
    if not len(inside):
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - inside.min())
    inside = inside[np.argsort(inside[:, -1], kind="stable")]
    depths = np.diff(inside[:, -1], append=reference[-1])
    slices = (hypervolume(inside[: k + 1, :-1], reference[:-1]) for k in range(len(inside)))
    return float(sum(depth * area for depth, area in zip(depths, slices, strict=True) if depth > 0))
