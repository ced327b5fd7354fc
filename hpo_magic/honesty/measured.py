"""The confidence interval of a test value, from what is known about its rows."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from hpo_magic.honesty.intervals import (
    Interval,
    bootstrap_interval,
    mean_interval,
    wilson_interval,
)
from hpo_magic.language.scores import Scored

# How far n times a share may be from a whole number: Keras's figures are float32.
NEARLY_WHOLE = 0.01
_SHARE = re.compile(r"(.+_)?(accuracy|acc|accuracy_score|error_rate)")


class Basis(Enum):
    """What the interval of a test value is based on, or why there is none."""

    SHARE = "share"  # the value is a share of rows: Wilson's interval
    MEAN = "mean"  # the value is a mean over rows
    BOOTSTRAP = "bootstrap"  # the score is computed on bootstrap samples of the rows
    BARE_NUMBER = "bare number"  # none: the rows behind the value are not known
    UNDEFINED = "undefined"  # none: most bootstrap samples have no such score (AUC of one class)
    ONE_ROW = "one row"  # none: one row has no spread


@dataclass(frozen=True)
class Measured:
    """What is known of a test value.

    Parameters
    ----------
    interval
        Its confidence interval, in the metric's unit; None where there is none.
    basis
        What the interval is based on, or why there is none.
    n_rows
        The rows behind the value; None if not known.
    """

    interval: Interval | None
    basis: Basis
    n_rows: int | None = None

    @property
    def is_share(self) -> bool:
        """Whether the value is a share of rows."""
        return self.basis is Basis.SHARE


def measured(
    value: float, metric: str, scores: Sequence[Scored], n_rows: int | None, level: float
) -> Measured:
    """Return what is known of a test value: its interval, and what that is based on.

    Parameters
    ----------
    value, metric
        The value that the test cell ended in, and its name.
    scores
        The cell's `hp.score` calls.
    n_rows
        Rows of the test data that the cell read; None if not known.
    level
        Confidence level of the interval.
    """
    taken = [one for one in scores if math.isclose(one.value, value, rel_tol=1e-6, abs_tol=1e-12)]
    if taken:
        return _of_rows(taken[-1], level)
    if n_rows and _is_share(value, metric, n_rows):
        interval = wilson_interval(value, n_rows, level)
        return Measured(interval, Basis.SHARE, n_rows)
    return Measured(None, Basis.BARE_NUMBER, n_rows)


def _of_rows(score: Scored, level: float) -> Measured:
    n = len(score.truth)
    if score.rows is None:
        interval = bootstrap_interval(score.on_rows, n, level=level)
        return Measured(interval, Basis.UNDEFINED if interval is None else Basis.BOOTSTRAP, n)
    if score.rows.dtype == bool:
        interval = wilson_interval(score.value, n, level)
        return Measured(interval, Basis.SHARE, n)
    if n < 2:
        return Measured(None, Basis.ONE_ROW, n)
    rows = np.asarray(score.rows, dtype=np.float64)
    return Measured(mean_interval(rows, level), Basis.MEAN, n)


def _is_share(value: float, metric: str, n_rows: int) -> bool:
    """Return whether a number must be a share of so many rows."""
    if not _SHARE.fullmatch(metric) or not 0 <= value <= 1:
        return False
    return abs(value * n_rows - round(value * n_rows)) < NEARLY_WHOLE
