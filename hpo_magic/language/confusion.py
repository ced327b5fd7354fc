"""Metrics of labels, such as F1, from the confusion matrix, and their scores of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST_LABELS = 50
# By which share the number of rows in a cell of the matrix is changed for the derivative.
CHANGE = 1e-4


def rows_of_labels(
    name: str, truth: Array, predicted: Array, options: Mapping[str, Any]
) -> Array | None:
    """Return the scores of rows to first order; None for more than 50 labels.

    Parameters
    ----------
    name, options
        A function of scikit-learn's among `OF_LABELS`, and its options, of which `average`,
        `pos_label` and `beta` are known.
    truth, predicted : shape (n_rows,)
        The true and the predicted labels.
    """
    labels, places = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    k, n = len(labels), len(truth)
    if k > MOST_LABELS:
        return None
    cells, of_row, counts = np.unique(
        places[:n] * k + places[n:], return_inverse=True, return_counts=True
    )
    changes = np.zeros((len(cells), k * k))
    changes[np.arange(len(cells)), cells] = CHANGE * counts
    matrix = np.bincount(cells, weights=counts, minlength=k * k)

    def on(matrices: Array) -> Array:
        confusion = matrices.reshape(-1, k, k)
        with np.errstate(divide="ignore", invalid="ignore"):
            return OF_LABELS[name](confusion, labels, options)

    slopes = (on(matrix + changes) - on(matrix - changes)) / (2 * CHANGE * counts)
    value = on(matrix)[0]
    rows = value + n * slopes[of_row]
    return np.asarray(rows + (value - rows.mean()))


# Each takes matrices of shape (m, k, k), a row for each true label, and returns shape (m,).


def _balanced_accuracy(matrices: Array, labels: Array, options: Mapping[str, Any]) -> Array:
    n_true = matrices.sum(axis=2)
    is_true = n_true[0] > 0
    return np.asarray((_hits(matrices) / n_true)[:, is_true].mean(axis=1))


def _correlation(matrices: Array, labels: Array, options: Mapping[str, Any]) -> Array:
    """Return Matthews's correlation coefficient; Gorodkin's for more than two labels."""
    n_true, n_predicted = matrices.sum(axis=2), matrices.sum(axis=1)
    n = matrices.sum(axis=(1, 2))
    spread = np.sqrt((n**2 - (n_true**2).sum(1)) * (n**2 - (n_predicted**2).sum(1)))
    found = (n * _hits(matrices).sum(1) - (n_true * n_predicted).sum(1)) / spread
    return np.asarray(np.nan_to_num(found))


def _kappa(matrices: Array, labels: Array, options: Mapping[str, Any]) -> Array:
    n = matrices.sum(axis=(1, 2))
    agreed = _hits(matrices).sum(1) / n
    by_chance = (matrices.sum(axis=2) * matrices.sum(axis=1)).sum(1) / n**2
    return np.asarray((agreed - by_chance) / (1 - by_chance))


def _by_label(
    parts: Callable[[Array, Array, Array, float], tuple[Array, Array]],
) -> Callable[[Array, Array, Mapping[str, Any]], Array]:
    """Return a metric that is a ratio for each label, averaged as `average` says.

    `parts` returns numerator and denominator from the numbers of rows that are hits, that have the
    label and that are predicted to have it, shape (m, k) each, and from `beta`.
    """

    def metric(matrices: Array, labels: Array, options: Mapping[str, Any]) -> Array:
        n_true, n_predicted = matrices.sum(axis=2), matrices.sum(axis=1)
        part, whole = parts(_hits(matrices), n_true, n_predicted, options.get("beta", 1.0))
        average = options.get("average", "binary")
        if average == "micro":
            return np.asarray(part.sum(1) / whole.sum(1))
        ratios = np.nan_to_num(part / whole)
        if average == "weighted":
            return np.asarray((ratios * n_true).sum(1) / n_true.sum(1))
        if average == "binary":
            ratios = ratios[:, labels == options.get("pos_label", 1)]
        return np.asarray(ratios.mean(axis=1)) if ratios.size else np.full(len(matrices), np.nan)

    return metric


def _hits(matrices: Array) -> Array:
    return matrices.diagonal(axis1=1, axis2=2)


_F = _by_label(lambda hit, true, said, beta: ((1 + beta**2) * hit, beta**2 * true + said))
OF_LABELS: Mapping[str, Callable[[Array, Array, Mapping[str, Any]], Array]] = {
    "f1_score": _F,
    "fbeta_score": _F,
    "precision_score": _by_label(lambda hit, true, said, beta: (hit, said)),
    "recall_score": _by_label(lambda hit, true, said, beta: (hit, true)),
    "jaccard_score": _by_label(lambda hit, true, said, beta: (hit, true + said - hit)),
    "balanced_accuracy_score": _balanced_accuracy,
    "matthews_corrcoef": _correlation,
    "cohen_kappa_score": _kappa,
}
