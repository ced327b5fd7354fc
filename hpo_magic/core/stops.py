"""The trainings that were asked to stop, and the state in which each ends."""

from __future__ import annotations

from hpo_magic.core.events import Commands, StopTrial
from hpo_magic.core.trial import State


class Stops:
    """The stops of one run of a search."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._states

    def stop(self, number: int, state: State) -> Commands:
        """Stop a training; it ends in `state`, unless it was stopped before."""
        if number in self._states:
            return ()
        self._states[number] = state
        return (StopTrial(number),)

    def state_of(self, number: int, otherwise: State) -> State:
        """Return the state in which a training ends; `otherwise` if nobody asked it to stop."""
        return self._states.get(number, otherwise)
