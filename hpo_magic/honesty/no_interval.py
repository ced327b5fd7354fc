"""What the resampling of validation rows cannot show, so that an honest number has no interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.groups import share_cut_by_splits
from hpo_magic.core.row_scores import RowOrder, RowScores
from hpo_magic.honesty.dependence import correlation_time

# Over how many neighbouring rows the scores of ordered rows may agree, and how many rows there must
# be for each of them. Below both, the blocks' intervals cover 90% or more at each number of rows
# from 30 to 600, in rows that were made with autoregressions of 0 to 0.95 (benchmarks/README.md).
MOST_ALIKE, ROWS_FOR_EACH = 8.0, 20
# Of so few rows no estimate of it is below this, however independent they are.
ALWAYS_FINE = 1.7
# The loss of a row of which the model was certain, in studies that did not store the worst one.
_CERTAIN = np.float32(-math.log1p(-float(np.finfo(np.float64).eps)))
_COST_OF_CERTAINTY = -math.log(float(np.finfo(np.float64).eps))


class NoInterval(Enum):
    """Why an estimate has no interval."""

    SPLIT_GROUPS = "split groups"  # rows of one group are trained on and validated on
    ORDER = "order"  # the scores of neighbouring rows agree over too many rows
    RARE_LOSSES = "rare losses"  # the mean depends on rows of which a validation set has none
    SAME_ROWS = "same rows"  # the re-runs have the search's rows, and so its selection bias
    EQUAL_ROWS = "equal rows"  # all rows score alike: an AUC of 1
    FEW_RERUNS = "few re-runs"  # their spread is not known, nor are the rows


def n_alike(rows: FloatArray, order: RowOrder) -> float | None:
    """Return over how many neighbours the scores agree, if that is too many; else None.

    Parameters
    ----------
    rows : shape (n_settings, n_rows)
        What each setting got on each row.
    order
        What the order of the rows means; rows without one have no neighbours.
    """
    if order is RowOrder.NONE:
        return None
    most = max(min(MOST_ALIKE, rows.shape[1] / ROWS_FOR_EACH), ALWAYS_FINE)
    found = correlation_time(rows)
    return found if found > most else None


def has_rare_losses(half_width: float, if_worst: float) -> bool:
    """Return whether rows of which there is none may matter more than all that there are.

    Parameters
    ----------
    half_width
        By the rows that there are.
    if_worst
        What one more row with the worst score possible would add to it; 0 if not known.
    """
    return if_worst > half_width


def share_of_cut_groups(runs: Sequence[RowScores]) -> float | None:
    """Return the share of groups with rows on both sides of the splits; None if not known.

    Parameters
    ----------
    runs
        The rows of one setting in the search and in its re-runs, each of one split or of the folds
        of one cross-validation.
    """
    known = [run.split_groups for run in runs if run.split_groups is not None]
    if known:
        return float(np.mean(known))
    single = {run.rows: run.groups for run in runs if run.n_folds == 1}
    return share_cut_by_splits([groups for groups in single.values() if groups is not None])


def worst_possible(runs: Sequence[RowScores]) -> float | None:
    """Return the worst score that a row could have got from the predictions; None if not known.

    It has the sign of the scores. For studies that did not store it, the loss of a row of which the
    model was certain tells it.
    """
    known = [run.worst for run in runs if run.worst is not None]
    if known:
        return max(known, key=abs)
    for run in runs:
        if not run.is_share and (np.abs(run.values) == _CERTAIN).any():
            return math.copysign(_COST_OF_CERTAINTY, run.mean)
    return None
