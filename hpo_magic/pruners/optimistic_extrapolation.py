"""What a training may still come to, as far as the complete ones tell.

Every complete training shows what can be gained from a step to the end. If even the largest of
these gains would not bring a running one to the best value, it is not worth finishing. And where
the order at a step has little to do with that at the end, because curves cross or are noise, nobody
is judged by it.

Source: the performance curve stopping rule of Golovin, Solnik, Moitra, Kochanski, Karro and
Sculley, "Google Vizier: a service for black-box optimization", KDD 2017, section 3.2.2: stop if the
value foretold from the curve is unlikely to exceed the best one found. Theirs is a Gaussian process
on curves; ours is the most hopeful of the gains seen, which needs no model and errs on the side of
going on.
"""

from __future__ import annotations

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.pruners.reference_curves import ReferenceCurves

# With fewer complete trainings too little is known of what may happen: on the recorded curves of
# benchmarks/problems three were too few, four and five alike.
FEWEST_COMPLETE = 5
# Spearman's correlation of the order at a step with that at the end. There, 0.2 and 0.4 are alike;
# among trials that have nothing to do with each other it is above 0.4 in one case of ten.
LEAST_AGREEMENT = 0.4


def is_hopeless(references: ReferenceCurves) -> bool:
    """Return whether a training could not become the best, by all that others ever gained."""
    if len(references.complete) < FEWEST_COMPLETE:
        return False
    before, finals = references.complete_at(references.step), references.finals
    if rank_correlation(before, finals) < LEAST_AGREEMENT:
        return False
    gains = (before - finals)[np.isfinite(before)]
    return bool(gains.size and references.loss - gains.max() > finals.min())


def rank_correlation(x: FloatArray, y: FloatArray) -> float:
    """Return Spearman's rank correlation; 0 where one of the two does not vary.

    >>> rank_correlation(np.array([1.0, 2.0, np.inf]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    a, b = _ranks(x), _ranks(y)
    spread = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / spread if spread else 0.0


def _ranks(values: FloatArray) -> FloatArray:
    """Return the ranks, mean 0; equal values share theirs."""
    below = (values[:, np.newaxis] > values).sum(axis=1)
    equal = (values[:, np.newaxis] == values).sum(axis=1)
    ranks = below + (equal - 1) / 2
    return np.asarray(ranks - ranks.mean())
