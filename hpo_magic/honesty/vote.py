"""A vote: one prediction from those of several models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def vote(
    predictions: Sequence[npt.ArrayLike], are_labels: bool | None = None
) -> npt.NDArray[np.generic]:
    """Return the joint prediction of several models: the mean number, or the most frequent label.

    Parameters
    ----------
    predictions
        One array for each model, the best model's first, all of one shape: (n_rows,) labels or
        numbers, (n_rows, n_classes) probabilities.
    are_labels
        Whether they are labels. None: whole numbers, strings and booleans are, and so are floats in
        one dimension without a fraction among them (labels that were read as floats).

    Returns
    -------
    The shape of one prediction. Of labels that are equally frequent, the one that the best model
    among their voters gave.

    Raises
    ------
    ValueError
        If there is no prediction, or their shapes differ.

    >>> vote([[1, 0], [1, 2], [3, 2]])
    array([1, 2])
    """
    arrays = [np.asarray(prediction) for prediction in predictions]
    if not arrays:
        raise ValueError("a vote needs the predictions of 1 model or more, got none")
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise ValueError(f"the models' predictions differ in shape: {sorted(shapes)}")
    stacked = np.stack(arrays)  # (n_models, n_rows, ...)
    if _look_like_labels(stacked) if are_labels is None else are_labels:
        return _plurality(stacked)
    return np.asarray(stacked.mean(axis=0))


def _plurality(labels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    n_agreeing = np.stack([(labels == label).sum(axis=0) for label in labels])
    winner = n_agreeing.argmax(axis=0)  # the best model among those of the largest party
    return np.asarray(np.take_along_axis(labels, winner[None], axis=0)[0])


def _look_like_labels(stacked: npt.NDArray[np.generic]) -> bool:
    if not np.issubdtype(stacked.dtype, np.inexact):
        return True
    return stacked.ndim == 2 and bool((stacked == np.round(stacked.astype(np.float64))).all())
