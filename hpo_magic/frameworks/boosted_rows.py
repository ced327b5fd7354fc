"""The rows that a boosting library trained and was evaluated on, and the scores of the latter."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hpo_magic.core.log import caught, suppressed
from hpo_magic.core.row_scores import RowScores, of_rows
from hpo_magic.frameworks.standard import kept_random_state
from hpo_magic.language.first_order import AUC_TOLERANCE, rows_to_first_order
from hpo_magic.language.row_metrics import scores_by_row, worst_of

# The metrics of LightGBM, XGBoost and CatBoost that are means over rows, and their names here.
ROWS_OF = {
    **dict.fromkeys(
        ("binary_logloss", "multi_logloss", "logloss", "mlogloss", "Logloss", "MultiClass"),
        "log_loss",
    ),
    **dict.fromkeys(("binary_error", "multi_error", "error", "merror"), "error"),
    **dict.fromkeys(("Accuracy", "accuracy"), "accuracy"),
    **dict.fromkeys(("l1", "mae", "MAE"), "mae"),
    **dict.fromkeys(("l2", "mse"), "mse"),
}
# Those that are not: their rows are told to first order.
OTHERS_OF = {
    **dict.fromkeys(("rmse", "RMSE"), "root_mean_squared_error"),
    **dict.fromkeys(("auc", "AUC"), "roc_auc_score"),
    "average_precision": "average_precision_score",
}
# How near the mean of the rows must be to the logged value, which XGBoost computes in float32.
REL_TOL = 1e-4
# Larger training data is referred to weakly: a cross-validation would keep many copies. Bytes.
MOST_HELD = 64_000_000


class BoostedRows:
    """The rows of one training.

    Parameters
    ----------
    trained
        The training rows, an array or a table; None: unknown.
    held_out
        x and y of each evaluation set, by name; an x of None is unknown.
    arrays
        Returns all rows, where `held_out` has them in an object of the library; None: it has
        arrays.
    """

    def __init__(
        self,
        trained: Any,
        held_out: Mapping[str, tuple[Any, Any]],
        arrays: Callable[[], Sequence[Any]] | None = None,
    ) -> None:
        self._trained = _held(trained)
        self._held_out = held_out
        self._arrays = arrays

    def arrays(self) -> Sequence[Any]:
        """Return the rows that are known and still in memory.

        None without evaluation sets: the cell validates on rows that are not seen here, and what it
        reads counts as used.
        """
        if self._arrays is not None:
            return self._arrays()
        if not self._held_out:
            return []
        found = [self._trained(), *(x for x, _ in self._held_out.values())]
        return [array for array in found if array is not None]

    def scores_by(
        self, predict: Callable[[Any], Any], logged: Mapping[str, float]
    ) -> Callable[[str], RowScores | None]:
        """Return a function of a logged metric that returns the score of each row.

        It returns None unless the mean of the rows is the logged value.

        Parameters
        ----------
        predict
            Returns the probabilities or numbers for the x of an evaluation set.
        logged
            The metrics of the round up to which the model predicts, named `set-metric`.
        """

        def row_scores(name: str) -> RowScores | None:
            held_out, _, metric = name.rpartition("-")
            x, y = self._held_out.get(held_out, (None, None))
            is_known = metric in ROWS_OF or metric in OTHERS_OF
            if x is None or y is None or not is_known or name not in logged:
                return None
            try:
                with kept_random_state():
                    truth, predicted = np.asarray(y), np.asarray(predict(x))
                    rows, worst = _rows_and_worst(metric, truth, predicted, logged[name])
            except Exception:  # noqa: BLE001  (of the library, or labels that cannot be told)
                caught("the rows of an evaluation set could not be scored")
                return None
            if rows is None:
                return None
            mean = float(np.mean(rows, dtype=np.float64))
            is_it = math.isclose(mean, logged[name], rel_tol=REL_TOL, abs_tol=1e-9)
            return of_rows(rows, truth, worst=worst) if is_it else None

        return row_scores


def _rows_and_worst(
    metric: str, truth: Any, predicted: Any, logged: float
) -> tuple[Any, float | None]:
    """Return the score of each row, shape (n_rows,), and the worst that one could have had."""
    if metric in ROWS_OF:
        known = ROWS_OF[metric]
        return scores_by_row(known, truth, predicted), worst_of(known, predicted)
    name = OTHERS_OF[metric]
    tolerance = REL_TOL if name == "root_mean_squared_error" else AUC_TOLERANCE
    return rows_to_first_order(name, truth, predicted, logged, tolerance=tolerance), None


def rows_or_none(
    rows_of: Callable[[Mapping[str, Any]], BoostedRows], given: Mapping[str, Any]
) -> BoostedRows:
    """Return the rows of a call, given its arguments; no rows where they cannot be read."""
    with suppressed("the rows of a training could not be read"):
        return rows_of(given)
    return BoostedRows(None, {})


def _held(array: Any) -> Callable[[], Any]:
    """Return a function that returns the array; of a large one only while others have it."""
    if int(getattr(array, "nbytes", 0)) <= MOST_HELD:
        return lambda: array
    try:
        return weakref.ref(array)
    except TypeError:
        return lambda: array
