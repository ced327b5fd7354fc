"""What runs next: a new setting, a training that waits, a re-run, or nothing more."""

from __future__ import annotations

from hpo_magic.core.budgets import Budgets
from hpo_magic.core.events import Commands, Freed, Reason, Run, Save
from hpo_magic.core.models_to_keep import to_keep
from hpo_magic.core.next_setting import NextSetting
from hpo_magic.core.notice_log import NoticeLog
from hpo_magic.core.notices import AllTried, Rechecks
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Turn
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.space import Params, setting_key
from hpo_magic.core.stops import Stops
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.core.turns import Turns
from hpo_magic.errors import SpaceExhausted

# The kind of trials that may be pruned. The start is the baseline, and the values of enqueued
# settings and of re-runs are wanted.
PRUNABLE = Kind.SEARCH


class NextRun:
    """Gives free places to trainings, for one run of a search.

    Parameters
    ----------
    plan
        What the user asked for.
    state, budgets, stops, turns, next_setting
        The parts of the same engine; read again at each call.
    notices
        Takes what the user must know when every setting has been tried.

    Attributes
    ----------
    is_enough
        Whether further gains would be within the noise.
    """

    def __init__(
        self,
        plan: Plan,
        state: SearchState,
        budgets: Budgets,
        notices: NoticeLog,
        stops: Stops,
        turns: Turns,
        next_setting: NextSetting,
    ) -> None:
        self._plan, self._state, self._budgets, self._notices = plan, state, budgets, notices
        self._stops, self._turns, self._next_setting = stops, turns, next_setting
        self.is_enough = False
        self._is_exhausted = False
        self._is_rechecking = False

    def next(self, event: Freed) -> Commands:
        """Return the commands that give a free place to a training, or end the search."""
        if self._budgets.is_time_up(event.at):
            stops = self._stops.end(Reason.TIME)
            return stops or (self._stops.finish(),)
        # A training may have declared more parameters since the space was exhausted.
        self._is_exhausted = self._stops_at_noise()
        if self._stops.ending is None and self._n_missing() > 0:
            if self._is_exhausted or self._is_search_over(event.at):
                return self._recheck(event)
            try:
                return self._search(event)
            except SpaceExhausted:
                self._is_exhausted = True
                return self._recheck(event)
        return self._nothing_to_start(Reason.TRIALS)

    def _nothing_to_start(self, reason: Reason) -> Commands:
        """Return nothing while trainings run; after the last one, finish."""
        if self._state.waiting and self._stops.ending is None:
            return self._turns.release()
        if self._state.active:
            return ()
        self._stops.end(reason)
        if self._stops.ending is Reason.EXHAUSTED:
            self._notices.on_the_end(self._all_tried())
        return (self._stops.finish(),)

    def _all_tried(self) -> AllTried:
        settings = {setting_key(trial.params) for trial in self._state.searched()}
        return AllTried(len(settings), tuple(self._state.space), bool(self._state.reruns))

    def _search(self, event: Freed) -> Commands:
        """Choose the next setting and run it.

        Raises
        ------
        SpaceExhausted
            If there is none left.
        """
        self._is_rechecking = False
        if self._next_setting.is_asked_for:
            kind, params = self._next_setting.choose(self._state.history(event.number))
            return self._start(event, kind, params, self._plan.seed)
        turn = self._turn(event)
        if turn is not None and turn.number is not None:
            return self._turns.take_up(turn, event.at)
        try:
            kind, params = self._next_setting.choose(
                self._state.history(event.number), None if turn is None else turn.params
            )
        except SpaceExhausted:
            if not self._state.waiting:
                raise
            return self._turns.finish_furthest(event)
        may_wait = turn is not None and event.room > 0 and kind is PRUNABLE
        until = turn.until if turn is not None and may_wait else None
        self._turns.begin(event.number, until)
        return self._start(event, kind, params, self._plan.seed, until)

    def _turn(self, event: Freed) -> Turn | None:
        """Return which training is at work next, if trainings wait here; else None."""
        if not (event.room or self._state.waiting) or not self._state.space:
            return None
        history, n_left = self._state.history(event.number), self._budgets.n_left_to_search()
        return self._turns.next(history, n_left, event.at_hand)

    def _recheck(self, event: Freed) -> Commands:
        """Run a setting again; if none is left to run again, continue the search."""
        if self._state.waiting:
            return self._turns.release()
        if any(trial.kind is not Kind.RECHECK for trial in self._state.running):
            return ()  # a running trial may become one of the best
        rerun = self._next_rerun(event)
        if rerun is not None:
            self._is_rechecking = True
            return self._start(event, Kind.RECHECK, *rerun)
        if self._is_exhausted:
            noise = self._stops_at_noise()
            return self._nothing_to_start(Reason.NOISE if noise else Reason.EXHAUSTED)
        if self._budgets.is_stale(self._state.history()):
            return self._nothing_to_start(Reason.PATIENCE)
        try:
            return self._search(event)
        except SpaceExhausted:
            self._is_exhausted = True
            return self._nothing_to_start(Reason.EXHAUSTED)

    def _start(
        self, event: Freed, kind: Kind, params: Params, seed: int, until: int | None = None
    ) -> Commands:
        trial = Trial(event.number, State.RUNNING, params, kind, seed, started=event.at)
        self._state.start(trial)
        to_beat, _ = to_keep(self._plan, self._state.history(event.number))
        return (Save(trial), Run(trial.number, params, kind, seed, to_beat, until))

    # What the budget still allows.

    def _stops_at_noise(self) -> bool:
        """Return whether the search ends because further gains would be within the noise."""
        chooses = self._next_setting
        is_asked = chooses.must_trace or chooses.queue
        return self.is_enough and self._plan.stop_at_noise and not is_asked

    def _n_missing(self) -> float:
        """Return how many trials are still to be started."""
        missing = self._budgets.n_missing()
        return max(missing, 1) if self._next_setting.must_trace else missing

    def _is_search_over(self, at: float) -> bool:
        """Return whether the rest of the budget is reserved for the re-check."""
        if self._next_setting.is_asked_for:
            return False
        if self._budgets.is_stale(self._state.history()) or self._budgets.is_late(at):
            return True
        return self._budgets.is_only_recheck_left(self._n_missing())

    def _n_expected(self, at: float) -> int:
        return self._budgets.n_expected(at, self._state.history(), is_exhausted=self._is_exhausted)

    def _next_rerun(self, event: Freed) -> tuple[Params, int] | None:
        if self._plan.rechecker is None:
            return None
        n_expected = self._n_expected(event.at)
        return self._plan.rechecker.next(
            self._state.history(),
            self._state.reruns,
            self._plan.seed,
            n_expected,
            self._n_missing(),
        )

    def phase(self, at: float) -> Rechecks | None:
        """Return where the re-check stands at the time `at`; None while none runs."""
        if not self._is_rechecking or not self._state.active or self._plan.rechecker is None:
            return None
        return self._plan.rechecker.phase(self._state.history(), self._n_expected(at))
