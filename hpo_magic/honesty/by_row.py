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
from hpo_magic.honesty.recheck_rows import units_of
from hpo_magic.honesty.selection_bias import enough, selection_bias

_ACCURACY = re.compile(r"(.+_)?(accuracy|acc|accuracy_score|error_rate)")


class SelectionBias(NamedTuple):
    """How much luck alone could add to the best seen; `is_share`: it is a share of rows."""

    added: float
    is_share: bool


class Precision(NamedTuple):
    """The standard error of one score, and the validation rows that it is made on."""

    standard_error: float
    n_rows: int


def bbc_of(history: History) -> Bbc | None:
    """Return what the rows let expect of the best setting; None where not all trials have them.

    The choice was among all complete trials: with a part of them it would be another choice.
    """
    shared = _shared(history.complete)
    return _bbc(shared, history.direction) if shared else None


def selection_bias_of(history: History) -> SelectionBias | None:
    """Return how much luck alone could add to the best seen; None where the rows are not known.

    The settings are taken to be equally good, and the best to owe what it is above them to luck.
    """
    precision = precision_of(history)
    if precision is None:
        return None
    n_settings = len(history.complete)
    is_share = _shared(history.complete)[0].is_share
    return SelectionBias(selection_bias(precision.standard_error, n_settings), is_share)


def precision_of(history: History) -> Precision | None:
    """Return how well a score of this search is known; None where the rows are not known."""
    best = history.best()
    if best is None or best.row_scores is None or not _shared(history.complete):
        return None
    found = best.row_scores
    if not found.is_share:
        error = float(np.std(found.values, ddof=1, dtype=np.float64)) / math.sqrt(found.n_rows)
        return Precision(error, found.n_rows)
    # The best seen may be 1, where a share seems to have no error. What luck would have added to it
    # is taken off first.
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
    return bbc(scores, units=units_of(shared[0]))
