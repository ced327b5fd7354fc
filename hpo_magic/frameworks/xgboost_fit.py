"""Watches XGBoost: reports what each round measured, and may stop the training at each round.

A callback is added before those of `xgboost.train` and `xgboost.cv`, which the scikit-learn classes
call too. It changes neither the results nor the random streams. A round is called `val-auc`: the
set's name and the metric's, as XGBoost prints them; `test-auc-mean` in a cross-validation.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import xgboost
from xgboost.callback import EarlyStopping, TrainingCallback

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows, rows_or_none
from hpo_magic.frameworks.fit_watch import FitWatch, RoundReporter, Rounds, is_part_of_another
from hpo_magic.frameworks.method_watch import WatchedFunction, WatchedMethod


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the trainings of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called for the first rounds and then ever more seldom (`RoundReporter`), as a report costs
        as much as a small round. Rounds are counted over all trainings of the cell.
    guard
        Called at most 50 times a second, before a round. If it raises, the training ends.
    """
    watch = _Watch(report, guard)
    with _TRAIN.through(watch.train), _CV.through(watch.cv), contextlib.ExitStack() as stack:
        for fit in _FITS:
            stack.enter_context(fit.through(watch.estimator))
        yield watch.fits


class _Watch(FitWatch):
    """The trainings of one trial."""

    def __init__(self, report: Report, guard: Callable[[], None]) -> None:
        super().__init__(report, guard)
        self._estimator: tuple[Any, Mapping[str, Any]] | None = None  # whose `fit` runs, its rows

    def train(self, train: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `xgboost.train(*args, **kwargs)` returns."""
        call = _call(train, args, kwargs)
        if call is None:
            return train(*args, **kwargs)
        begun = time.perf_counter()
        owner = self._estimator
        with self.fitting(), self._reported(call) as rounds:
            booster = train(*call.args, **call.kwargs)
        final = _final(booster, call.arguments, len(rounds), is_best_used=owner is not None)
        rows = rows_or_none(_sets_of, call.arguments)

        def predict(dmatrix: Any) -> Any:
            n_before = booster.num_boosted_rounds() - len(rounds)
            return booster.predict(dmatrix, iteration_range=(0, n_before + final + 1))

        model = booster if owner is None else owner[0]
        self.fits.append(
            Fit(
                rounds,
                final,
                model=None if is_part_of_another("xgboost") else model,
                row_scores=rows.scores_by(predict, rounds[final] if rounds else {}),
                arrays=_arrays_of(call.arguments, owner[1] if owner else None),
                seconds=time.perf_counter() - begun,
            )
        )
        return booster

    def cv(self, cv: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `xgboost.cv(*args, **kwargs)` returns; it leaves no one model."""
        call = _call(cv, args, kwargs)
        if call is None:
            return cv(*args, **kwargs)
        begun = time.perf_counter()
        with self.fitting(), self._reported(call) as rounds:
            results = cv(*call.args, **call.kwargs)
        n_kept = len(results) if not isinstance(results, dict) else max(map(len, results.values()))
        took_s = time.perf_counter() - begun
        self.fits.append(Fit(rounds, n_kept - 1, arrays=_arrays_of(call.arguments), seconds=took_s))
        return results

    def estimator(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the `fit` of a scikit-learn class returns; its `train` is watched."""
        try:
            given = inspect.signature(inspect.unwrap(fit)).bind(*args, **kwargs).arguments
        except TypeError:
            return fit(*args, **kwargs)  # XGBoost says what is wrong with the arguments
        outside, self._estimator = self._estimator, (args[0], given)
        try:
            return fit(*args, **kwargs)
        finally:
            self._estimator = outside

    @contextlib.contextmanager
    def _reported(self, call: inspect.BoundArguments) -> Iterator[Rounds]:
        """Add our callback to those of a call; the user's own list stays unchanged."""
        reporter = RoundReporter(
            self, call.arguments.get("num_boost_round", 10), lambda found: found
        )
        ours = _Callback(reporter)
        call.arguments["callbacks"] = [ours, *(call.arguments.get("callbacks") or ())]
        yield reporter.rounds
        ours.close()
        reporter.close()


# The base may have no types, hence the exemption.
class _Callback(TrainingCallback):  # type: ignore[misc,unused-ignore]
    """What XGBoost calls around each round.

    A round is taken at the beginning of the next one: then the user's callbacks have seen it too.
    XGBoost asks no further callback after one that ends the training.
    """

    def __init__(self, reporter: RoundReporter) -> None:
        super().__init__()
        self._reporter = reporter
        self._log: Mapping[str, Mapping[str, Sequence[Any]]] = {}
        self._is_waiting = False

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self.close()
        return False

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self._log, self._is_waiting = evals_log, True
        return False

    def close(self) -> None:
        """Take the round that was not taken yet."""
        if not self._is_waiting:
            return
        self._is_waiting = False
        found: dict[str, float] = {}
        for name, metrics in self._log.items():
            for metric, values in metrics.items():
                value = values[-1]
                if isinstance(value, tuple):  # mean and standard deviation over folds
                    found[f"{name}-{metric}-mean"] = float(value[0])
                else:
                    found[f"{name}-{metric}"] = float(value)
        self._reporter.add(found)


def _call(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments | None:
    """Return a call's arguments by name; None if it is wrong, or watched already."""
    try:
        call = inspect.signature(function).bind(*args, **kwargs)
    except TypeError:
        return None
    callbacks = call.arguments.get("callbacks") or ()
    return None if any(isinstance(one, _Callback) for one in callbacks) else call


def _final(booster: Any, given: Mapping[str, Any], n_rounds: int, *, is_best_used: bool) -> int:
    """Return the index of the round up to which the model predicts.

    After early stopping the scikit-learn classes predict up to the best round. A `Booster` predicts
    with all of its rounds, unless `EarlyStopping(save_best=True)` has cut it.
    """
    is_cut = any(
        isinstance(one, EarlyStopping) and one.save_best for one in given.get("callbacks") or ()
    )
    best = booster.attr("best_iteration")
    if best is None or not (is_cut or is_best_used):
        return n_rounds - 1
    n_before = 0 if is_cut else booster.num_boosted_rounds() - n_rounds
    found = int(best) - n_before
    return found if 0 <= found < n_rounds else n_rounds - 1


def _sets_of(given: Mapping[str, Any]) -> BoostedRows:
    """Return the evaluation sets of a training, as the matrices that its model predicts."""
    sets = given.get("evals") or ()
    return BoostedRows(None, {name: (one, one.get_label()) for one, name in sets})


def _arrays_of(
    given: Mapping[str, Any], of_fit: Mapping[str, Any] | None = None
) -> Callable[[], Sequence[Any]]:
    """Return a function that returns the rows of a training.

    Parameters
    ----------
    given
        The arguments of `train` or `cv`, whose matrices have their rows.
    of_fit
        Those of the `fit` that called it, which has them as the user gave them.
    """
    if of_fit is not None:
        return rows_or_none(_rows_of_fit, of_fit).arrays
    matrices = [given.get("dtrain"), *(one for one, _ in given.get("evals") or ())]
    # A `QuantileDMatrix` has its rows in bins only.
    return lambda: [one.get_data() for one in matrices if type(one) is xgboost.DMatrix]


def _rows_of_fit(given: Mapping[str, Any]) -> BoostedRows:
    sets = given.get("eval_set") or ()
    return BoostedRows(given.get("X"), {str(i): (x, y) for i, (x, y) in enumerate(sets)})


_TRAIN = WatchedFunction(xgboost.training.train)
_CV = WatchedFunction(xgboost.training.cv)
_FITS = [
    WatchedMethod(kind, "fit")
    for kind in (xgboost.XGBModel, xgboost.XGBClassifier, xgboost.XGBRanker)
]
