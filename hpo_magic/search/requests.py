"""What the user asks of a running search: stop, pause, skip, enqueue, choose, narrow.

Requests come from any thread, from the panel's buttons and from the interrupt. They wait in a queue
until the runner takes them: between trials, at each batch and each report.
"""

from __future__ import annotations

import time
from collections import deque

from hpo_magic.core.events import (
    Chosen,
    Enqueued,
    Event,
    FinishAsked,
    Noted,
    Skipped,
    StopAsked,
)
from hpo_magic.core.space import Params, Ranges


class UserRequests:
    """The requests of one search. Every method may be called from any thread and returns at once.

    Parameters
    ----------
    can_narrow
        Whether the search has a cell whose ranges can be narrowed.

    Attributes
    ----------
    running
        The numbers of the trials that run now. The runner keeps it up to date; `skip` reads it.
    is_narrowing_wanted
        Whether the user asked for a cell with narrower ranges, to be made when the search ends.
    ranges
        The user's own ranges for it; None: those around the best trials.
    """

    def __init__(self, *, can_narrow: bool = False) -> None:
        self.can_narrow = can_narrow
        self.running: set[int] = set()
        self.is_narrowing_wanted = False
        self.ranges: Ranges | None = None
        # No lock: a signal handler calls `stop`, and may have interrupted the holder of the lock.
        self._events: deque[Event] = deque()
        self._is_paused = False

    def stop(self) -> None:
        """End the search and keep its result."""
        self._events.append(StopAsked(time.time()))
        self._is_paused = False

    def pause(self) -> None:
        """Hold the training at its next batch."""
        self._is_paused = True

    def resume(self) -> None:
        """Continue after a pause."""
        self._is_paused = False

    @property
    def is_paused(self) -> bool:
        """Whether the search is paused."""
        return self._is_paused

    def skip(self, number: int | None = None) -> None:
        """End a trial; None: the running one that was started last. The search goes on."""
        if number is None:
            number = max(tuple(self.running), default=None)
        if number is not None:
            self._events.append(Skipped(number))
            self._is_paused = False

    def finish(self, number: int) -> None:
        """Train this trial to its end; if it waits, it is taken up next."""
        self._events.append(FinishAsked(number))

    def enqueue(self, params: Params) -> None:
        """Run this setting next."""
        self._events.append(Enqueued(dict(params)))

    def choose(self, number: int | None) -> None:
        """Choose this trial of the Pareto front; None takes the choice back."""
        self._events.append(Chosen(number))

    def narrow(self, ranges: Ranges | None = None) -> None:
        """Have a cell with narrower ranges made when the search ends; the last wish counts.

        Parameters
        ----------
        ranges
            Low and high end by parameter; None: around the best trials.
        """
        self.is_narrowing_wanted, self.ranges = True, ranges

    def note(self, text: str) -> None:
        """Show the user this sentence."""
        self._events.append(Noted(text))

    def taken(self) -> list[Event]:
        """Return the requests since the last call, oldest first, and remove them."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return taken
