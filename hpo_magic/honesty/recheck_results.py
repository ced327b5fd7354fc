"""What the re-runs of a search show: the honest estimate, the gain, and the trial to take."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from hpo_magic.core.metric_directions import possible_values
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial
from hpo_magic.core.trial import History, Trial
from hpo_magic.honesty.by_row import (
    bbc_of,
    is_cross_validated,
    n_rows_of_accuracies,
    n_selected_before,
)
from hpo_magic.honesty.choice import Gain, Rechecked, rechecked
from hpo_magic.honesty.estimate import Honest, WhyNot, honest, on_split_groups
from hpo_magic.honesty.no_interval import share_of_cut_groups
from hpo_magic.honesty.rerun_table import (
    complete_among,
    is_start,
    recheck_rows_of,
    rows_and_columns,
    scores_of,
    table_of,
)
from hpo_magic.honesty.same_again import tells_nothing
from hpo_magic.honesty.several_objectives import honest_of_front


class Found(NamedTuple):
    """What a re-check found; `settings` are the search's trials that its rows stand for."""

    settings: list[Trial]
    result: Rechecked


def honest_of(snapshot: Snapshot) -> Honest:
    """Return the honest estimate for the chosen setting, or why there is none.

    With several objectives in the first one; `honest_by_goal` has all.
    """
    return _bounded(_honest_of(snapshot), snapshot, snapshot.metric)


def is_of_training(snapshot: Snapshot) -> bool:
    """Return whether a trial's value is known to be measured on the rows that it trained on."""
    return any(trial.of_training for trial in snapshot.history.complete)


def _honest_of(snapshot: Snapshot) -> Honest:
    if is_of_training(snapshot):
        return Honest(why_not=WhyNot.TRAINING_ROWS)
    if snapshot.is_multi_objective:
        return honest_by_goal(snapshot)[snapshot.metric]
    by_row = None if snapshot.is_live else bbc_of(snapshot.history)
    if tells_nothing(snapshot):
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
    runs = [*complete[-1:], *complete_among(snapshot.reruns)]
    return share_of_cut_groups([one.row_scores for one in runs if one.row_scores])


def honest_by_goal(snapshot: Snapshot) -> dict[str, Honest]:
    """Return the honest estimate in each of several objectives, by metric."""
    why = WhyNot.TRAINING_ROWS if is_of_training(snapshot) else WhyNot.SAME_SCORES
    if is_of_training(snapshot) or tells_nothing(snapshot):
        return {goal.metric: Honest(why_not=why) for goal in snapshot.goals}
    share, found = split_groups_of(snapshot), honest_of_front(snapshot, _why_not(snapshot))
    return {
        metric: _bounded(on_split_groups(one, share), snapshot, metric)
        for metric, one in found.items()
    }


def _bounded(found: Honest, snapshot: Snapshot, metric: str) -> Honest:
    """Return the estimate with the values that its metric can have, by its name or its rows."""
    complete = snapshot.history.complete
    if found.value is None or not complete:
        return found
    is_first = metric == snapshot.metric
    known = [t.value if is_first else t.metrics.get(metric) for t in complete]
    values = [found.value, *(value for value in known if value is not None)]
    rows = complete[-1].row_scores if is_first else None
    for name in filter(None, ("accuracy" if rows and rows.is_share else "", metric)):
        least, most = possible_values(name, values)
        if (least, most) != (None, None):
            return replace(found, least=least, most=most)
    of_rows = rows.metric if rows else ""
    least, most = possible_values(of_rows, values)
    return replace(found, least=least, most=most)


def _why_not(snapshot: Snapshot) -> WhyNot:
    return WhyNot.NOT_YET if snapshot.is_live else WhyNot.NO_RERUN


def gain_of(snapshot: Snapshot) -> Gain | None:
    """Return the gain of the re-check's choice over the start, higher is better; None: not known.

    Also None with several objectives.
    """
    if snapshot.is_multi_objective or tells_nothing(snapshot):
        return None
    found = _found(snapshot)
    return None if found is None else found.result.gain


def is_rechecked(snapshot: Snapshot) -> bool:
    """Return whether the setting to take is a re-check's choice."""
    if snapshot.is_multi_objective:
        return False
    return not tells_nothing(snapshot) and _found(snapshot) is not None


def chosen_trial(snapshot: Snapshot) -> Trial | None:
    """Return the trial whose setting to take: the re-check's choice, else the best seen.

    With several objectives the user's choice, else the most balanced trial of the front.
    """
    if snapshot.is_multi_objective:
        return best_trial(snapshot)
    found = None if tells_nothing(snapshot) else _found(snapshot)
    return best_trial(snapshot) if found is None else found.settings[found.result.chosen]


def _found(snapshot: Snapshot) -> Found | None:
    history = snapshot.history
    settings, seeds = rows_and_columns(history, snapshot.reruns)
    if not settings:
        return None
    scores = scores_of(settings, history.direction)
    starts = [row for row, trial in enumerate(settings) if is_start(trial)]
    table = table_of(settings, seeds, snapshot.reruns, history)
    rows = recheck_rows_of(history, settings, seeds, snapshot.reruns)
    n_rows = None if rows else n_rows_of_accuracies([*history.complete, *snapshot.reruns], history)
    result = rechecked(scores, table, starts[-1] if starts else None, rows, n_rows)
    if result is None:
        return None
    # The start that is there for the gain alone is not called one of the best.
    is_extra = bool(starts) and scores[starts[-1]] == scores.min() and len(settings) > 1
    named = replace(result, n_settings=result.n_settings - is_extra)
    return Found(settings, named)


def reruns_had_new_splits(snapshot: Snapshot) -> bool:
    """Return whether the re-runs were scored on other validation rows than the search.

    By the rows, where they are known; else by whether a re-run asked for `hp.seed()`.
    """
    searched = {t.row_scores.rows for t in snapshot.history.complete if t.row_scores}
    again = [t.row_scores.rows for t in complete_among(snapshot.reruns) if t.row_scores]
    if searched and again:
        return not searched.issuperset(again)
    return any(trial.used_seed for trial in snapshot.reruns)
