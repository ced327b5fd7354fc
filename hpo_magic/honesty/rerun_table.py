"""The re-runs of a search as a table: a row for each setting, a column for each seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.space import SettingKey, setting_key
from hpo_magic.core.trial import Direction, History, Kind, State, Trial
from hpo_magic.honesty.choice import oriented
from hpo_magic.honesty.recheck_rows import RecheckRows, are_shared


def rows_and_columns(history: History, reruns: Sequence[Trial]) -> tuple[list[Trial], list[int]]:
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


def table_of(
    settings: Sequence[Trial], seeds: Sequence[int], reruns: Sequence[Trial], history: History
) -> FloatArray:
    """Return the re-runs' scores; NaN: not run, -inf: failed.

    Shape (n_settings, n_seeds).
    """
    table = np.full((len(settings), len(seeds)), np.nan)
    ended = [trial for trial in reruns if trial.state.is_finished]
    for row, column, trial in reruns_of(settings, seeds, ended):
        [score] = scores_of([trial], history.direction)
        table[row, column] = -np.inf if np.isnan(score) else score
    return table


def recheck_rows_of(
    history: History, settings: Sequence[Trial], seeds: Sequence[int], reruns: Sequence[Trial]
) -> RecheckRows | None:
    """Return the rows of all re-runs; None where a complete one has none, or other rows.

    A run that failed or was not made has the rows of another setting: it takes part in nothing.
    """
    table: list[list[RowScores | None]] = [[None] * len(settings) for _ in seeds]
    for row, column, trial in reruns_of(settings, seeds, complete_among(reruns)):
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
    scores = tuple(scores_of(settings, history.direction).tolist())
    return RecheckRows(search, tuple(again), scores, tuple(filled), history.direction)


def reruns_of(
    settings: Sequence[Trial], seeds: Sequence[int], reruns: Sequence[Trial]
) -> list[tuple[int, int, Trial]]:
    """Return row, column and trial of each re-run of these settings."""
    rows = {setting_key(trial.params): row for row, trial in enumerate(settings)}
    columns = {seed: column for column, seed in enumerate(seeds)}
    keyed = [(setting_key(trial.params), trial) for trial in reruns]
    return [(rows[key], columns[t.seed], t) for key, t in keyed if key in rows]


def shared_metrics(trials: Sequence[Trial]) -> list[str]:
    """Return the metrics that are a finite number in all of these trials."""
    first = trials[0].metrics if trials else {}
    return [n for n in first if all(np.isfinite(t.metrics.get(n, np.nan)) for t in trials)]


def scores_of(trials: Sequence[Trial], direction: Direction) -> FloatArray:
    """Return the score of each trial, higher is better; NaN for those that have none.

    Shape (n_trials,).
    """
    values = [np.nan if trial.value is None else trial.value for trial in trials]
    return oriented(values, direction)


def is_start(trial: Trial) -> bool:
    """Return whether the trial is the completed start."""
    return trial.kind is Kind.START and trial.state is State.COMPLETE


def complete_among(trials: Sequence[Trial]) -> list[Trial]:
    """Return those that are complete."""
    return [trial for trial in trials if trial.state is State.COMPLETE]
