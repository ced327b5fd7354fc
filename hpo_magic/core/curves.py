"""Learning curves as losses: what pruners compare, and what samplers learn from pruned trials.

A curve is judged by the study's metric where that is reported. Where it is not, because the cell
ends in a number of its own, a reported metric stands for it only if it *is* that number: if every
complete trial's value is among what its curve says under that name.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from hpo_magic.core.trial import Direction, History, Trial

# The same number computed twice, in float32 and over batches of another size.
SAME = 1e-4
# Two trials of the same value could agree with any metric that does not move.
FEWEST_SAME = 2


@dataclass(frozen=True)
class Curve:
    """What a training reported, step by step, lower is better; infinite where it diverged.

    `steps` ascend, and `losses` has the same length; both are empty if nothing was reported.
    """

    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()

    def at(self, step: int) -> float | None:
        """Return the loss last reported at `step` or before; None if there is none.

        >>> Curve((1, 2, 3), (0.9, 0.5, 0.4)).at(2)
        0.5
        """
        place = bisect_right(self.steps, step)
        return self.losses[place - 1] if place else None

    @property
    def last_step(self) -> int:
        """The step of the last report; 0 without one."""
        return self.steps[-1] if self.steps else 0


def curve_of(trial: Trial, metric: str, direction: Direction) -> Curve:
    """Return the curve of one metric; of a step that was reported twice, the later.

    A pruner asks for those of all trials at each rung, so each is computed once.
    """
    known = trial.computed
    if (metric, direction) not in known:
        known[metric, direction] = _computed_curve(trial, metric, direction)
    found: Curve = known[metric, direction]
    return found


def _computed_curve(trial: Trial, metric: str, direction: Direction) -> Curve:
    losses: dict[int, float] = {}
    for point in trial.curve:
        value = point.metrics.get(metric)
        if value is not None:
            losses[point.step] = direction.sign * value if math.isfinite(value) else math.inf
    steps = sorted(losses)
    return Curve(tuple(steps), tuple(losses[step] for step in steps))


def judged_by(history: History) -> str | None:
    """Return the reported metric that trials can be judged by before they end; None if none can."""
    reporting = [trial for trial in history.trials if trial.curve]
    if any(history.metric in t.curve[-1].metrics for t in reporting):
        return history.metric
    complete = [trial for trial in history.complete if trial.curve]
    if len({trial.value for trial in complete}) < FEWEST_SAME:
        return None
    names = complete[0].curve[-1].metrics
    return next((n for n in names if all(_says_its_value(t, n) for t in complete)), None)


def _says_its_value(trial: Trial, metric: str) -> bool:
    """Return whether the trial's value is among what it reported under that name."""
    assert trial.value is not None  # complete trials have one
    room = SAME * abs(trial.value)
    return any(
        abs(point.metrics.get(metric, math.inf) - trial.value) <= room for point in trial.curve
    )


def n_with_curve(history: History) -> int:
    """Return how many complete trials differ in value and reported something."""
    return len({trial.value for trial in history.complete if trial.curve})
