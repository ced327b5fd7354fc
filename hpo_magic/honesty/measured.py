"""What a look at the test set says: the interval of its value, and how far the honest number is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpo_magic.honesty.intervals import (
    Interval,
    bootstrap_interval,
    mean_interval,
    wilson_interval,
)
from hpo_magic.language.scores import Scored

NO_INTERVAL = (
    "no interval: a bare number does not say what it is made of. End the cell with "
    'hp.score("accuracy", y_test, predictions), or another metric'
)
ONE_CLASS = "no interval: most parts of these rows have no such score"
# How far n times a share may be from a whole number: Keras's figures are float32.
NEARLY_WHOLE = 0.01
_SHARE = re.compile(r"(.+_)?(accuracy|acc|accuracy_score|error_rate)")


@dataclass(frozen=True)
class Measured:
    """What is known of a test value; `interval` None where nothing is, for the reason in `how`.

    `n_rows` are those it was measured on, where that is known; `is_share`: it is a share of them.
    """

    interval: Interval | None
    how: str
    n_rows: int | None = None
    is_share: bool = False


def measured(
    value: float, metric: str, scores: Sequence[Scored], n_rows: int | None, level: float
) -> Measured:
    """Return what is known of a test value.

    Parameters
    ----------
    value, metric
        What the test cell ended in, and its name.
    scores
        Those that the cell took with `hp.score`.
    n_rows
        How many rows the test data has that the cell read; None if that is not known.
    level
        Of the interval.
    """
    taken = [one for one in scores if math.isclose(one.value, value, rel_tol=1e-6, abs_tol=1e-12)]
    if taken:
        return _of_rows(taken[-1], level)
    if n_rows and _is_share(value, metric, n_rows):
        interval = wilson_interval(value, n_rows, level)
        return Measured(interval, f"a share of {n_rows:,} rows", n_rows, is_share=True)
    return Measured(None, NO_INTERVAL, n_rows)


def _of_rows(score: Scored, level: float) -> Measured:
    n = len(score.truth)
    if score.rows is None:
        interval = bootstrap_interval(score.on_rows, n, level=level)
        how = ONE_CLASS if interval is None else f"1,000 draws of the {n:,} rows"
        return Measured(interval, how, n)
    if score.rows.dtype == bool:
        interval = wilson_interval(score.value, n, level)
        return Measured(interval, f"a share of {n:,} rows", n, is_share=True)
    if n < 2:
        return Measured(None, "no interval: one row has no spread", n)
    rows = np.asarray(score.rows, dtype=np.float64)
    return Measured(mean_interval(rows, level), f"the mean of {n:,} rows", n)


def _is_share(value: float, metric: str, n_rows: int) -> bool:
    """Return whether a number must be a share of so many rows."""
    if not _SHARE.fullmatch(metric) or not 0 <= value <= 1:
        return False
    return abs(value * n_rows - round(value * n_rows)) < NEARLY_WHOLE
