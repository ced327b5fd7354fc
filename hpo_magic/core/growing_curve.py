"""A learning curve that grows by one point at the cost of one point.

A running trial is immutable, and each report makes a new one. A tuple would be copied at each
report, so that the cost of a training would grow with the square of its reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, overload

from hpo_magic.core.trial import Point


class GrowingCurve(Sequence[Point]):
    """A learning curve that never changes; longer ones share its points.

    >>> one = GrowingCurve().with_point(Point(1, {"loss": 2.0}))
    >>> two = one.with_point(Point(2, {"loss": 1.0}))
    >>> len(one), len(two), two[-1].step
    (1, 2, 2)
    """

    def __init__(self, points: Sequence[Point] = ()) -> None:
        self._points = list(points)
        self._n = len(self._points)

    def with_point(self, point: Point) -> GrowingCurve:
        """Return the curve with one more point."""
        is_longest = self._n == len(self._points)
        longer = GrowingCurve() if is_longest else GrowingCurve(self)
        if is_longest:
            longer._points = self._points
        longer._points.append(point)
        longer._n = self._n + 1
        return longer

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Point, ...]: ...
    def __getitem__(self, place: int | slice) -> Point | tuple[Point, ...]:
        if isinstance(place, slice):
            return tuple(self._points[k] for k in range(*place.indices(self._n)))
        if not -self._n <= place < self._n:
            raise IndexError(place)
        return self._points[place + self._n if place < 0 else place]

    def __iter__(self) -> Iterator[Point]:
        return islice(self._points, self._n)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GrowingCurve | tuple):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # its points have dicts

    def __reduce__(self) -> tuple[Any, ...]:
        return GrowingCurve, (tuple(self),)
