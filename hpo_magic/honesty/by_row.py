"""What a search's row scores say: selection bias, the error of a score, an honest number.

For trials that were all scored on the same rows, with a score for each row (`core/row_scores`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from hpo_magic.core.notices import Enough
from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.trial import Direction, History, Trial
from hpo_magic.honesty.bbc import Bbc, bbc
from hpo_magic.honesty.choice import oriented
from hpo_magic.honesty.intervals import share_variance
from hpo_magic.honesty.lattice import n_rows_of_scores
from hpo_magic.honesty.no_interval import worst_possible
from hpo_magic.honesty.recheck_rows import units_of
from hpo_magic.honesty.selection_bias import enough, selection_bias

_ACCURACY = re.compile(r"(.+_)?(accuracy|acc|accuracy_score|error_rate)")

# Of so many of the best settings the predictions are asked how bad a row could be.
N_LEADING = 3


class SelectionBias(NamedTuple):
    """The selection bias of the best seen.

    Parameters
    ----------
    added
        By how much the best seen may be better than its expected value, in the metric's unit.
    is_share
        Whether the metric is a share of rows, such as accuracy.
    """

    added: float
    is_share: bool


class Precision(NamedTuple):
    """The standard error of one score, in the metric's unit, and its number of validation rows."""

    standard_error: float
    n_rows: int


def bbc_of(history: History) -> Bbc | None:
    """Return the bootstrap estimate for the best setting; None unless all trials have row scores.

    All complete trials are needed, since the best was selected among all of them. Where older
    studies guided the search on the same rows, the settings were chosen by these rows before they
    were tried, which the bootstrap cannot know: the selection bias that their number adds is
    subtracted. On labels of noise (30 rows, 40 trials each, 242 repeats) the number rose by 3.3
    points from the first to the second revision without that, and by 4.6 to the third; with it, by
    1.0 and 0.9.
    """
    shared = _shared(history.complete)
    if not shared:
        return None
    found, n_older = _bbc(shared, history.direction), n_selected_before(history)[0]
    precision = precision_of(history)
    if not n_older or precision is None:
        return found
    n, error = len(history.complete), precision.standard_error
    added = selection_bias(error, n + n_older) - selection_bias(error, n)
    return replace(found, value=found.value - added, n_older=n_older)


def n_selected_before(history: History) -> tuple[int, int]:
    """Return how many complete trials of older studies were scored on the rows of this search.

    And of how many that is not known, since the rows of them or of this search are not.
    """
    rows = {(one.rows, one.n_rows) for one in _shared(history.complete)}
    older = [trial.row_scores for guide in history.guides for trial in guide.complete]
    known = [(one.rows, one.n_rows) for one in older if one is not None and rows]
    return sum(one in rows for one in known), len(older) - len(known)


def selection_bias_of(history: History) -> SelectionBias | None:
    """Return the selection bias of the best seen; None unless all trials have row scores.

    An upper figure: it takes all settings to be equally good.
    """
    precision = precision_of(history)
    if precision is None:
        return None
    n_settings = len(history.complete) + n_selected_before(history)[0]
    is_share = _shared(history.complete)[0].is_share
    return SelectionBias(selection_bias(precision.standard_error, n_settings), is_share)


def precision_of(history: History) -> Precision | None:
    """Return the standard error of a score; None unless all trials have row scores that vary."""
    best = history.best()
    if best is None or best.row_scores is None or not _shared(history.complete):
        return None
    found = best.row_scores
    if not found.is_share:
        error = float(np.std(found.values, ddof=1, dtype=np.float64)) / math.sqrt(found.n_rows)
        # Where all rows score alike, as with an AUC of 1, they do not show how much scores vary.
        return Precision(error, found.n_rows) if error else None
    # A best score of 1 has no binomial error. So the error is that of the score less its selection
    # bias.
    seen_error = math.sqrt(share_variance(found.mean, found.n_rows))
    added = selection_bias(seen_error, len(history.complete))
    expected = min(max(found.mean + history.direction.sign * added, 0.0), 1.0)
    return Precision(math.sqrt(share_variance(expected, found.n_rows)), found.n_rows)


def enough_of(history: History) -> Enough | None:
    """Return a notice if further trials are unlikely to gain more than the sampling error."""
    precision = precision_of(history)
    if precision is None:
        return None
    values = [trial.value for trial in history.complete if trial.value is not None]
    scores = oriented(values, history.direction)
    found = enough(scores, precision.standard_error, precision.n_rows)
    return found and replace(found, metric=history.metric or "")


def n_rows_of_shares(trials: Sequence[Trial]) -> int | None:
    """Return on how many rows the trials were scored, if their values are all shares of rows.

    The least number, where they differ: new splits may.
    """
    known = [trial.row_scores for trial in trials]
    found = [one for one in known if one is not None and one.is_share]
    return min((one.n_rows for one in found), default=None) if len(found) == len(known) else None


def n_rows_of_accuracies(trials: Sequence[Trial], history: History) -> int | None:
    """Return of how many rows the trials' values are shares, by the values alone.

    None where the metric is no accuracy by its name, or the values are no shares.
    """
    if not _ACCURACY.fullmatch(history.metric or ""):
        return None
    return n_rows_of_scores([trial.value for trial in trials if trial.value is not None])


def is_cross_validated(history: History) -> bool:
    """Return whether the scores of the search are those of a cross-validation, by its rows."""
    rows = [trial.row_scores for trial in history.complete]
    return any(rows) and all(one is None or one.n_folds > 1 for one in rows)


def _shared(trials: Sequence[Trial]) -> tuple[RowScores, ...]:
    """Return the outcomes of these trials; () where one has none, or has those of other rows."""
    found = tuple(trial.row_scores for trial in trials if trial.row_scores is not None)
    kinds = {(one.rows, one.dtype, one.n_rows) for one in found}
    return found if len(found) == len(trials) and len(kinds) == 1 else ()


# A view asks several times; with 20,000 rows and 500 trials the answer takes a second.
@lru_cache(maxsize=4)
def _bbc(shared: tuple[RowScores, ...], direction: Direction) -> Bbc:
    scores = oriented(np.stack([one.values for one in shared]), direction)
    best_first = np.argsort(-scores.mean(axis=1), kind="stable")
    worst = worst_possible([shared[k] for k in best_first[:N_LEADING]])
    known = None if worst is None else -direction.sign * worst
    return bbc(scores, units=units_of(shared[0]), order=shared[0].order, worst=known)
