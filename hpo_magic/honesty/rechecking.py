"""The re-check of a search: what to run again next, and what the re-runs show.

Everything is a function of the trials. So a resumed search continues where it was, several
processes can share one study, and a study from disk gives the same estimate as the search did.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpo_magic.core.notices import RecheckPlanned, Rechecks
from hpo_magic.core.space import Params, setting_key
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.honesty.recheck import SEARCH_SHARE, Recheck, Rerun, plan, recheck_of
from hpo_magic.honesty.rerun_table import is_start, scores_of
from hpo_magic.honesty.same_again import is_same_again
from hpo_magic.honesty.several_objectives import scores_of_front


@dataclass(frozen=True)
class Rechecking:
    """The re-check that `--recheck` asks for; `text` is the option's value."""

    text: str = "auto"
    search_share: float = SEARCH_SHARE

    def n_settings(self, n_trials: int) -> int:
        """Return how many of the best settings are run again."""
        wanted = self._wanted(n_trials)
        return 0 if wanted is None else wanted.n_settings

    def n_runs(self, n_trials: int) -> int:
        """Return how many trainings of the budget are kept."""
        wanted = self._wanted(n_trials)
        return 0 if wanted is None else wanted.n_runs

    def announcement(
        self, n_trials: int, *, is_timed: bool = False, of_front: bool = False
    ) -> RecheckPlanned | None:
        """Return what the user is told before the search starts; None without a re-check."""
        wanted = self._wanted(n_trials)
        if wanted is None:
            return None
        return RecheckPlanned(
            wanted.n_runs,
            n_trials,
            wanted.n_settings,
            wanted.n_reruns,
            wanted.with_start,
            self.search_share if is_timed else None,
            of_front,
        )

    def next(
        self, history: History, reruns: Sequence[Trial], seed: int, n_trials: int, n_left: float
    ) -> tuple[Params, int] | None:
        """Return a setting and the seed to run it on; None where there is nothing to run again."""
        wanted = self._wanted(n_trials)
        if wanted is None or self.only_repeats(history, reruns):
            return None
        trials = history.trials
        keys = [setting_key(trial.params) for trial in trials]
        if history.is_multi_objective:
            scores = scores_of_front(history, wanted.n_settings + 1)
        else:
            scores = scores_of(trials, history.direction)
        starts = [i for i, t in enumerate(trials) if is_start(t)]
        start = starts[-1] if starts else None
        planned = plan(wanted, scores, seed, start, keys)
        if len(planned) < wanted.n_runs:  # the start is among the best: there is room for one more
            wider = replace(wanted, n_settings=wanted.n_settings + 1)
            planned = plan(wider, scores, seed, start, keys)
        todo = _todo(planned, keys, reruns, n_left)
        return (trials[todo[0].trial].params, todo[0].seed) if todo else None

    def phase(self, history: History, n_trials: int) -> Rechecks | None:
        """Return what is run again, and on what; None without a re-check."""
        wanted = self._wanted(n_trials)
        if wanted is None:
            return None
        on_new_splits = any(trial.used_seed for trial in history.trials)
        return Rechecks(wanted.n_settings, on_new_splits, history.is_multi_objective)

    def only_repeats(self, history: History, reruns: Sequence[Trial]) -> bool:
        """Return whether the re-runs repeat the search's scores exactly, and so add nothing."""
        return is_same_again(history, reruns)

    def _wanted(self, n_trials: int) -> Recheck | None:
        # What was asked for in numbers was checked against the budget when the search began.
        is_auto = self.text.strip().lower() == "auto"
        return recheck_of(self.text, n_trials if is_auto else np.iinfo(np.int32).max)


def _todo(
    planned: Sequence[Rerun], keys: Sequence[Hashable], reruns: Sequence[Trial], n_left: float
) -> list[Rerun]:
    """Return the planned runs that were not made, as far as all of a setting's can be made.

    A setting that is run on some of the seeds only would spoil the table; those that were not
    begun yet are left out, the last first, until the rest fits.
    """
    made = {(setting_key(t.params), t.seed) for t in reruns if t.state is not State.STOPPED}
    begun = {key for key, _ in made}
    todo = [run for run in planned if (keys[run.trial], run.seed) not in made]
    new = list(dict.fromkeys(run.trial for run in todo if keys[run.trial] not in begun))
    while new and len(todo) > n_left:
        dropped = new.pop()
        todo = [run for run in todo if run.trial != dropped]
    return todo
