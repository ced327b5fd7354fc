"""How often the panel may draw: never so often that it costs the training a noticeable share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Pace:
    """An allowance of seconds that grows with time and shrinks with what is spent.

    In the long run at most `share` of the time is spent: after something that took 60 ms nothing
    is due for 60 ms / `share`.

    Parameters
    ----------
    share
        Of the time that goes by.
    gap_s
        Least time between two beginnings.
    most_s
        The allowance that a long pause leaves, so that two events in a row are both shown.
    clock
        Seconds, from any beginning.
    """

    def __init__(
        self,
        share: float,
        gap_s: float,
        most_s: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._share, self._gap_s, self._most_s, self._clock = share, gap_s, most_s, clock
        self._left_s = most_s
        self._counted_at = clock()
        self._began_at = -float("inf")

    def is_due(self) -> bool:
        """Whether something may be done now."""
        now = self._clock()
        if now - self._began_at < self._gap_s:
            return False
        self._left_s += (now - self._counted_at) * self._share
        self._left_s = min(self._left_s, self._most_s)
        self._counted_at = now
        return self._left_s > 0

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time that the block takes."""
        self._began_at = self._clock()
        try:
            yield
        finally:
            self._left_s -= self._clock() - self._began_at
