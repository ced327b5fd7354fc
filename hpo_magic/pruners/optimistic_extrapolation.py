"""The best value that a running training may still reach, judged by the complete ones.

Each complete training shows how much its loss improved from a step to the end. If the largest of
these improvements would not bring the running training to the best loss so far, it is stopped. No
training is stopped at a step where the order of the trials says little about the order at the end
(curves that cross, or noise).

Source: the performance curve stopping rule of Golovin, Solnik, Moitra, Kochanski, Karro and
Sculley, "Google Vizier: a service for black-box optimization", KDD 2017, section 3.2.2: stop if the
predicted final value is unlikely to exceed the best value. They predict with a Gaussian process on
learning curves. Here the prediction is the largest improvement seen, which needs no model and stops
fewer trainings.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from hpo_magic.core.domains import FloatArray
from hpo_magic.pruners.reference_curves import ReferenceCurves

# With fewer complete trainings nothing is stopped. On the recorded curves of benchmarks/problems 3
# were too few; 4 and 5 gave the same results.
FEWEST_COMPLETE = 5
# Spearman's correlation of the order at a step with the order at the end. On the same curves 0.2
# and 0.4 gave the same results. Among unrelated trials it is above 0.4 in one case of ten.
LEAST_AGREEMENT = 0.4


def is_hopeless(references: ReferenceCurves) -> bool:
    """Return whether even the largest improvement of a complete training would not be enough."""
    if len(references.complete) < FEWEST_COMPLETE:
        return False
    before, finals = references.complete_at(references.step), references.finals
    if rank_correlation(before, finals) < LEAST_AGREEMENT:
        return False
    gains = (before - finals)[np.isfinite(before)]
    return bool(gains.size and references.loss - gains.max() > finals.min())


def rank_correlation(x: FloatArray, y: FloatArray) -> float:
    """Return Spearman's rank correlation; 0 where one of the two does not vary.

    `x` and `y` have the shape (n,).

    >>> rank_correlation(np.array([1.0, 2.0, np.inf]), np.array([0.1, 0.2, 0.3]))
    1.0
    """
    ranks = rankdata([x, y], axis=1)
    varies = bool((np.ptp(ranks, axis=1) > 0).all())
    return float(np.corrcoef(ranks)[0, 1]) if varies else 0.0
