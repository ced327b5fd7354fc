"""The score of a fitted Keras model on each row of its validation data.

It is computed after the cell has ended, without effects on it: the model is called directly, as
`predict` would build a graph, and the random streams are restored. The scores are used only if
their mean is the logged value. Then weights, loss and data are the ones that were measured.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.log import caught
from hpo_magic.core.row_scores import MOST_ROWS, RowOrder, RowScores, of_rows, sampled_rows
from hpo_magic.errors import MetricError
from hpo_magic.frameworks.standard import kept_random_state
from hpo_magic.language.first_order import AUC_TOLERANCE, rows_to_first_order
from hpo_magic.language.row_metrics import MIDDLE, scores_by_row, worst_of

BATCH = 1024
# Tolerance for the logged value, which is float32 and averaged over batches.
REL_TOL = 1e-3
STANDARD_ERRORS = 4.0  # by which the mean of sampled rows may differ from that of all rows

_ACCURACIES = ("accuracy", "acc", "binary_accuracy", "categorical_accuracy")
_BY_NAME = {
    **dict.fromkeys((*_ACCURACIES, "sparse_categorical_accuracy"), "accuracy"),
    **dict.fromkeys(("mae", "mean_absolute_error"), "mae"),
    **dict.fromkeys(("mse", "mean_squared_error"), "mse"),
}


def validation_rows(arguments: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Return x and y of the validation rows; None if they are no arrays or have weights."""
    given = arguments.get("validation_data")
    if isinstance(given, tuple | list) and len(given) == 2:
        x, y = given
    elif given is None and arguments.get("validation_split"):
        x, y = arguments.get("x"), arguments.get("y")
        if arguments.get("sample_weight") is not None or not _has_rows(x) or not _has_rows(y):
            return None
        y = np.asarray(y)
        begin = math.floor(len(y) * (1.0 - arguments["validation_split"]))  # as Keras cuts it
        return _rows(x, slice(begin, None)), y[begin:]
    else:
        return None
    return (x, y) if _has_rows(x) and hasattr(y, "__array__") and np.ndim(y) else None


def inputs_of_fit(x: Any, x_val: Any) -> Callable[[], list[Any]]:
    """Return a function that returns the input arrays of a fit that are still in memory.

    The training data is referred to weakly: cross-validation would else keep many copies.
    """
    training = [_weakly(leaf) for leaf in keras.tree.flatten(x)] if _has_rows(x) else []
    validation = list(keras.tree.flatten(x_val)) if _has_rows(x_val) else []

    def arrays() -> list[Any]:
        alive = (reference() for reference in training)
        return [*(array for array in alive if array is not None), *validation]

    return arrays


def order_of(arguments: Mapping[str, Any]) -> RowOrder:
    """Return what the order of validation rows means: `validation_split` keeps the data's."""
    is_cut = arguments.get("validation_data") is None and arguments.get("validation_split")
    return RowOrder.KEPT if is_cut else RowOrder.NONE


def outcomes_of_fit(
    model: Any, x: Any, y: Any, logged: Mapping[str, float], order: RowOrder = RowOrder.NONE
) -> Callable[[str], RowScores | None]:
    """Return a function of a metric's name that returns the score of each row; None if unknown.

    Parameters
    ----------
    model
        As the fit left it.
    x, y
        The validation rows: arrays, or a list or dict of arrays as `x`.
    logged
        The metrics of the epoch whose weights the model has.
    order
        What the order of the rows means.
    """

    def row_scores(metric: str) -> RowScores | None:
        if not metric.startswith("val_") or metric not in logged:
            return None
        try:
            with kept_random_state():
                rows, worst = _by_row(model, x, y, metric.removeprefix("val_"), logged[metric])
        except Exception:  # noqa: BLE001  (a model of the user's may do anything)
            caught("the validation rows could not be scored")
            return None
        if rows is None or not _is_mean_of(rows, logged[metric], len(y)):
            return None
        truth = np.asarray(y)[sampled_rows(len(y))]
        return of_rows(rows, truth, order=order, worst=worst)

    return row_scores


def _by_row(model: Any, x: Any, y: Any, metric: str, logged: float) -> tuple[Any, float | None]:
    """Return the score of each row, shape (n_rows,), and the worst that one could have had.

    None and None if they cannot be told; the worst is known for cross-entropies alone.
    """
    other = None if metric == "loss" or metric in _BY_NAME else _other_metric(model, metric)
    if metric != "loss" and metric not in _BY_NAME and other is None:
        return None, None
    if len(y) > MOST_ROWS:
        kept = sampled_rows(len(y))
        x, y = _rows(x, kept), np.asarray(y)[kept]
    truth = np.asarray(y)
    predicted = _predicted(model, x, len(truth))
    if metric == "loss":
        return _losses(model.loss, truth, predicted), _worst(model.loss, predicted)
    if other is not None:
        return _to_first_order(other, truth, predicted, logged), None
    if _BY_NAME[metric] == "accuracy" and predicted.size == len(predicted):
        predicted = predicted.reshape(len(predicted)) > 0.5
    try:
        return scores_by_row(_BY_NAME[metric], truth, predicted), None
    except MetricError:
        return None, None


def _other_metric(model: Any, name: str) -> str | None:
    """Return scikit-learn's name of a compiled metric that is no mean over rows.

    None for other metrics and for options that make it another one.
    """
    compiled = [one for part in model.metrics for one in getattr(part, "metrics", [])]
    found: Any = next((one for one in compiled if one.name == name), None)
    if type(found) is keras.metrics.AUC:
        is_usual = not found.multi_label and not found._from_logits
        curves = {"ROC": "roc_auc_score", "PR": "average_precision_score"}
        return curves.get(found.curve.value) if is_usual else None
    if type(found) is keras.metrics.Precision or type(found) is keras.metrics.Recall:
        is_usual = found.thresholds == [MIDDLE] and found.class_id is None and found.top_k is None
        named = "precision_score" if type(found) is keras.metrics.Precision else "recall_score"
        return named if is_usual else None
    is_root = type(found) is keras.metrics.RootMeanSquaredError
    return "root_mean_squared_error" if is_root else None


def _to_first_order(metric: str, truth: Any, predicted: Any, logged: float) -> Any:
    """Return the score of each row, shape (n_rows,); None for more than one output."""
    if predicted.size != len(truth) or np.size(truth) != len(truth):
        return None
    truth, predicted = truth.reshape(-1), predicted.reshape(-1)
    if metric in ("precision_score", "recall_score"):
        predicted = (predicted > MIDDLE).astype(truth.dtype)
    is_auc = metric in ("roc_auc_score", "average_precision_score")
    tolerance = AUC_TOLERANCE if is_auc else REL_TOL
    return rows_to_first_order(metric, truth, predicted, logged, tolerance=tolerance)


def _predicted(model: Any, x: Any, n_rows: int) -> Any:
    """Return the model's output, shape (n_rows, …), computed without building a graph."""
    parts = []
    for begin in range(0, n_rows, BATCH):
        batch = _rows(x, slice(begin, begin + BATCH))
        tensors = keras.tree.map_structure(keras.ops.convert_to_tensor, batch)
        parts.append(keras.ops.convert_to_numpy(model(tensors, training=False)))
    return np.concatenate(parts)


def _losses(loss: Any, truth: Any, predicted: Any) -> FloatArray | None:
    """Return the loss of each row, shape (n_rows,); None if the loss is no mean over rows."""
    known = keras.losses.get(loss)
    if isinstance(known, keras.losses.Loss):
        known = type(known).from_config({**known.get_config(), "reduction": None})
    if predicted.ndim == truth.ndim + 1 and predicted.shape[-1] == 1:
        truth = truth[..., None]
    losses = keras.ops.convert_to_numpy(known(truth, predicted))
    if len(losses) != len(truth):
        return None
    return np.asarray(losses.reshape(len(truth), -1).mean(axis=1))


def _worst(loss: Any, predicted: Any) -> float | None:
    """Return the largest cross-entropy of a row, had its label been the next likely one.

    None for other losses. `predicted` has the shape (n_rows, n_classes) or (n_rows, 1).
    """
    known = keras.losses.get(loss)
    name = str(getattr(known, "name", None) or getattr(known, "__name__", ""))
    if "crossentropy" not in name or predicted.ndim != 2:
        return None
    if getattr(known, "from_logits", False):
        to_probabilities = keras.ops.softmax if predicted.shape[1] > 1 else keras.ops.sigmoid
        predicted = keras.ops.convert_to_numpy(to_probabilities(predicted))
    least = keras.backend.epsilon()
    return worst_of("log_loss", np.clip(predicted, least, 1 - least))


def _is_mean_of(rows: Any, logged: float, n_rows: int) -> bool:
    """Return whether the mean of these rows agrees with the logged value."""
    mean, n = float(np.mean(rows, dtype=np.float64)), len(rows)
    # The prediction of one row may be a tie, and round to the other side.
    slack = 1.5 / n if rows.dtype == bool else REL_TOL * abs(logged)
    if n < n_rows:
        slack += STANDARD_ERRORS * float(np.std(rows)) / math.sqrt(n)
    return abs(mean - logged) <= slack


def _weakly(array: Any) -> Callable[[], Any]:
    """Return a weak reference to the array; a function that returns None for a list."""
    try:
        return weakref.ref(array)
    except TypeError:
        return lambda: None


def _has_rows(x: Any) -> bool:
    leaves = keras.tree.flatten(x) if x is not None else []
    return bool(leaves) and all(hasattr(leaf, "__array__") and np.ndim(leaf) for leaf in leaves)


def _rows(x: Any, which: Any) -> Any:
    """Return some rows of an array, or of each array in a structure."""
    return keras.tree.map_structure(lambda array: np.asarray(array)[which], x)
