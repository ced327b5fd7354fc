"""The median stopping rule.

Source: Golovin, Solnik, Moitra, Kochanski, Karro and Sculley, "Google Vizier: a service for
black-box optimization", KDD 2017, section 3.2.1: a training is stopped at step s if the best it has
reported by then is worse than the median of the complete trainings' running averages up to s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpo_magic.core.curves import Curve
from hpo_magic.core.ports import Verdict
from hpo_magic.core.trial import History, Trial
from hpo_magic.pruners.reference_curves import length_of, reference_curves_of


@dataclass(frozen=True)
class MedianPruner:
    """Stops a training that is worse than the median of the complete ones at the same step.

    Parameters
    ----------
    n_startup
        The number of complete trainings before one is stopped; 5 as in Optuna's `MedianPruner`.
    n_warmup
        The number of steps at which no training is stopped.
    """

    n_startup: int = 5
    n_warmup: int = 1

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether the training goes on; see `core.ports.Pruner`."""
        step = trial.curve[-1].step
        if not self.n_warmup < step < length_of(trial, history):
            return Verdict.KEEP
        references = reference_curves_of(trial, history)
        if references is None or len(references.complete) < self.n_startup:
            return Verdict.KEEP
        averages = [_mean_until(curve, step) for curve in references.complete]
        is_worse = min(references.own.losses) > float(np.median(averages))
        return Verdict.STOP if is_worse else Verdict.KEEP


def _mean_until(curve: Curve, step: int) -> float:
    """Return the mean of the losses reported up to a step; infinite if there is none."""
    losses = [loss for at, loss in zip(curve.steps, curve.losses, strict=True) if at <= step]
    return sum(losses) / len(losses) if losses else float("inf")
