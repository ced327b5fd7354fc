"""Whose turn it is: the engine's book on the trainings that wait, and on those that are at work.

It asks the pruner, which knows nothing but trials. How far a training at work goes before it is
decided again is kept here, and lost with the process, as the training is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Turn, WaitingPruner
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, State, Trial


def waiting_as_pruned(history: History) -> History:
    """Return the history as samplers see it: what waits counts as stopped early."""
    if not any(trial.state is State.WAITING for trial in history.trials):
        return history
    return _with_states(history, {State.WAITING: State.PRUNED})


def _with_states(history: History, states: dict[State, State]) -> History:
    trials = (replace(t, state=states.get(t.state, t.state)) for t in history.trials)
    return replace(history, trials=tuple(trials))


class Turns:
    """The turns of one run of a search.

    Parameters
    ----------
    plan
        What the user asked for.
    state
        The trials; read again at each call.

    Attributes
    ----------
    wanted
        The numbers of the trials that the user wants finished, the next one first.
    """

    def __init__(self, plan: Plan, state: SearchState) -> None:
        self._plan, self._state = plan, state
        self._until: dict[int, int | None] = {}
        self.wanted: list[int] = []

    @property
    def _pruner(self) -> WaitingPruner | None:
        pruner = self._plan.pruner
        return pruner if isinstance(pruner, WaitingPruner) else None

    def next(
        self, space: Space, history: History, ending: Collection[int], n_left: float
    ) -> Turn | None:
        """Return what is at work next; None: the sampler's next setting, to its end.

        Parameters
        ----------
        ending
            The numbers of the trials that were asked to stop and have not ended.
        n_left
            The epochs that the search may still take, as whole trainings.
        """
        if self._pruner is None:
            return None
        waits = [trial.number for trial in self._state.waiting if trial.number not in ending]
        self.wanted = [n for n in self.wanted if n in self._state.active and n not in ending]
        for number in self.wanted:
            if number in waits:
                return Turn(number, None)
        turn = self._pruner.turn(space, _seen(history, ending), self._plan.seed, n_left)
        if turn is not None and turn.number is not None and turn.number not in waits:
            return None
        return turn

    def begin(self, number: int, turn: Turn | None) -> None:
        """Store how far the training goes whose turn it is."""
        self._until[number] = None if turn is None else turn.until

    def goes_on(
        self,
        space: Space,
        history: History,
        trial: Trial,
        ending: Collection[int],
        n_left: float,
    ) -> bool:
        """Return whether a training goes on after its last report."""
        until = self._until.get(trial.number)
        if until is None or trial.curve[-1].step < until or trial.number in self.wanted:
            return True
        if trial.n_steps is not None and trial.curve[-1].step >= trial.n_steps:
            return True  # it was its last report
        assert self._pruner is not None  # otherwise no training has a turn
        seen = _with(_seen(history, ending), trial)
        turn = self._pruner.turn(space, seen, self._plan.seed, n_left)
        is_own = turn is None or turn.number == trial.number
        if is_own:
            self._until[trial.number] = None if turn is None else turn.until
        return is_own

    def to_drop(
        self, space: Space, history: History, trial: Trial, ending: Collection[int], n_most: int
    ) -> list[int]:
        """Return the numbers of the trainings that are given up for want of room for `trial`.

        It is given up itself where that is better, or where nothing else waits.

        Parameters
        ----------
        n_most
            How many trainings can wait at once.
        """
        assert self._pruner is not None  # otherwise no training waits
        dropped: list[int] = []
        while self._n_waiting(gone := {*ending, *dropped}) >= n_most and trial.number not in gone:
            seen = _with(_seen(history, gone), trial)
            others = self._n_waiting(gone)
            worst = self._pruner.to_drop(space, seen, self._plan.seed) if others else trial.number
            dropped.append(worst)
        return dropped

    def _n_waiting(self, ending: Collection[int]) -> int:
        """Return how many trainings wait that were not asked to stop."""
        return sum(trial.number not in ending for trial in self._state.waiting)

    def to_finish(self) -> int:
        """Return the number of the waiting trial that came furthest."""
        waiting = self._state.waiting
        return max(waiting, key=lambda t: (t.curve[-1].step if t.curve else 0, -t.number)).number


def _seen(history: History, ending: Collection[int]) -> History:
    """Return the history in which trainings that are being stopped are stopped."""
    trials = (
        replace(t, state=State.PRUNED)
        if t.number in ending and t.state in (State.WAITING, State.RUNNING)
        else t
        for t in history.trials
    )
    return replace(history, trials=tuple(trials))


def _with(history: History, trial: Trial) -> History:
    """Return the history with a trial that may have to wait."""
    others = tuple(other for other in history.trials if other.number != trial.number)
    waits = replace(trial, state=State.WAITING)
    trials = tuple(sorted((*others, waits), key=lambda t: t.number))
    return replace(history, trials=trials)
