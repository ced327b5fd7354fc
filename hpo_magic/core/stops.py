"""What was asked to stop: trainings, and the search itself."""

from __future__ import annotations

from hpo_magic.core.events import Commands, Finish, Reason, StopTrial
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.trial import Failure, State


class Stops:
    """The stops of one run of a search.

    Parameters
    ----------
    state
        The trials; read again at each call.

    Attributes
    ----------
    ending
        Why the search ends; None while it goes on.
    failure
        What failed, if that ends the search.
    """

    def __init__(self, state: SearchState) -> None:
        self._state = state
        self._ends: dict[int, State] = {}
        self.ending: Reason | None = None
        self.failure: Failure | None = None

    def __contains__(self, number: int) -> bool:
        return number in self._ends

    def stop(self, number: int, state: State) -> Commands:
        """Stop a training; it ends in `state`, unless it was stopped before."""
        if number in self._ends:
            return ()
        self._ends[number] = state
        return (StopTrial(number),)

    def state_of(self, number: int, otherwise: State) -> State:
        """Return the state in which a training ends; `otherwise` if nobody asked it to stop."""
        return self._ends.get(number, otherwise)

    def end(self, reason: Reason) -> Commands:
        """Start no more trials, and stop those that run."""
        self.ending = self.ending or reason
        return tuple(StopTrial(number) for number in sorted(self._state.active))

    def finish(self) -> Finish:
        """Return the search's last command."""
        return Finish(self.ending or Reason.TRIALS, self.failure)
