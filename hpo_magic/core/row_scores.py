"""What a trial got on each validation row, as a plain value that can be compared and stored.

From the rows of all trials the luck in the best score can be computed without a further training;
from a score alone it cannot.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray

# More rows change what is made of them by less than the digits it is written with.
MOST_ROWS = 20_000
RIGHT_OR_WRONG, A_NUMBER = "|b1", "<f4"
# A score that the cell has rounded to four digits is still the mean of its rows.
REL_TOL = 1e-4


@dataclass(frozen=True)
class RowScores:
    """One number for each validation row; their mean is the trial's value, in the metric's unit.

    Parameters
    ----------
    data
        The numbers in the order of the rows, `dtype` each.
    dtype
        "|b1" where each row is right or wrong (for an error rate: wrong or right), so that the
        value is a share of rows; else "<f4".
    rows
        A fingerprint of the rows: trials with the same one were scored on the same rows.
    """

    data: bytes
    dtype: str
    rows: str

    @property
    def values(self) -> npt.NDArray[Any]:
        """The numbers; shape (n_rows,), booleans or float32."""
        return np.frombuffer(self.data, dtype=self.dtype)

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return len(self.data) // np.dtype(self.dtype).itemsize

    @property
    def is_share(self) -> bool:
        """Whether the value is a share of rows, such as accuracy."""
        return self.dtype == RIGHT_OR_WRONG

    @property
    def mean(self) -> float:
        """The mean over the rows."""
        return float(self.values.mean(dtype=np.float64))


def of_rows(values: npt.NDArray[Any], truth: npt.ArrayLike) -> RowScores | None:
    """Return the outcomes of rows, at most `MOST_ROWS` of them.

    Parameters
    ----------
    values : shape (n_rows,)
        Booleans or numbers.
    truth : shape (n_rows, ...)
        The true values of the same rows, which tell these rows from others.

    Returns
    -------
    None if there are fewer than 2 rows or a number is not finite: nothing can be made of them.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    kept = sampled_rows(len(values))
    dtype = RIGHT_OR_WRONG if values.dtype == bool else A_NUMBER
    data = np.ascontiguousarray(values[kept], dtype=dtype).tobytes()
    return RowScores(data, dtype, _fingerprint(np.asarray(truth)))


def sampled_rows(n_rows: int) -> npt.NDArray[np.intp]:
    """Return which of so many rows are used: the same in every trial, all of them if not many."""
    if n_rows <= MOST_ROWS:
        return np.arange(n_rows)
    drawn = np.random.default_rng(n_rows).choice(n_rows, MOST_ROWS, replace=False)
    return np.asarray(np.sort(drawn))


def matching_row_scores(
    value: float, scores: Sequence[float], rows: Sequence[RowScores]
) -> RowScores | None:
    """Return the outcomes whose mean is the trial's value; None if there are none.

    Parameters
    ----------
    value
        The trial's.
    scores, rows
        Of the scores that were taken in the trial, one for each fold of a cross-validation, in
        their order. Where the value is their mean, or that of all rows together, all rows are
        returned, fold by fold; else those of the last score that is the value.
    """
    if not rows:
        return None
    joined = _joined(rows)
    if joined is not None and (_is(value, float(np.mean(scores))) or _is(value, joined.mean)):
        return joined
    pairs = zip(reversed(scores), reversed(rows), strict=True)
    return next((one for score, one in pairs if _is(value, score)), None)


def _joined(rows: Sequence[RowScores]) -> RowScores | None:
    """Return the outcomes one after the other; None if they are of two kinds."""
    if len(rows) == 1:
        return rows[0]
    if len({one.dtype for one in rows}) > 1:
        return None
    values: FloatArray = np.concatenate([one.values for one in rows])
    kept = sampled_rows(len(values))
    mark = hashlib.blake2b("".join(one.rows for one in rows).encode(), digest_size=8).hexdigest()
    return RowScores(values[kept].tobytes(), rows[0].dtype, mark)


def _is(value: float, score: float) -> bool:
    return math.isclose(value, score, rel_tol=REL_TOL, abs_tol=1e-9)


def _fingerprint(truth: npt.NDArray[Any]) -> str:
    digest = hashlib.blake2b(str(truth.shape).encode(), digest_size=8)
    if truth.dtype.hasobject or truth.dtype.kind in "US":
        digest.update(repr(truth.tolist()).encode())
    else:
        digest.update(np.ascontiguousarray(truth).tobytes())
    return digest.hexdigest()
