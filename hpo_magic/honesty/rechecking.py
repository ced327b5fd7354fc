"""The re-check of a search: what to run again next, and what the re-runs show.

Everything is a function of the trials. So a resumed search continues where it was, several
processes can share one study, and a study from disk gives the same estimate as the search did.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.notices import RecheckPlanned, Rechecks
from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, SettingKey, setting_key
from hpo_magic.core.summary import best_trial
from hpo_magic.core.trial import Direction, History, Kind, State, Trial
from hpo_magic.honesty.by_row import (
    bbc_of,
    is_cross_validated,
    n_rows_of_accuracies,
    n_selected_before,
)
from hpo_magic.honesty.choice import (
    Gain,
    Rechecked,
    oriented,
    rechecked,
)
from hpo_magic.honesty.estimate import Honest, WhyNot, honest, on_split_groups
from hpo_magic.honesty.no_interval import share_of_cut_groups
from hpo_magic.honesty.recheck import SEARCH_SHARE, Recheck, Rerun, plan, recheck_of
from hpo_magic.honesty.recheck_rows import RecheckRows, are_shared
from hpo_magic.honesty.repeated_scores import (
    Randomness,
    Repeat,
    chance_of_score,
    chance_of_share,
    repeats_itself,
)
from hpo_magic.honesty.several_objectives import honest_of_front, scores_of_front

# One score that comes again may be chance; while the search runs, the odds decide.
FEWEST_OF_ENDED = 2


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
            scores = _scores(trials, history.direction)
        starts = [i for i, t in enumerate(trials) if _is_start(t)]
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
        return _is_same_again(history, reruns)

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


# What the re-runs say.


class Found(NamedTuple):
    """What a re-check found; `settings` are the search's trials that its rows stand for."""

    settings: list[Trial]
    result: Rechecked


def honest_of(snapshot: Snapshot) -> Honest:
    """Return the honest estimate for the chosen setting, or why there is none.

    With several objectives in the first one; `honest_by_goal` has all.
    """
    if snapshot.is_multi_objective:
        return honest_by_goal(snapshot)[snapshot.metric]
    by_row = None if snapshot.is_live else bbc_of(snapshot.history)
    if _tells_nothing(snapshot):
        same = honest(snapshot.direction, bbc=by_row, why_not=WhyNot.SAME_SCORES)
        return on_split_groups(same, split_groups_of(snapshot))
    found = _found(snapshot)
    estimate = honest(
        snapshot.direction,
        None if found is None else found.result,
        by_row,
        on_new_splits=reruns_had_new_splits(snapshot),
        cross_validated=is_cross_validated(snapshot.history),
        why_not=_why_not(snapshot),
    )
    n_older, n_unknown = n_selected_before(snapshot.history)
    share = split_groups_of(snapshot)
    estimate = replace(
        estimate,
        n_older=n_older,
        n_older_unknown=n_unknown,
        are_groups_unsure=share is None and _has_groups(snapshot.history),
    )
    return on_split_groups(estimate, share)


def _has_groups(history: History) -> bool:
    """Return whether the rows of a single split have groups; those of repeated folds are rows."""
    latest = [one.row_scores for one in history.complete[-1:] if one.row_scores]
    return any(one.groups is not None and one.n_folds == 1 for one in latest)


def split_groups_of(snapshot: Snapshot) -> float | None:
    """Return the share of validation groups that were trained on, too; None if not known.

    By the latest trials, and where they do not tell by one setting's runs on several splits.
    """
    complete = snapshot.history.complete
    runs = [*complete[-1:], *_complete(snapshot.reruns)]
    return share_of_cut_groups([one.row_scores for one in runs if one.row_scores])


def honest_by_goal(snapshot: Snapshot) -> dict[str, Honest]:
    """Return the honest estimate in each of several objectives, by metric."""
    if _tells_nothing(snapshot):
        return {goal.metric: Honest(why_not=WhyNot.SAME_SCORES) for goal in snapshot.goals}
    share, found = split_groups_of(snapshot), honest_of_front(snapshot, _why_not(snapshot))
    return {metric: on_split_groups(one, share) for metric, one in found.items()}


def _why_not(snapshot: Snapshot) -> WhyNot:
    return WhyNot.NOT_YET if snapshot.is_live else WhyNot.NO_RERUN


def gain_of(snapshot: Snapshot) -> Gain | None:
    """Return the gain of the re-check's choice over the start, higher is better; None: not known.

    Also None with several objectives.
    """
    if snapshot.is_multi_objective or _tells_nothing(snapshot):
        return None
    found = _found(snapshot)
    return None if found is None else found.result.gain


def is_rechecked(snapshot: Snapshot) -> bool:
    """Return whether the setting to take is a re-check's choice."""
    if snapshot.is_multi_objective:
        return False
    return not _tells_nothing(snapshot) and _found(snapshot) is not None


def chosen_trial(snapshot: Snapshot) -> Trial | None:
    """Return the trial whose setting to take: the re-check's choice, else the best seen.

    With several objectives the user's choice, else the most balanced trial of the front.
    """
    if snapshot.is_multi_objective:
        return best_trial(snapshot)
    found = None if _tells_nothing(snapshot) else _found(snapshot)
    return best_trial(snapshot) if found is None else found.settings[found.result.chosen]


def _found(snapshot: Snapshot) -> Found | None:
    history = snapshot.history
    settings, seeds = _rows_and_columns(history, snapshot.reruns)
    if not settings:
        return None
    scores = _scores(settings, history.direction)
    starts = [row for row, trial in enumerate(settings) if _is_start(trial)]
    table = _table(settings, seeds, snapshot.reruns, history)
    rows = _recheck_rows(history, settings, seeds, snapshot.reruns)
    n_rows = None if rows else n_rows_of_accuracies([*history.complete, *snapshot.reruns], history)
    result = rechecked(scores, table, starts[-1] if starts else None, rows, n_rows)
    if result is None:
        return None
    # The start that is there for the gain alone is not called one of the best.
    is_extra = bool(starts) and scores[starts[-1]] == scores.min() and len(settings) > 1
    named = replace(result, n_settings=result.n_settings - is_extra)
    return Found(settings, named)


def _tells_nothing(snapshot: Snapshot) -> bool:
    fewest = None if snapshot.is_live else FEWEST_OF_ENDED
    return _is_same_again(snapshot.history, snapshot.reruns, fewest)


def _is_same_again(history: History, reruns: Sequence[Trial], fewest: int | None = None) -> bool:
    """Return whether the re-runs only repeat the search: in all metrics, and for each row.

    `fewest`: as many equal re-runs are enough, however likely chance is, as no more will come.
    """
    ended = [trial for trial in reruns if trial.state.is_finished]
    settings, seeds = _rows_and_columns(history, reruns)
    places = _places(settings, seeds, ended)
    if not places or any(trial.state is not State.COMPLETE for *_, trial in places):
        return False
    again = [trial for *_, trial in places]
    names = _shared_metrics([*settings, *again])
    pairs = [_rerun_beside(settings[row], trial, names) for row, _, trial in places]
    chances = [_chance(history, settings[row], names) for row, *_ in places]
    randomness = _randomness([*history.complete, *again])
    if repeats_itself(pairs, randomness, chances):
        return True
    # Nothing but these re-runs will be known of a search that has ended.
    is_over = fewest is not None and len(pairs) >= fewest
    on_other_rows = any(one.same_rows is False or one.rows_are_equal is False for one in pairs)
    return is_over and not on_other_rows and all(one.is_equal for one in pairs)


def _rerun_beside(before: Trial, again: Trial, names: Sequence[str]) -> Repeat:
    """Return how a re-run compares with the search's run of its setting."""
    is_equal = before.value == again.value and all(
        before.metrics[name] == again.metrics[name] for name in names
    )
    one, other = before.row_scores, again.row_scores
    if one is None or other is None:
        return Repeat(is_equal)
    same_rows, rows_are_equal = one.rows == other.rows, one.data == other.data
    if same_rows and one.label_chance is not None and rows_are_equal:
        return Repeat(is_equal)  # other rows may have the same labels, and the same scores
    return Repeat(is_equal, same_rows, rows_are_equal)


def _randomness(trials: Sequence[Trial]) -> Randomness:
    """Return what is known of the random numbers of a cell, from its trials."""
    if any(trial.used_seed for trial in trials):
        return Randomness.SEED_ASKED
    drew = [trial.drew_random for trial in trials]
    if any(drew):
        return Randomness.DRAWN
    return Randomness.UNKNOWN if None in drew or not drew else Randomness.NONE


def _chance(history: History, setting: Trial, names: Sequence[str]) -> float:
    """Return how likely a re-run of a setting is to give its numbers by chance.

    With several metrics that of the least likely one.
    """
    others = [trial for trial in history.complete if trial is not setting]
    known = [[t.value for t in others if t.value is not None]]
    known += [[t.metrics[name] for t in others if name in t.metrics] for name in names]
    own = [setting.value, *(setting.metrics[name] for name in names)]
    chances = [
        chance_of_score(value, values)
        for value, values in zip(own, known, strict=True)
        if value is not None
    ]
    rows = setting.row_scores
    if rows is not None and rows.is_share:
        chances[0] = chance_of_share(rows.mean, rows.n_rows)
    return min(chances)


def _rows_and_columns(history: History, reruns: Sequence[Trial]) -> tuple[list[Trial], list[int]]:
    """Return the settings that were run again, each by its first trial, and the seeds."""
    ended = [trial for trial in reruns if trial.state.is_finished]
    if not ended:
        return [], []
    again = {setting_key(trial.params) for trial in ended}
    settings: dict[SettingKey, Trial] = {}
    for trial in history.complete:
        if setting_key(trial.params) in again:
            settings.setdefault(setting_key(trial.params), trial)
    return list(settings.values()), list(dict.fromkeys(trial.seed for trial in ended))


def _table(
    settings: Sequence[Trial], seeds: Sequence[int], reruns: Sequence[Trial], history: History
) -> FloatArray:
    """Return the re-runs' scores; NaN: not run, -inf: failed.

    Shape (n_settings, n_seeds).
    """
    table = np.full((len(settings), len(seeds)), np.nan)
    ended = [trial for trial in reruns if trial.state.is_finished]
    for row, column, trial in _places(settings, seeds, ended):
        [score] = _scores([trial], history.direction)
        table[row, column] = -np.inf if np.isnan(score) else score
    return table


def _recheck_rows(
    history: History, settings: Sequence[Trial], seeds: Sequence[int], reruns: Sequence[Trial]
) -> RecheckRows | None:
    """Return the rows of all re-runs; None where a complete one has none, or other rows.

    A run that failed or was not made has the rows of another setting: it takes part in nothing.
    """
    table: list[list[RowScores | None]] = [[None] * len(settings) for _ in seeds]
    for row, column, trial in _places(settings, seeds, _complete(reruns)):
        table[column][row] = trial.row_scores
        if trial.row_scores is None:
            return None
    filled = []
    for run in table:
        known = [one for one in run if one is not None]
        if not known or not are_shared(known):
            return None
        filled.append(tuple(known[0] if one is None else one for one in run))
    complete = history.complete
    all_rows = [trial.row_scores for trial in complete]
    search = tuple(one for one in all_rows if one) if are_shared(all_rows) else ()
    if search and search[0].dtype != filled[0][0].dtype:
        return None
    places = {trial.number: place for place, trial in enumerate(complete)}
    again = [places[trial.number] for trial in settings] if search else range(len(settings))
    scores = tuple(_scores(settings, history.direction).tolist())
    return RecheckRows(search, tuple(again), scores, tuple(filled), history.direction)


def _places(
    settings: Sequence[Trial], seeds: Sequence[int], reruns: Sequence[Trial]
) -> list[tuple[int, int, Trial]]:
    """Return row, column and trial of each re-run of these settings."""
    rows = {setting_key(trial.params): row for row, trial in enumerate(settings)}
    columns = {seed: column for column, seed in enumerate(seeds)}
    keyed = [(setting_key(trial.params), trial) for trial in reruns]
    return [(rows[key], columns[t.seed], t) for key, t in keyed if key in rows]


def _shared_metrics(trials: Sequence[Trial]) -> list[str]:
    """Return the metrics that are a finite number in all of these trials."""
    first = trials[0].metrics if trials else {}
    return [n for n in first if all(np.isfinite(t.metrics.get(n, np.nan)) for t in trials)]


def _scores(trials: Sequence[Trial], direction: Direction) -> FloatArray:
    """Return the score of each trial, higher is better; NaN for those that have none.

    Shape (n_trials,).
    """
    values = [np.nan if trial.value is None else trial.value for trial in trials]
    return oriented(values, direction)


def _is_start(trial: Trial) -> bool:
    return trial.kind is Kind.START and trial.state is State.COMPLETE


def _complete(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.state is State.COMPLETE]


def reruns_had_new_splits(snapshot: Snapshot) -> bool:
    """Return whether the re-runs were scored on other validation rows than the search.

    By the rows, where they are known; else by whether a re-run asked for `hp.seed()`.
    """
    searched = {t.row_scores.rows for t in snapshot.history.complete if t.row_scores}
    again = [t.row_scores.rows for t in _complete(snapshot.reruns) if t.row_scores]
    if searched and again:
        return not searched.issuperset(again)
    return any(trial.used_seed for trial in snapshot.reruns)
