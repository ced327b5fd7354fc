"""Figures of a search, computed from a snapshot: best so far, counts, progress, time left.

The sentences about them are in `views/words`.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.epochs_spent import trainings_worth
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import SettingKey, setting_key
from hpo_magic.core.trial import Direction, State, Trial


class Convergence(NamedTuple):
    """The complete trials by number, and the best value up to each; all of shape (n_complete,)."""

    numbers: npt.NDArray[np.int64]
    values: FloatArray
    best: FloatArray


# Trials.


def best_trial(snapshot: Snapshot) -> Trial | None:
    """Return the trial with the best value seen; None if none is complete."""
    return snapshot.history.best()


def leading_trials(snapshot: Snapshot) -> list[Trial]:
    """Return the trials of the Pareto front; with one objective the best trial alone."""
    return snapshot.history.front


def running_trials(snapshot: Snapshot) -> list[Trial]:
    """Return the trials that are in training."""
    return [t for t in snapshot.trials if t.state is State.RUNNING]


def waiting_trials(snapshot: Snapshot) -> list[Trial]:
    """Return the trials that are suspended and may be taken up again."""
    return [t for t in snapshot.trials if t.state is State.WAITING]


def active_names(snapshot: Snapshot, trials: Iterable[Trial] | None = None) -> list[str]:
    """Return the parameters active in some of `trials` (default: all), as the space orders them."""
    chosen = snapshot.trials if trials is None else trials
    reached = {name for t in chosen for name in t.params}
    ordered = [name for name in snapshot.space if name in reached]
    return ordered + sorted(reached - set(ordered))


def counts(snapshot: Snapshot) -> dict[State, int]:
    """Return how many trials are in each state, zeros included."""
    found = dict.fromkeys(State, 0)
    for trial in snapshot.trials:
        found[trial.state] += 1
    return found


def n_done(snapshot: Snapshot) -> int:
    """Return how many trials count as done: those of the budget that have ended."""
    return sum(t.state.is_finished for t in snapshot.trials)


def rerun_values(snapshot: Snapshot) -> dict[SettingKey, list[float]]:
    """Return the values of the re-runs, by setting."""
    values: dict[SettingKey, list[float]] = {}
    for trial in snapshot.reruns:
        if trial.state is State.COMPLETE and trial.value is not None:
            values.setdefault(setting_key(trial.params), []).append(trial.value)
    return values


# Values.


def best_so_far(snapshot: Snapshot) -> Convergence:
    """Return the values of the complete trials and the best up to each."""
    complete = snapshot.history.complete
    values = np.array([t.value for t in complete], dtype=np.float64)
    running_best = np.minimum if snapshot.direction is Direction.MINIMIZE else np.maximum
    numbers = np.array([t.number for t in complete], dtype=np.int64)
    return Convergence(numbers, values, running_best.accumulate(values) if len(values) else values)


def gain(snapshot: Snapshot) -> float | None:
    """Return how much better the best value seen is than the start's; None if one is missing.

    In the metric's unit, never negative.
    """
    start, best = snapshot.start, best_trial(snapshot)
    if start is None or best is None or start.value is None or best.value is None:
        return None
    return snapshot.direction.sign * (start.value - best.value)


def curve_metric(snapshot: Snapshot) -> str | None:
    """Return the metric whose curve is shown: the study's, or the nearest that is reported."""
    for trial in reversed(snapshot.trials):
        if trial.curve:
            reported = trial.curve[-1].metrics
            preferred = (snapshot.metric, f"val_{snapshot.metric}", "val_loss", *reported)
            return next((name for name in preferred if name in reported), None)
    return None


# Time.


def elapsed_s(snapshot: Snapshot) -> float:
    """Return the seconds since this run of the search began."""
    return max(snapshot.at - snapshot.started, 0.0)


def n_spent(snapshot: Snapshot) -> float:
    """Return how much of the budget of trials is used."""
    if snapshot.counts_epochs:
        return trainings_worth(snapshot.trials)
    return n_done(snapshot)


def time_left_s(snapshot: Snapshot) -> float | None:
    """Return the estimated seconds until the search ends; None while it cannot be estimated.

    From the median duration of the trials so far, and from the time budget.
    """
    if not snapshot.is_live:
        return None
    bounds = []
    if snapshot.time_s is not None:
        bounds.append(snapshot.time_s - elapsed_s(snapshot))
    took = [t.duration_s for t in snapshot.trials if t.duration_s is not None]
    if snapshot.counts_epochs:  # part of a training takes part of the time
        complete = [t for t in snapshot.trials if t.state is State.COMPLETE]
        took = [t.duration_s for t in complete if t.duration_s is not None]
    if took and snapshot.n_trials is not None:
        running = running_trials(snapshot)
        spent = sum(min(snapshot.at - (t.started or snapshot.at), median(took)) for t in running)
        work = median(took) * (snapshot.n_trials - n_spent(snapshot)) - spent
        bounds.append(work / max(len(running), 1))
    return max(min(bounds), 0.0) if bounds else None


# Tables.


# What a table with a row for each trial has beside values and parameters.
TRIAL_COLUMNS = ("number", "state", "kind", "value", "duration_s", "error", "front")


def trial_columns(snapshot: Snapshot) -> dict[str, str]:
    """Return what each of `TRIAL_COLUMNS` is called in a table that has all parameters, too.

    A parameter keeps its name: beside a parameter "state" the state of the trial is "trial_state".
    """
    names = set(active_names(snapshot))
    found = {}
    for column in TRIAL_COLUMNS:
        name = column
        while name in names:
            name = f"trial_{name}"
        found[column] = name
    return found


def value_columns(snapshot: Snapshot) -> list[str]:
    """Return what the columns of values are called in a table with a row for each trial.

    "value", or with several objectives their metrics; `value_error` where `error` is a column's
    name already.
    """
    columns = trial_columns(snapshot)
    if not snapshot.is_multi_objective:
        return [columns["value"]]
    taken = {*columns.values(), *active_names(snapshot)} - {columns["value"]}
    metrics = [goal.metric for goal in snapshot.goals]
    return [f"value_{metric}" if metric in taken else metric for metric in metrics]
