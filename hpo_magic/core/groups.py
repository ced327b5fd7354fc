"""Groups of rows, such as the visits of one patient: whether a split has cut through them.

Where it has, a model is validated on groups that it was trained on, and every score is too high for
rows of new groups. No resampling of the rows shows by how much.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def share_of_split_groups(
    validation_groups: npt.ArrayLike, training_groups: npt.ArrayLike
) -> float:
    """Return the share of the validation set's groups that are among the training rows, too.

    Each has a group for each of its rows, shape (n_rows,).

    >>> share_of_split_groups(["a", "b", "b"], ["b", "c"])
    0.5
    """
    held_out = np.unique(np.asarray(validation_groups))
    if not len(held_out):
        return 0.0
    return float(np.isin(held_out, np.asarray(training_groups)).mean())


def share_cut_by_splits(splits: Sequence[npt.ArrayLike]) -> float | None:
    """Return the share of groups that splits have cut through, by the validation rows alone.

    A group that is held out whole has the same number of rows in each validation set that it is in.

    Parameters
    ----------
    splits
        For each split, or each fold, the group of each validation row, shape (n_rows,).

    Returns
    -------
    None with fewer than two splits, and where each group that comes again has one row at a time: it
    may have no other row.

    >>> share_cut_by_splits([["a", "a", "b"], ["a", "b"], ["b"]])
    0.5
    """
    if len(splits) < 2:
        return None
    counts = _counts(splits)
    again = counts[:, (counts > 0).sum(axis=0) > 1]
    if not again.size:
        return 0.0
    return None if again.max() == 1 else float(_is_uneven(again).mean())


def _counts(parts: Sequence[npt.ArrayLike]) -> npt.NDArray[np.intp]:
    """Return how many rows of each group each part has; shape (n_parts, n_groups)."""
    rows = [np.asarray(part) for part in parts]
    if not rows:
        return np.zeros((0, 0), dtype=np.intp)
    groups, places = np.unique(np.concatenate(rows), return_inverse=True)
    cuts = np.cumsum([len(part) for part in rows])[:-1]
    each = np.split(places.reshape(-1), cuts)
    return np.stack([np.bincount(one, minlength=len(groups)) for one in each])


def _is_uneven(counts: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Return which groups have different numbers of rows in the parts that they are in.

    `counts` has the shape (n_parts, n_groups), the result (n_groups,).
    """
    fewest = np.where(counts > 0, counts, np.iinfo(np.intp).max).min(axis=0)
    return np.asarray(counts.max(axis=0) != fewest)
