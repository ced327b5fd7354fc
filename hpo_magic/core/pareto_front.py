"""The Pareto front: what no other is better than in one objective without being worse in another.

Everything here is about losses, shape (n_points, n_goals): lower is better in each column. Columns
have units of their own, so that distances are taken on a scale that the front itself gives.
"""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray

BoolArray = npt.NDArray[np.bool_]

# Losses of one sign that lie so far apart, like numbers of weights, are compared by their ratios.
WIDE = 100.0


def is_on_front(losses: FloatArray) -> BoolArray:
    """Return which points no other dominates; of equal points the first alone.

    >>> is_on_front(np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.0]])).tolist()
    [True, True, False, False]
    """
    found = np.zeros(len(losses), dtype=np.bool_)
    front: list[FloatArray] = []
    for i in _from_the_left(losses):
        if not _is_reached(front, losses[i]):
            front.append(losses[i])
            found[i] = True
    return found


def layers(losses: FloatArray) -> npt.NDArray[np.intp]:
    """Return 0 for points on the front, 1 for those on the front of the rest, and so on.

    Each point is put on the first layer where nothing is as good, found by halving: Zhang et al.,
    "An Efficient Approach to Nondominated Sorting" (IEEE Trans. Evol. Comput. 19, 2015), ENS-BS.
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
    """Return the indices in an order in which no point dominates one before it."""
    return np.lexsort((np.arange(len(losses)), *losses.T[::-1]))


def _is_reached(front: list[FloatArray], point: FloatArray) -> bool:
    """Return whether a point of the front is at least as good in every column."""
    return bool(front) and bool((np.array(front) <= point).all(axis=1).any())


class Scale:
    """Losses as shares of the front's extent: 0 is the best that any point has, 1 the front's end.

    A column whose losses have one sign and lie far apart is taken as logarithms.

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
        """Return the shares, of the same shape; beyond 1 outside the front's extent."""
        shares: FloatArray = (self._even(losses) - self._low) / self._extent
        return shares

    def _even(self, losses: FloatArray) -> FloatArray:
        sizes = np.log(np.where(self.is_log, np.abs(losses), 1.0))
        # Differences of 1e308 stay finite.
        return np.where(self.is_log, np.sign(losses) * sizes, losses / self._largest)


def by_balance(losses: FloatArray) -> npt.NDArray[np.intp]:
    """Return the points' indices, the front first, on each layer the nearest to the ideal first.

    The ideal has the best of every column; distances are those of `Scale`. Ties go by place.
    """
    if not len(losses):
        return np.zeros(0, dtype=np.intp)
    if losses.shape[1] == 1:
        return np.argsort(losses[:, 0], kind="stable")
    return np.lexsort((np.arange(len(losses)), _distances(losses), layers(losses)))


def most_balanced(losses: FloatArray) -> int:
    """Return the first of `by_balance`, without sorting the others; one point at least."""
    if losses.shape[1] == 1:
        return int(losses.argmin())
    on_front = is_on_front(losses)
    return int(np.where(on_front, _distances(losses), np.inf).argmin())


def _distances(losses: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(Scale(losses)(losses), axis=1))


def spread(losses: FloatArray, n: int, first: int) -> list[int]:
    """Return `n` points that lie far apart, `first` before the others; all, if there are fewer.

    Each next one is the furthest from those before, on the points' own `Scale`.
    """
    shares = Scale(losses)(losses)
    found = [first]
    while len(found) < min(n, len(losses)):
        gaps = np.linalg.norm(shares[:, np.newaxis] - shares[found], axis=2).min(axis=1)
        gaps[found] = -1.0
        found.append(int(gaps.argmax()))
    return found


def hypervolume(losses: FloatArray, reference: FloatArray) -> float:
    """Return how much of the space below `reference`, shape (n_goals,), the points dominate.

    By slices along the last column (While et al., "A Faster Algorithm for Calculating Hypervolume",
    IEEE Trans. Evol. Comput. 10, 2006, calls it HSO): exact, and quick for two or three columns.

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
