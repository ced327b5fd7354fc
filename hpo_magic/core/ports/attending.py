"""Protocols between a running search and its user: who is told, and what can be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from hpo_magic.core.events import Event
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, Ranges


class Listener(Protocol):
    """Is told of everything that happens, after it is safe on disk."""

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Take note of an event; None opens the search. `snapshot()` is the state after it."""
        ...

    def poll(self) -> None:
        """Fetch clicks, or do other short work; called at every batch and while paused."""
        ...

    def close(self, snapshot: Snapshot) -> None:
        """Leave what stays: the search has ended, in whatever way."""
        ...


class Controls(Protocol):
    """What the user can do to a running search. May be called from any thread, and returns at once.

    `can_narrow`: the search has a cell whose ranges can be narrowed.
    """

    can_narrow: bool

    def narrow(self, ranges: Ranges | None = None) -> None:
        """Have a cell with narrower ranges put below the search's cell when the search ends.

        `ranges` are the user's own, low and high end by parameter; None: around the best trials.
        """
        ...

    @property
    def is_paused(self) -> bool:
        """Whether the search is held."""
        ...

    def stop(self) -> None:
        """End the search, with what there is."""
        ...

    def pause(self) -> None:
        """Hold the training at its next batch."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def skip(self, number: int | None = None) -> None:
        """End a trial, the current one without a number, and go on with the next."""
        ...

    def finish(self, number: int) -> None:
        """Train this trial to its end; one that waits is taken up next."""
        ...

    def enqueue(self, params: Params) -> None:
        """Try this setting next."""
        ...

    def choose(self, number: int | None) -> None:
        """Take this trial of several objectives' front; None: none."""
        ...
