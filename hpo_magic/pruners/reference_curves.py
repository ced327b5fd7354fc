"""The learning curves that a running training is compared with, at the same step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo_magic.core.curves import Curve, curve_of, judged_by
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.trial import Direction, History, State, Trial

# Trainings with fewer reports are not pruned: stopping them saves little time.
FEWEST_REPORTS = 8


@dataclass(frozen=True)
class ReferenceCurves:
    """The curve of a running training and those of the other trials, as losses (lower is better).

    Attributes
    ----------
    own
        The curve of the running training.
    complete
        The curves of the complete trials; the last loss of each is the trial's value.
    cut
        The curves of the trials that were pruned or skipped.
    """

    own: Curve
    complete: tuple[Curve, ...]
    cut: tuple[Curve, ...] = ()

    @property
    def step(self) -> int:
        """The step of its last report."""
        return self.own.last_step

    @property
    def loss(self) -> float:
        """The last reported loss."""
        return self.own.losses[-1]

    @property
    def finals(self) -> FloatArray:
        """The final losses of the complete trials, shape (n_complete,)."""
        return np.array([curve.losses[-1] for curve in self.complete])

    def complete_at(self, step: int) -> FloatArray:
        """Return the losses of the complete trials at a step, shape (n_complete,).

        A trial that ended before the step has its last loss; one without a report has infinity.
        """
        return np.array([_or_infinite(curve.at(step)) for curve in self.complete])

    def reached(self, step: int) -> FloatArray:
        """Return the losses at a step of all trials that reached it, shape (n_reached,)."""
        cut = [_or_infinite(c.at(step)) for c in self.cut if c.last_step >= step]
        return np.concatenate([self.complete_at(step), np.array(cut)])


def length_of(trial: Trial, history: History) -> int:
    """Return the number of steps of the longest complete training, or of the plan if shorter.

    0 if the trainings are too short for pruning. Fast, as it is called at every report.
    """
    complete = [other.curve for other in history.complete if other.curve]
    if max(map(len, complete), default=0) < FEWEST_REPORTS:
        return 0
    longest = max(curve[-1].step for curve in complete)
    # A training that plans 1,000 epochs and uses early stopping will not run them all.
    return longest if trial.n_steps is None else min(longest, trial.n_steps)


def is_at_rung(trial: Trial, rungs: Sequence[int]) -> bool:
    """Return whether the last report is the first one at or beyond a rung."""
    step = trial.curve[-1].step
    before = trial.curve[-2].step if len(trial.curve) > 1 else 0
    return any(before < rung <= step for rung in rungs)


def reference_curves_of(trial: Trial, history: History) -> ReferenceCurves | None:
    """Return the curves to compare a training with; None if it does not report the metric."""
    metric = judged_by(history)
    if metric is None or metric not in trial.curve[-1].metrics:
        return None
    complete, cut = [], []
    for other in history.trials:
        curve = curve_of(other, metric, history.direction)
        if other.number == trial.number or not curve.steps:
            continue
        if other.state is State.COMPLETE:
            complete.append(_ended_in_value(other, metric, history.direction))
        elif other.state in (State.PRUNED, State.SKIPPED):
            cut.append(curve)
    return ReferenceCurves(curve_of(trial, metric, history.direction), tuple(complete), tuple(cut))


def _ended_in_value(trial: Trial, metric: str, direction: Direction) -> Curve:
    """Return the curve of a complete trial, whose last loss is that of its value.

    The model that the cell leaves may be that of an earlier epoch.
    """
    key = "ended in value", metric, direction
    if key not in trial.computed:
        assert trial.value is not None  # complete trials have one
        curve = curve_of(trial, metric, direction)
        losses = (*curve.losses[:-1], direction.sign * trial.value)
        trial.computed[key] = Curve(curve.steps, losses)
    found: Curve = trial.computed[key]
    return found


def _or_infinite(loss: float | None) -> float:
    return math.inf if loss is None else loss
