"""The hook on scikit-learn's metrics and cross-validation: what they score, row by row.

While a trial is watched, `accuracy_score` and the like tell it what they were given, by whichever
way they are called: by the cell, by an estimator's `score`, by `cross_val_score`. Their results
stay as they were. What was seen counts only if its mean is the trial's value
(`executors/row_scores.py`), so a score on training rows does no harm.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import sklearn.metrics
import sklearn.model_selection
from sklearn.ensemble import GradientBoostingClassifier  # the regressor has the same fit
from sklearn.svm._base import BaseLibSVM  # SVC, SVR and their relatives have its fit

from hpo_magic.core.groups import share_of_split_groups
from hpo_magic.core.log import suppressed
from hpo_magic.core.row_scores import RowOrder
from hpo_magic.frameworks.function_watch import WatchedFunction
from hpo_magic.frameworks.scikit_learn_fits import FIT, noting_targets, running_fits
from hpo_magic.language.first_order import METRICS, rows_to_first_order
from hpo_magic.language.scores import Scored, Split, scored
from hpo_magic.language.trial_context import TrialContext, current_trial

# Means over rows, R² with the variance of the true values as it is.
MEANS = (
    "accuracy_score",
    "zero_one_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "log_loss",
    "r2_score",
)
# Of a cell that scores in a long loop the last ones are kept.
MOST_SCORES = 200
MOST_SPLITS = 20  # whose columns are kept, to know the groups of a score among them
# How near two ways to compute one score come.
SAME = 1e-6


@contextlib.contextmanager
def watched_scores(guard: Callable[[], None]) -> Iterator[None]:
    """Watch the scores of this thread; each is added to the running trial's `observed`.

    Parameters
    ----------
    guard
        Called at every score. What it raises ends the training.
    """
    trial = current_trial()
    if trial is None:
        yield
        return
    watch = _Watch(trial, guard)
    with contextlib.ExitStack() as stack:
        for name, function in _WATCHED.items():
            run = getattr(watch, f"on_{name}", watch.on_metric)
            stack.enter_context(function.through(run))
        stack.enter_context(FIT.through(noting_targets(trial, watch.is_in_folds)))
        yield


class _CrossPredicted(NamedTuple):
    """What `cross_val_predict` returned, and how its rows were split; groups None: not given."""

    predictions: Any
    n_folds: int
    order: RowOrder
    groups: Any
    split_groups: float | None


class _Watch:
    """The scores of one trial."""

    def __init__(self, trial: TrialContext, guard: Callable[[], None]) -> None:
        self._trial, self._guard = trial, guard
        self._in_folds: list[Scored] | None = None  # while a cross-validation runs
        self._is_in_metric = False  # which may be computed from others
        # By the number of validation rows: those that are trained on, and their order.
        self._n_trained: dict[int, tuple[float, RowOrder]] = {}
        self._cross_predicted: list[_CrossPredicted] = []
        self._is_predicting_folds = False

    def is_in_folds(self) -> bool:
        """Return whether a cross-validation of scikit-learn's runs."""
        return self._in_folds is not None or self._is_predicting_folds

    def on_metric(self, metric: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the metric returns, and remember what it was given."""
        if self._is_in_metric:
            return metric(*args, **kwargs)
        self._is_in_metric = True
        try:
            result = metric(*args, **kwargs)
        finally:
            self._is_in_metric = False
        self._guard()
        with suppressed("a score of scikit-learn could not be read"):
            found = self._scored(result, metric, args, kwargs)
            if found is not None:
                self._add(found)
        return result

    def on_train_test_split(self, split: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the parts, and remember how many rows are trained on, in which order."""
        parts = split(*args, **kwargs)
        with suppressed("a split of scikit-learn could not be read"):
            order = RowOrder.NONE if kwargs.get("shuffle", True) else RowOrder.KEPT
            self._n_trained[_n_rows(parts[1])] = (float(_n_rows(parts[0])), order)
            # `hp.score` finds its groups among them.
            pairs = zip(parts[::2], parts[1::2], strict=True)
            self._trial.splits += [Split(*pair, order) for pair in pairs if _is_flat(pair)]
            del self._trial.splits[:-MOST_SPLITS]
        return parts

    def on_cross_val_predict(self, predict: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the predictions, and know them again when they are scored."""
        self._is_predicting_folds = True
        try:
            predictions = predict(*args, **kwargs)
        finally:
            self._is_predicting_folds = False
        with suppressed("the folds of a cross-validation could not be read"):
            call = inspect.signature(predict).bind(*args, **kwargs).arguments
            known = _CrossPredicted(
                predictions, _n_folds(call), _order(call), call.get("groups"), _share_split(call)
            )
            self._cross_predicted.append(known)
        return predictions

    def on_cross_validate(self, validate: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return the scores, and remember the rows of each fold together."""
        call = inspect.signature(validate).bind(*args, **kwargs)
        asked = call.arguments.get("return_indices", False)
        call.arguments["return_indices"] = True
        outside, self._in_folds = self._in_folds, []
        try:
            result = validate(*call.args, **call.kwargs)
            found = self._in_folds
        finally:
            self._in_folds = outside
        indices = result["indices"] if asked else result.pop("indices")
        with suppressed("the folds of a cross-validation could not be read"):
            self._add_folds(found, result, indices, call.arguments)
        return result

    def on_svm_fit(self, fit: Callable[..., Any], svm: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the fit returns, and note a draw that it does not use.

        libsvm gets a seed from the global stream in each fit, and needs it for probabilities alone.
        """
        before = self._trial.random_state()
        result = fit(svm, *args, **kwargs)
        if svm.random_state is None and svm.probability is not True:
            self._trial.idle_draws.append((before, self._trial.random_state()))
        return result

    def on_boosting_fit(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the fit returns; the search may end it after each round.

        scikit-learn calls `monitor` then. A monitor of the cell's is called as before.
        """
        try:
            call = inspect.signature(fit).bind(*args, **kwargs)
        except TypeError:
            return fit(*args, **kwargs)  # scikit-learn says what is wrong
        of_cell = call.arguments.get("monitor")

        def monitor(*round_: Any) -> bool:
            self._guard()
            return bool(of_cell is not None and of_cell(*round_))

        call.arguments["monitor"] = monitor
        return fit(*call.args, **call.kwargs)

    def _scored(
        self, result: Any, metric: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Scored | None:
        given = inspect.signature(metric).bind(*args, **kwargs).arguments
        if given.get("sample_weight") is not None:
            return None
        given.pop("sample_weight", None)
        # The names of the first two differ: y_true and y_pred, y_score or y_proba; y1 and y2.
        (truth, predicted), options = list(given.values())[:2], dict(list(given.items())[2:])
        if metric.__name__ in MEANS:
            found = scored(metric.__name__, truth, predicted)
            if not np.isclose(found.value, result, rtol=SAME):
                return None  # an option makes it another score
        else:
            found = _to_first_order(metric, truth, predicted, float(result), options)
        n_trained, order = self._n_trained.get(len(found.truth), (None, RowOrder.NONE))
        return replace(found, n_trained=n_trained, order=order, is_of_fit=bool(running_fits()))

    def _add(self, found: Scored) -> None:
        if self._in_folds is not None:
            self._in_folds.append(found)
            return
        self._trial.observed.append(self._by_fold(found))
        del self._trial.observed[:-MOST_SCORES]

    def _by_fold(self, found: Scored) -> tuple[Scored, ...]:
        """Return the score, as one of folds where a cross-validation gave the predictions."""
        for one in self._cross_predicted:
            if np.array_equal(np.asarray(one.predictions), found.predicted):
                return (
                    replace(
                        found,
                        n_folds=one.n_folds,
                        n_trained=len(found.truth) * (1 - 1 / one.n_folds),
                        order=one.order,
                        groups=None if one.groups is None else np.asarray(one.groups),
                        split_groups=one.split_groups,
                    ),
                )
        return (found,)

    def _add_folds(
        self, found: Sequence[Scored], result: Any, indices: Any, call: dict[str, Any]
    ) -> None:
        """Remember the scores that a cross-validation returned, without those of training rows."""
        n = _n_rows(call["X"])
        held_out = indices["test"]
        groups = call.get("groups")
        is_repeated = sum(map(len, held_out)) > n
        for name, values in result.items():
            if not name.startswith("test_"):
                continue
            folds = _in_order(found, values)
            if folds is None:
                continue
            units = np.arange(n) if groups is None and is_repeated else groups
            numbers = None if units is None else np.asarray(units)
            self._trial.observed.append(
                tuple(
                    replace(
                        one,
                        n_trained=float(len(trained)),
                        order=_order(call),
                        groups=None if numbers is None else numbers[test],
                        split_groups=None
                        if groups is None or numbers is None
                        else share_of_split_groups(numbers[test], numbers[trained]),
                    )
                    for one, trained, test in zip(folds, indices["train"], held_out, strict=True)
                )
            )


def _to_first_order(
    metric: Callable[..., Any], truth: Any, predicted: Any, value: float, options: dict[str, Any]
) -> Scored:
    """Return a score that is no mean over rows; its options are part of its name."""
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    text = ", ".join(f"{name}={option!r}" for name, option in options.items())
    return Scored(
        f"{metric.__name__}({text})" if text else metric.__name__,
        value,
        None,
        truth,
        predicted,
        lambda rows: float(metric(truth[rows], predicted[rows], **options)),
        to_first_order=lambda: rows_to_first_order(
            metric.__name__, truth, predicted, value, options
        ),
    )


def _in_order(found: Sequence[Scored], values: Sequence[float]) -> list[Scored] | None:
    """Return the scores with these values, each after the one before; None if one is missing.

    A scorer may have changed the sign.
    """
    folds, rest = [], iter(found)
    for value in values:
        one = next((s for s in rest if np.isclose(abs(s.value), abs(value), rtol=SAME)), None)
        if one is None:
            return None
        folds.append(one)
    return folds


def _n_folds(call: dict[str, Any]) -> int:
    cv = sklearn.model_selection.check_cv(call.get("cv"))
    return int(cv.get_n_splits(call["X"], call.get("y"), call.get("groups")))


def _share_split(call: dict[str, Any]) -> float | None:
    """Return which share of groups the folds cut through; None without groups, or if not known."""
    groups = call.get("groups")
    cv = sklearn.model_selection.check_cv(call.get("cv"))
    is_repeatable = not getattr(cv, "shuffle", True) or isinstance(
        getattr(cv, "random_state", None), int
    )
    if groups is None or not is_repeatable:
        return None
    numbers = np.asarray(groups)
    # Splitters that do not use groups warn of them.
    with warnings.catch_warnings(action="ignore"):
        folds = list(cv.split(call["X"], call.get("y"), groups))
    shares = [share_of_split_groups(numbers[test], numbers[train]) for train, test in folds]
    return float(np.mean(shares))


def _is_flat(pair: tuple[Any, Any]) -> bool:
    """Return whether the parts are single columns, as groups are."""
    return all(np.ndim(part) == 1 for part in pair)


def _order(call: dict[str, Any]) -> RowOrder:
    is_time = isinstance(call.get("cv"), sklearn.model_selection.TimeSeriesSplit)
    return RowOrder.TIME if is_time else RowOrder.NONE


def _n_rows(array: Any) -> int:
    return int(array.shape[0]) if hasattr(array, "shape") else len(array)


_OF_SPLITS = ("train_test_split", "cross_val_predict", "cross_validate")
_WATCHED = {
    **{
        name: WatchedFunction(getattr(sklearn.metrics, name))
        for name in (*MEANS, *METRICS)
        if hasattr(sklearn.metrics, name)  # some are younger than the oldest that is supported
    },
    **{name: WatchedFunction(getattr(sklearn.model_selection, name)) for name in _OF_SPLITS},
    "svm_fit": WatchedFunction(BaseLibSVM.fit),
    "boosting_fit": WatchedFunction(GradientBoostingClassifier.fit),
}
