"""Choosing a point of several objectives' front: by its number, or by what it must keep."""

from __future__ import annotations

from collections.abc import Mapping

from hpo_magic.core.pareto_front import most_balanced
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Trial
from hpo_magic.errors import HpoError, did_you_mean
from hpo_magic.views.words.progress import goal_writers


def chosen_number(snapshot: Snapshot, trial: int | None, limits: Mapping[str, float]) -> int | None:
    """Return the number of the trial that is meant; None without a trial and limits.

    See `Study.choose`.

    Raises
    ------
    HpoError
        If there is one objective, or no trial is that one or keeps the limits.
    """
    if not snapshot.is_multi_objective:
        raise HpoError(
            f"Study {snapshot.name!r} has one objective: there is nothing to choose. The search "
            f"and its re-check say which setting to take (best_trial)."
        )
    if trial is not None and limits:
        raise HpoError("give a trial or limits, not both.")
    if trial is not None:
        _check_trial(snapshot, trial)
        return trial
    return _by_limits(snapshot, limits).number if limits else None


def _check_trial(snapshot: Snapshot, number: int) -> None:
    if any(trial.number == number for trial in snapshot.history.complete):
        return
    front = ", ".join(str(trial.number) for trial in snapshot.history.front)
    raise HpoError(
        f"study {snapshot.name!r} has no complete trial {number} to choose. On the front: {front}."
    )


def _by_limits(snapshot: Snapshot, limits: Mapping[str, float]) -> Trial:
    """Return the point of the front that keeps the limits and is the best in what is left."""
    metrics = [goal.metric for goal in snapshot.goals]
    for name in limits:
        if name not in metrics:
            raise HpoError(
                f"no objective {name!r} in study {snapshot.name!r}.{did_you_mean(name, metrics)} "
                f"It has: {', '.join(metrics)}."
            )
    keeping = [t for t in snapshot.history.front if _keeps(snapshot, t, limits)]
    if not keeping:
        raise _nobody(snapshot, limits)
    free = [k for k, name in enumerate(metrics) if name not in limits] or range(len(metrics))
    losses = snapshot.history.losses(keeping)[:, list(free)]
    return keeping[most_balanced(losses)]


def _keeps(snapshot: Snapshot, trial: Trial, limits: Mapping[str, float]) -> bool:
    pairs = zip(snapshot.goals, snapshot.history.values(trial), strict=True)
    return all(
        goal.direction.sign * ((value or 0.0) - limits[goal.metric]) <= 0
        for goal, value in pairs
        if goal.metric in limits
    )


def _nobody(snapshot: Snapshot, limits: Mapping[str, float]) -> HpoError:
    """Return the error for limits that nothing keeps, with how far the front goes."""
    writers = goal_writers(snapshot)
    front = snapshot.history.front
    said = []
    for k, goal in enumerate(snapshot.goals):
        if goal.metric in limits and front:
            values = [snapshot.history.values(trial)[k] or 0.0 for trial in front]
            best = min(values, key=lambda value: goal.direction.sign * value)
            word = "at most" if goal.direction.sign > 0 else "at least"
            asked = writers[k](limits[goal.metric])
            said.append(f"{goal.metric} {word} {asked} (the best is {writers[k](best)})")
    wanted = " and ".join(said) or "these limits"
    return HpoError(f"no point of the front of study {snapshot.name!r} has {wanted}.")
