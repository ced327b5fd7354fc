"""Compare what a cell reads before and after each trial, in less than 1% of the time."""

from __future__ import annotations

import time
import types
from collections.abc import Callable, Mapping
from typing import Any

from hpo_magic.inputs.changes import Change, changes, refitted
from hpo_magic.inputs.state import State, quick_state_of, state_of

# After the first trial, of the time since the search began.
MOST_OF_THE_TIME = 0.01


class InputsWatch:
    """The state of what a cell reads, and what its trials changed of that.

    Parameters
    ----------
    read
        Returns the values by name, as they are now.
    text
        The code of the cell.
    clock
        Returns seconds.

    Attributes
    ----------
    values
        What the cell read before the first trial, by name.
    start
        The state of that.
    refitted
        The variables with estimators that the cell fits anew in each trial.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[str, Any]],
        text: str = "",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._read, self._clock = read, clock
        self._began, self._spent_s = clock(), 0.0
        self.values = dict(read())
        self.start: State = state_of(self.values)
        self.refitted: set[str] = set()
        self._latest: State | None = None  # of the last comparison
        self._goes_on = "partial_fit" in text or any(map(_calls_partial_fit, self.values.values()))
        self._told: set[str] = set()

    def changes(self) -> list[Change]:
        """Return what trials changed since the last call, of variables that were not told yet.

        The first call compares everything, later ones a sample of long arrays. A call that would
        make the comparisons take more than 1% of the time since the first one returns nothing;
        what changed meanwhile is found by a later one.
        """
        begun = self._clock()
        if self._latest is not None and self._spent_s > MOST_OF_THE_TIME * (begun - self._began):
            return []
        values = self._values_now()
        if self._latest is None:
            before, now = self.start, state_of(values)
            self._latest = quick_state_of(values)
        else:
            before, now = self._latest, quick_state_of(values)
            self._latest = now
            self._spent_s += self._clock() - begun
        found = changes(before, now, is_refitted_from_scratch=not self._goes_on)
        self.refitted |= refitted(before, now)
        new = [change for change in found if change.variable not in self._told]
        self._told |= {change.variable for change in new}
        return new

    def _values_now(self) -> dict[str, Any]:
        """Return the values by the names that they had before the first trial.

        An attribute that the cell reads may be there only since a trial: then the whole object was
        read before.
        """
        now = self._read()
        new = now.keys() - self.values.keys()
        whole = [n for n in self.values if any(each.startswith((f"{n}.", f"{n}[")) for each in new)]
        there = {name: now[name] for name in self.values if name in now}
        return there | {name: self.values[name] for name in whole}


def _calls_partial_fit(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and "partial_fit" in value.__code__.co_names
