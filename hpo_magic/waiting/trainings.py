"""The trainings of a search as the waiting pruners see them: their curves, and where each stands.

Two trials of one setting and one seed are one training that began twice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hpo_magic.core.curves import Curve, curve_of, judged_by
from hpo_magic.core.space import setting_key
from hpo_magic.core.trial import History, Kind, State, Trial

# Trainings with fewer reports are not suspended: little is known before they end.
FEWEST_REPORTS = 8


@dataclass(frozen=True)
class Training:
    """One training, and how far it has come.

    Attributes
    ----------
    trial
        The trial of that setting that came furthest.
    curve
        Its losses, lower is better. That of a complete trial ends in the trial's value.
    n_steps
        The step at which it ends, or will end.
    """

    trial: Trial
    curve: Curve
    n_steps: int

    @property
    def step(self) -> int:
        """The step of its last report; the end for a complete one."""
        return self.n_steps if self.is_complete else self.curve.last_step

    @property
    def is_complete(self) -> bool:
        """Whether it has come to its end."""
        return self.trial.state is State.COMPLETE

    @property
    def waits(self) -> bool:
        """Whether it can be taken up."""
        return self.trial.state is State.WAITING

    @property
    def is_dropped(self) -> bool:
        """Whether it was begun and can only begin again."""
        return self.trial.state in (State.PRUNED, State.STOPPED)

    @property
    def loss(self) -> float:
        """The last reported loss."""
        return self.curve.losses[-1]


@dataclass(frozen=True)
class Trainings:
    """All trainings that reported something.

    Attributes
    ----------
    all
        In the order of their trials.
    length
        The steps of the longest one, complete or planned.
    n_begun
        The number of trials that began and were not stopped by the user.
    n_steps
        The number of steps that all searched trainings took together.
    """

    all: tuple[Training, ...]
    length: int
    n_begun: int
    n_steps: int

    @property
    def complete(self) -> list[Training]:
        """Those that came to their end."""
        return [training for training in self.all if training.is_complete]


def trainings_of(history: History) -> Trainings | None:
    """Return the trainings; None if they report too little, or not the metric.

    Only what a complete training showed is relied on: how long it takes, and that the metric is
    among its reports.
    """
    complete = [trial for trial in history.complete if trial.curve]
    if max((len(trial.curve) for trial in complete), default=0) < FEWEST_REPORTS:
        return None
    metric = judged_by(history)
    if metric is None:
        return None
    longest = max(trial.curve[-1].step for trial in complete)
    found: dict[object, Training] = {}
    n_steps = 0
    for trial in history.trials:
        curve = curve_of(trial, metric, history.direction)
        if trial.kind is Kind.SEARCH:
            n_steps += curve.last_step
        if not curve.steps or trial.state is State.FAILED:
            continue
        training = _training(trial, curve, longest, history)
        key = trial.computed.setdefault("setting", None) or setting_key(trial.params)
        trial.computed["setting"] = key
        known = found.get(key)
        if known is None or _further(training, known):
            found[key] = training
    planned = max((t.n_steps for t in found.values()), default=longest)
    begun = sum(trial.state is not State.STOPPED for trial in history.trials)
    return Trainings(tuple(found.values()), planned, begun, n_steps)


def _training(trial: Trial, curve: Curve, longest: int, history: History) -> Training:
    if trial.state is State.COMPLETE:
        loss = history.loss(trial)
        assert loss is not None  # complete trials have a value
        return Training(trial, replace(curve, losses=(*curve.losses[:-1], loss)), curve.last_step)
    # A training that plans 1,000 epochs and stops early by itself will not run them all.
    n_steps = longest if trial.n_steps is None else min(trial.n_steps, longest)
    return Training(trial, curve, max(n_steps, curve.last_step + 1))


def _further(one: Training, other: Training) -> bool:
    """Return whether to rely on `one`: the complete one, that which goes on, the longer curve."""

    def rank(training: Training) -> tuple[bool, bool, int]:
        goes_on = training.trial.state in (State.WAITING, State.RUNNING)
        return training.is_complete, goes_on, training.curve.last_step

    return rank(one) > rank(other)


def thinned(curve: Curve, ratio: float) -> Sequence[tuple[int, float]]:
    """Return points of a curve, each a `ratio` further than the one before, and the last one.

    >>> thinned(Curve((1, 2, 3, 4, 5), (0.9, 0.8, 0.7, 0.6, 0.5)), 1.7)
    [(1, 0.9), (2, 0.8), (4, 0.6), (5, 0.5)]
    """
    chosen: list[tuple[int, float]] = []
    for step, loss in zip(curve.steps, curve.losses, strict=True):
        if not math.isfinite(loss):
            continue
        if not chosen or step >= chosen[-1][0] * ratio:
            chosen.append((step, loss))
    points = zip(curve.steps, curve.losses, strict=True)
    last = [(step, loss) for step, loss in points if math.isfinite(loss)][-1:]
    return chosen if chosen[-1:] == last else [*chosen, *last]
