"""The budgets of a search (trials, time, patience, the part of the re-check) and of a trial (time).

They follow from the plan and the trials. There is no clock here: the current time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.epochs_spent import full_length, share_trained, trainings_worth
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import WaitingPruner
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.trial import History, State, Trial


class Budgets:
    """The budgets of one run of a search.

    Parameters
    ----------
    plan
        What the user asked for.
    state
        The trials; read again at each call.
    began
        When this run began, in seconds since 1970.
    """

    def __init__(self, plan: Plan, state: SearchState, began: float) -> None:
        self._plan, self._state, self._began = plan, state, began
        self._held_s: dict[int, float] = {}  # seconds that each running trial was paused

    def hold(self, seconds: float) -> None:
        """Subtract a pause from the times of the running trials."""
        for trial in self._state.running:
            self._held_s[trial.number] = self._held_s.get(trial.number, 0.0) + seconds

    def late(self, at: float) -> list[int]:
        """Return the numbers of the trials that have run longer than the limit per trial."""
        limit = self._plan.timeout_s
        if limit is None:
            return []
        return [t.number for t in self._state.running if self.ran_s(t, at) >= limit]

    def ran_s(self, trial: Trial, at: float) -> float:
        """Return how long a trial has worked, in seconds, without pauses."""
        return self._state.worked_s(trial, at) - self._held_s.get(trial.number, 0.0)

    def n_missing(self) -> float:
        """Return how many trials the budget still allows; infinite without a limit.

        Where trainings wait, these are whole trainings' worth of epochs.
        """
        if self._plan.n_trials is None:
            return float("inf")
        if self.counts_epochs:
            return self._plan.n_trials - trainings_worth(self._state.fitting.values())
        # A running trial of another process takes one too; one that was stopped does not.
        taken = sum(1 for t in self._state.fitting.values() if t.state is not State.STOPPED)
        return self._plan.n_trials - taken

    def n_left_to_search(self) -> float:
        """Return how much of `n_missing` is not reserved for the re-check."""
        n_trials, rechecker = self._plan.n_trials, self._plan.rechecker
        reserved = rechecker.n_runs(n_trials) if rechecker is not None and n_trials else 0
        return self.n_missing() - reserved

    @property
    def counts_epochs(self) -> bool:
        """Whether the budget of trials is one of epochs, as trainings wait."""
        return isinstance(self._plan.pruner, WaitingPruner)

    def _n_spent(self, trials: Iterable[Trial], history: History) -> float:
        """Return how many trials of the budget these took."""
        finished = [trial for trial in trials if trial.state.is_finished]
        if not self.counts_epochs:
            return len(finished)
        length = full_length(history.trials)
        return sum(share_trained(trial, length) for trial in finished)

    def is_only_recheck_left(self, n_missing: float) -> bool:
        """Return whether the `n_missing` trials that are left are reserved for the re-check."""
        n_trials, rechecker = self._plan.n_trials, self._plan.rechecker
        if rechecker is None or n_trials is None:
            return False
        return n_missing <= rechecker.n_runs(n_trials)

    def is_stale(self, history: History) -> bool:
        """Return whether `patience` trials in a row brought no better value."""
        last = None if self._plan.patience is None else history.last_gain
        if self._plan.patience is None or last is None:
            return False
        since = [trial for trial in history.trials if trial.number > last.number]
        return self._n_spent(since, history) >= self._plan.patience

    def is_late(self, at: float) -> bool:
        """Return whether the part of the time budget before the re-check is used up."""
        if self._plan.time_s is None or self._plan.rechecker is None:
            return False
        return at - self._began >= self._plan.time_s * self._plan.rechecker.search_share

    def is_time_up(self, at: float) -> bool:
        """Return whether the time budget is used up."""
        if self._plan.time_s is None or at - self._began < self._plan.time_s:
            return False
        # The start is always finished: it is the baseline.
        return any(t.state is State.COMPLETE for t in self._state.trials.values())

    def n_expected(self, at: float, history: History, *, is_exhausted: bool) -> int:
        """Return the expected number of trials of the whole study; there must be a re-check.

        If the time, the space or the patience ends the search before the budget of trials does,
        the trials so far are taken for `search_share` of the whole.
        """
        n_trials = self._plan.n_trials
        is_cut = is_exhausted or self.is_late(at) or self.is_stale(history)
        if n_trials is not None and not is_cut:
            return n_trials
        assert self._plan.rechecker is not None  # the callers have looked
        n_searched = self._n_spent(history.trials, history)
        expected = max(round(n_searched / self._plan.rechecker.search_share), 1)
        return expected if n_trials is None else min(expected, n_trials)
