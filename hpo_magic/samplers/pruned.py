"""What a pruned training would have come to, as far as the complete ones tell.

An early value is not a final one: a sampler that took it for one would shun what begins slowly. So
it gets what complete trainings gained from there to the end: the median of those that stood nearest
to it. It is never better than the best of them: what was stopped has shown nothing that good.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpo_magic.core.curves import Curve, curve_of, judged_by
from hpo_magic.core.trial import History, State, Trial

# How much is gained depends on where one stands: those that begin badly gain the most.
N_NEAREST = 5


def expected_losses(history: History, trials: Sequence[Trial]) -> dict[int, float]:
    """Return the losses expected of pruned and skipped trials, by number.

    A function of `trials` alone. Those of which nothing can be said are left out: nothing was
    reported, it diverged, or no trial is complete.
    """
    cut = [t for t in trials if t.state in (State.PRUNED, State.SKIPPED) and t.curve]
    known = replace(history, trials=tuple(trials))
    metric = judged_by(known) if cut and known.complete else None
    if metric is None:
        return {}
    ends = [(curve_of(t, metric, history.direction), history.loss(t)) for t in known.complete]
    finals = [(curve, loss) for curve, loss in ends if loss is not None and math.isfinite(loss)]
    expected = {t.number: _expected(curve_of(t, metric, history.direction), finals) for t in cut}
    return {number: loss for number, loss in expected.items() if loss is not None}


def _expected(own: Curve, finals: Sequence[tuple[Curve, float]]) -> float | None:
    loss = own.losses[-1]
    there = [(curve.at(own.last_step), final) for curve, final in finals]
    gains = [(abs(b - loss), b - end) for b, end in there if b is not None and math.isfinite(b)]
    if not gains or not math.isfinite(loss):
        return None
    nearest = [gain for _, gain in sorted(gains)[:N_NEAREST]]
    return max(loss - float(np.median(nearest)), min(final for _, final in finals))
