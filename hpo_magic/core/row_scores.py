"""What a trial got on each validation row, as a plain value that can be compared and stored.

From the row scores of all trials, the selection bias of the best can be computed without re-runs;
from a score alone it cannot.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.groups import share_cut_by_splits

# More rows change what is made of them by less than the digits it is written with.
MOST_ROWS = 20_000
RIGHT_OR_WRONG, A_NUMBER, UNIT = "|b1", "<f4", "<u4"
# A score that the cell has rounded to four digits is still the mean of its rows.
REL_TOL = 1e-4
# Rows are told by their labels, unless other rows have the same with more than this probability.
LEAST_CHANCE = 1e-3
MOST_LABELS = 1_000  # that are counted for it


class RowOrder(Enum):
    """What the order of the validation rows means."""

    NONE = ""  # they were shuffled, or nothing is known of them
    KEPT = "kept"  # they are in the order of the data, which may mean something
    TIME = "time"  # they are in the order of time


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
    n_folds
        How many validation sets these are the rows of: more than one in a cross-validation.
    n_trained
        Training rows, on average over the folds; None if not known.
    units
        For each row the number of what it belongs to ("<u4" each): rows of one unit are no
        independent rows. Empty where each row stands for itself.
    order
        What the order of the rows means.
    split_groups
        The share of these rows' groups that are among the training rows, too; None if not known.
    worst
        The worst score that a row could have got from these predictions, had its label been the
        next likely one; None for other metrics than log-loss, or if not known.
    label_chance
        How likely as many other rows are to have the same labels, as few or one-sided labels have:
        then `rows` may be equal for other rows. None if that is hardly possible, or not known.
    metric
        What the rows were scored by, such as "accuracy", with "-" in front where the value is its
        negative; "" if not known.
    """

    data: bytes = field(repr=False)
    dtype: str
    rows: str
    n_folds: int = 1
    n_trained: float | None = None
    units: bytes = field(default=b"", repr=False)
    order: RowOrder = RowOrder.NONE
    split_groups: float | None = None
    worst: float | None = None
    label_chance: float | None = None
    metric: str = ""

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
    def groups(self) -> npt.NDArray[np.uint32] | None:
        """The unit of each row, shape (n_rows,); None where each row stands for itself."""
        return np.frombuffer(self.units, dtype=UNIT) if self.units else None

    @property
    def mean(self) -> float:
        """The mean over the rows."""
        return float(self.values.mean(dtype=np.float64))


def of_rows(
    values: npt.NDArray[Any],
    truth: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    n_trained: float | None = None,
    order: RowOrder = RowOrder.NONE,
    split_groups: float | None = None,
    worst: float | None = None,
) -> RowScores | None:
    """Return the scores of rows, at most `MOST_ROWS` of them.

    Parameters
    ----------
    values : shape (n_rows,)
        Booleans or numbers.
    truth : shape (n_rows, ...)
        The true values of the same rows, which tell these rows from others.
    groups : shape (n_rows,)
        What each row belongs to, such as a patient: numbers or texts. None: each to itself.
    n_trained, order, split_groups, worst
        As in `RowScores`.

    Returns
    -------
    None if there are fewer than 2 rows or a number is not finite: nothing can be made of them.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return None
    kept = sampled_rows(len(values))
    dtype = RIGHT_OR_WRONG if values.dtype == bool else A_NUMBER
    return RowScores(
        np.ascontiguousarray(values[kept], dtype=dtype).tobytes(),
        dtype,
        _fingerprint(np.asarray(truth)),
        n_trained=n_trained,
        units=b"" if groups is None else _unit_numbers(groups)[kept].tobytes(),
        order=order,
        split_groups=split_groups,
        worst=worst,
        label_chance=_label_chance(np.asarray(truth)),
    )


def sampled_rows(n_rows: int) -> npt.NDArray[np.intp]:
    """Return which of so many rows are used: the same in every trial, all of them if not many.

    Shape (min(n_rows, MOST_ROWS),), ascending.
    """
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
        returned, fold by fold; so are every second ones, where a cell scores the training rows of
        each fold too. Else those of the last score that is the value. A value may have the sign of
        a score changed, as scikit-learn's neg_log_loss has.
    """
    for places in folds(len(rows)):
        taken = [rows[k] for k in places]
        joined = _joined(taken) if len(taken) > 1 else None
        if joined is None:
            continue
        for expected in (float(np.mean([scores[k] for k in places])), joined.mean):
            if (found := _with_sign(value, expected, joined)) is not None:
                return found
    for score, one in zip(reversed(scores), reversed(rows), strict=True):
        if (found := _with_sign(value, score, one)) is not None:
            return found
    return None


def folds(n: int) -> list[range]:
    """Return which scores may be those of the folds: all of them, or every second one."""
    return [range(n), range(1, n, 2), range(0, n, 2)] if n > 3 and n % 2 == 0 else [range(n)]


def _with_sign(value: float, score: float, rows: RowScores) -> RowScores | None:
    """Return rows whose mean is the value, if that is the score or its negative; else None."""
    if _is(value, score):
        return rows
    if not _is(value, -score):
        return None
    values = -rows.values.astype(A_NUMBER)
    worst = None if rows.worst is None else -rows.worst
    metric = f"-{rows.metric}" if rows.metric else ""
    return replace(rows, data=values.tobytes(), dtype=A_NUMBER, worst=worst, metric=metric)


def _joined(rows: Sequence[RowScores]) -> RowScores | None:
    """Return the scores of several folds one after the other; None if they are of two kinds."""
    if len({one.dtype for one in rows}) > 1 or len({bool(one.units) for one in rows}) > 1:
        return None
    values: FloatArray = np.concatenate([one.values for one in rows])
    kept = sampled_rows(len(values))
    mark = hashlib.blake2b("".join(one.rows for one in rows).encode(), digest_size=8).hexdigest()
    units = np.concatenate([np.frombuffer(one.units, dtype=UNIT) for one in rows])
    trained = [one.n_trained for one in rows if one.n_trained is not None]
    metrics = {one.metric for one in rows}
    return RowScores(
        values[kept].tobytes(),
        rows[0].dtype,
        mark,
        n_folds=sum(one.n_folds for one in rows),
        n_trained=float(np.mean(trained)) if len(trained) == len(rows) else None,
        units=units[kept].tobytes() if len(units) else b"",
        order=max((one.order for one in rows), key=list(RowOrder).index),
        split_groups=_share_of_split_groups(rows),
        worst=max((one.worst for one in rows if one.worst is not None), default=None),
        label_chance=_if_likely(math.prod(one.label_chance or 0.0 for one in rows)),
        metric=metrics.pop() if len(metrics) == 1 else "",
    )


def _share_of_split_groups(folds: Sequence[RowScores]) -> float | None:
    """Return the share of groups that are on both sides of a fold; None if not known."""
    known = [one.split_groups for one in folds if one.split_groups is not None]
    if len(known) == len(folds):
        return float(np.mean(known))
    groups = [one.groups for one in folds]
    return share_cut_by_splits([one for one in groups if one is not None])


def _unit_numbers(groups: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Return a number for each row's group, the same in every fold, trial and process.

    Shape (n_rows,), as `groups` has.
    """
    labels, places = np.unique(np.asarray(groups), return_inverse=True)
    numbers = [zlib.crc32(repr(label).encode()) for label in labels.tolist()]
    return np.array(numbers, dtype=UNIT)[places.reshape(-1)]


def _label_chance(truth: npt.NDArray[Any]) -> float | None:
    """Return how likely rows drawn from such labels are to have these; None if hardly.

    `truth` has the shape (n_rows, ...).
    """
    if truth.ndim != 1 or truth.dtype.hasobject:
        labels = [repr(one) for one in truth[:MOST_LABELS].tolist()]
    else:
        labels = truth[:MOST_LABELS].tolist()
    shares = np.array(list(Counter(labels).values())) / max(len(labels), 1)
    return _if_likely(float((shares**2).sum()) ** len(truth))


def _if_likely(chance: float) -> float | None:
    return chance if chance > LEAST_CHANCE else None


def _is(value: float, score: float) -> bool:
    return math.isclose(value, score, rel_tol=REL_TOL, abs_tol=1e-9)


def _fingerprint(truth: npt.NDArray[Any]) -> str:
    digest = hashlib.blake2b(str(truth.shape).encode(), digest_size=8)
    if truth.dtype.hasobject or truth.dtype.kind in "US":
        digest.update(repr(truth.tolist()).encode())
    else:
        digest.update(np.ascontiguousarray(truth).tobytes())
    return digest.hexdigest()
