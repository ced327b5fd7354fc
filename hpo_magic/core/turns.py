"""Whose turn it is: the engine's book on the trainings that wait, and on those that are at work.

It asks the pruner, which knows nothing but trials. How far a training at work goes before it is
decided again is kept here, and lost with the process, as the training is.
"""

from __future__ import annotations

from dataclasses import replace

from hpo_magic.core.events import Commands, Continue, Freed, Reported, Save, Suspend
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Turn, WaitingPruner
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.stops import Stops
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
    stops
        The trainings that were asked to stop.

    Attributes
    ----------
    wanted
        The numbers of the trials that the user wants finished, the next one first.
    """

    def __init__(self, plan: Plan, state: SearchState, stops: Stops) -> None:
        self._plan, self._state, self._stops = plan, state, stops
        self._until: dict[int, int | None] = {}
        self.wanted: list[int] = []

    @property
    def _pruner(self) -> WaitingPruner | None:
        pruner = self._plan.pruner
        return pruner if isinstance(pruner, WaitingPruner) else None

    def next(
        self, history: History, n_left: float, at_hand: frozenset[int] | None = None
    ) -> Turn | None:
        """Return what is at work next; None: the sampler's next setting, to its end.

        Parameters
        ----------
        n_left
            The epochs that the search may still take, as whole trainings.
        at_hand
            As in `Freed`.
        """
        if self._pruner is None:
            return None
        waits = self._waiting(at_hand)
        if (number := self._wanted_of(waits)) is not None:
            return Turn(number, None)
        seen = self._seen(history, at_hand)
        turn = self._pruner.turn(self._state.space, seen, self._plan.seed, n_left)
        if turn is not None and turn.number is not None and turn.number not in waits:
            return None
        return turn

    def _waiting(self, at_hand: frozenset[int] | None) -> list[int]:
        """Return the trainings that wait at hand and were not asked to stop."""
        return [
            t.number
            for t in self._state.waiting
            if t.number not in self._stops and (at_hand is None or t.number in at_hand)
        ]

    def _wanted_of(self, waits: list[int]) -> int | None:
        """Return which of these the user wants finished first; None: none of them."""
        self.wanted = [n for n in self.wanted if n in self._state.active and n not in self._stops]
        return next((number for number in self.wanted if number in waits), None)

    def begin(self, number: int, until: int | None) -> None:
        """Store how far the training goes whose turn it is."""
        self._until[number] = until

    def take_up(self, turn: Turn, at: float) -> Commands:
        """Go on with a training that waits, whose turn it is."""
        assert turn.number is not None  # the callers have looked
        self.begin(turn.number, turn.until)
        trial = self._state.take_up(turn.number, at)
        return (Save(trial), Continue(trial.number, turn.until))

    def finish_furthest(self, event: Freed) -> Commands:
        """Go on to its end with the training at hand that came furthest; none if there is none."""
        waiting = [self._state.trials[number] for number in self._waiting(event.at_hand)]
        if not waiting:
            return ()
        first = max(waiting, key=lambda t: (t.curve[-1].step if t.curve else 0, -t.number))
        return self.take_up(Turn(first.number, None), event.at)

    def release(self) -> Commands:
        """Give up the trainings that wait, as the budget of the search is used up."""
        waiting = self._state.waiting
        return tuple(c for t in waiting for c in self._stops.stop(t.number, State.PRUNED))

    def reported(self, trial: Trial, event: Reported, history: History, n_left: float) -> Commands:
        """Have a training wait if it is another one's turn; give one up if there is no room.

        Parameters
        ----------
        trial
            It runs, and has the point of its curve that was reported.
        n_left
            As in `next`.
        """
        if event.params is not None:
            trial = replace(trial, params=dict(event.params))
        if (answer := self._goes_on(trial, event, history, n_left)) is not None:
            return answer
        stops: Commands = ()
        while len(self._waiting(event.at_hand)) >= min(event.room, self._plan.n_waiting):
            number = self._to_drop(trial, event, history)
            stops += self._stops.stop(number, State.PRUNED)
            if number == trial.number:
                return stops
        trial = self._state.suspend(trial, event.at)
        return (*stops, Save(trial), Suspend(trial.number))

    def _goes_on(
        self, trial: Trial, event: Reported, history: History, n_left: float
    ) -> Commands | None:
        """Return the answer if a training goes on after its last report; None if it does not."""
        until = self._until.get(trial.number)
        if until is None or trial.curve[-1].step < until:
            return ()
        if trial.n_steps is not None and trial.curve[-1].step >= trial.n_steps:
            return ()  # it was its last report
        if trial.number in self.wanted:
            return self._go_on(trial.number, None)
        if self._wanted_of(self._waiting(event.at_hand)) is not None:
            return None
        assert self._pruner is not None  # otherwise no training has a turn
        seen = _with(self._seen(history, event.at_hand), trial)
        turn = self._pruner.turn(self._state.space, seen, self._plan.seed, n_left)
        if turn is not None and turn.number != trial.number:
            return None
        return self._go_on(trial.number, None if turn is None else turn.until)

    def _go_on(self, number: int, until: int | None) -> Commands:
        self.begin(number, until)
        return (Continue(number, until),)

    def _to_drop(self, trial: Trial, event: Reported, history: History) -> int:
        """Return the number of the training that is given up for want of room, `trial` included."""
        assert self._pruner is not None  # otherwise no training has a turn
        if not self._waiting(event.at_hand):
            return trial.number
        seen = _with(self._seen(history, event.at_hand), trial)
        return self._pruner.to_drop(self._state.space, seen, self._plan.seed)

    def _seen(self, history: History, at_hand: frozenset[int] | None) -> History:
        """Return the history as the pruner sees it.

        Trainings that are being stopped are stopped, and those that wait at another worker run
        elsewhere.
        """

        def state_of(trial: Trial) -> State:
            if trial.state not in (State.WAITING, State.RUNNING):
                return trial.state
            if trial.number in self._stops:
                return State.PRUNED
            is_far = at_hand is not None and trial.number not in at_hand
            return State.RUNNING if is_far else trial.state

        states = ((trial, state_of(trial)) for trial in history.trials)
        trials = (t if t.state is state else replace(t, state=state) for t, state in states)
        return replace(history, trials=tuple(trials))


def _with(history: History, trial: Trial) -> History:
    """Return the history with a trial that may have to wait."""
    others = tuple(other for other in history.trials if other.number != trial.number)
    waits = replace(trial, state=State.WAITING)
    trials = tuple(sorted((*others, waits), key=lambda t: t.number))
    return replace(history, trials=trials)
