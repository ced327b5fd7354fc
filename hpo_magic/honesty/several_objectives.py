"""Honest estimates with several objectives, from re-runs of points of the Pareto front.

The re-runs do not influence the choice: the user makes it, or it is the most balanced point. So the
mean of the chosen point's own re-runs is its estimate. A chosen point that was not re-run is
corrected by the median change in the re-runs of those that were, since the same selection biased
them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.pareto_front import spread
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import SettingKey, setting_key
from hpo_magic.core.summary import best_trial
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.honesty.estimate import Honest, Method, WhyNot
from hpo_magic.honesty.intervals import resplit_half_width
from hpo_magic.honesty.no_interval import NoInterval
from hpo_magic.honesty.quantiles import median_of_variance


def scores_of_front(history: History, n_settings: int) -> FloatArray:
    """Return scores by which a re-check finds the points to run again, shape (n_trials,).

    The chosen point, or the most balanced one, has the highest; then come points of the front that
    lie far apart. Other complete trials have the lowest, those without values NaN.
    """
    complete = history.complete
    best = history.best()
    if best is None:
        return np.full(len(history.trials), np.nan)
    front = history.front
    if best not in front:  # the user may choose a point behind it
        front = [best, *front]
    order = spread(history.losses(front), max(n_settings, 1), front.index(best))
    rank = {front[k].number: place for place, k in enumerate(order)}
    worst, known = float(len(history.trials)), {trial.number for trial in complete}
    return np.array(
        [-rank.get(t.number, worst) if t.number in known else np.nan for t in history.trials],
        dtype=np.float64,
    )


def honest_of_front(snapshot: Snapshot, why_not: WhyNot) -> dict[str, Honest]:
    """Return the estimates for the chosen trial, one for each objective, by metric.

    `why_not` is the reason to give where nothing was re-run.
    """
    best, again = best_trial(snapshot), _again(snapshot)
    found = {}
    for k, goal in enumerate(snapshot.goals):
        if best is None or not again:
            found[goal.metric] = Honest(why_not=why_not)
        else:
            found[goal.metric] = _honest(snapshot, best, again, k)
    return found


Again = Mapping[SettingKey, Sequence[tuple[float, ...]]]


def _again(snapshot: Snapshot) -> dict[SettingKey, list[tuple[float, ...]]]:
    """Return the values of the complete re-runs, by setting; the start's is not of the front."""
    front = {setting_key(t.params) for t in (*snapshot.history.front, best_trial(snapshot)) if t}
    found: dict[SettingKey, list[tuple[float, ...]]] = {}
    for trial in snapshot.reruns:
        values = snapshot.history.values(trial)
        if trial.state is State.COMPLETE and setting_key(trial.params) in front:
            known = tuple(value for value in values if value is not None)
            if len(known) == len(values):
                found.setdefault(setting_key(trial.params), []).append(known)
    return found


def _honest(snapshot: Snapshot, best: Trial, again: Again, k: int) -> Honest:
    own = again.get(setting_key(best.params))
    is_new_split = any(trial.used_seed for trial in snapshot.reruns)
    if own is None:
        change = _usual_change(snapshot, again, k)
        seen = snapshot.history.values(best)[k]
        assert seen is not None  # it is complete
        return Honest(
            seen + change,
            method=Method.OTHER_SETTINGS,
            n_settings=len(again),
            change=change,
            no_interval=NoInterval.FEW_RERUNS,
        )
    value = float(np.mean([values[k] for values in own]))
    half = _half_width(again, own, k) if is_new_split else None
    method = Method.NEW_SPLITS if is_new_split else Method.NEW_TRAINING_SEEDS
    few = NoInterval.FEW_RERUNS if is_new_split else NoInterval.SAME_ROWS
    why_not = few if half is None else None
    return Honest(value, half, method, n_settings=1, n_reruns=len(own), no_interval=why_not)


def _usual_change(snapshot: Snapshot, again: Again, k: int) -> float:
    """Return by how much the re-runs differ from what the search saw, in the median.

    One training that collapses says nothing of another setting.
    """
    seen = {setting_key(t.params): snapshot.history.values(t)[k] for t in snapshot.history.complete}
    changes = [
        values[k] - before
        for key, runs in again.items()
        if (before := seen.get(key)) is not None
        for values in runs
    ]
    return float(np.median(changes)) if changes else 0.0


def _half_width(again: Again, own: Sequence[tuple[float, ...]], k: int) -> float | None:
    """Return the half-width of the mean of the chosen point's re-runs.

    Two re-runs say little of their own spread, so all points are asked. They are not alike: the
    smallest network may vary ten times as much as the others, so that it is the median of their
    variances that counts, or the chosen point's own where that is larger.
    """
    runs = [np.array([values[k] for values in each]) for each in again.values() if len(each) > 1]
    df = sum(len(each) - 1 for each in runs)
    if df == 0:
        return None
    # The median of an estimated variance is below what it estimates.
    typical = [float(each.var(ddof=1)) / median_of_variance(len(each) - 1) for each in runs]
    of_own = float(np.var([values[k] for values in own], ddof=1)) if len(own) > 1 else 0.0
    return resplit_half_width(max(float(np.median(typical)), of_own), df, len(own))
