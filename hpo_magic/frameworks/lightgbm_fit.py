"""Watches LightGBM: reports what each round measured, and may stop the training at each round.

A callback is added to those of `lightgbm.train` and `lightgbm.cv`, which the scikit-learn classes
call too. It comes after the user's callbacks and before early stopping, and changes neither the
results nor the random streams. A round is called `valid_0-auc`: the set's name and the metric's.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import lightgbm

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows, rows_or_none
from hpo_magic.frameworks.fit_watch import FitWatch, RoundReporter, Rounds, is_part_of_another
from hpo_magic.frameworks.method_watch import WatchedFunction, WatchedMethod

# LightGBM sorts callbacks by this number: its own early stopping has 30, its recorders 10 and 20.
ORDER = 25


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the trainings of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called for the first rounds and then ever more seldom (`RoundReporter`), as a report costs
        as much as a small round. Rounds are counted over all trainings of the cell.
    guard
        Called at most 50 times a second, after a round. If it raises, the training ends.
    """
    watch = _Watch(report, guard)
    with _TRAIN.through(watch.train), _CV.through(watch.cv), _FIT.through(watch.estimator):
        yield watch.fits


class _Watch(FitWatch):
    """The trainings of one trial."""

    def __init__(self, report: Report, guard: Callable[[], None]) -> None:
        super().__init__(report, guard)
        self._estimator: tuple[Any, BoostedRows] | None = None  # whose `fit` runs

    def train(self, train: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `lightgbm.train(*args, **kwargs)` returns."""
        call = _call(train, args, kwargs)
        if call is None:
            return train(*args, **kwargs)
        begun = time.perf_counter()
        rows = (
            self._estimator[1] if self._estimator else rows_or_none(_rows_of_sets, call.arguments)
        )
        with self.fitting(), self._reported(call) as rounds:
            booster = train(*call.args, **call.kwargs)
        model = self._estimator[0] if self._estimator else booster
        final = _final(booster, len(rounds))
        predict = booster.predict  # of an estimator whose `fit` has not ended
        self.fits.append(
            Fit(
                rounds,
                final,
                model=None if is_part_of_another("lightgbm") else model,
                row_scores=rows.scores_by(predict, rounds[final] if rounds else {}),
                arrays=rows.arrays,
                seconds=time.perf_counter() - begun,
            )
        )
        return booster

    def cv(self, cv: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `lightgbm.cv(*args, **kwargs)` returns; it leaves no one model."""
        call = _call(cv, args, kwargs)
        if call is None:
            return cv(*args, **kwargs)
        begun, data = time.perf_counter(), _data(call.arguments.get("train_set"))
        with self.fitting(), self._reported(call) as rounds:
            results = cv(*call.args, **call.kwargs)
        n_kept = max(
            (len(values) for name, values in results.items() if name != "cvbooster"), default=0
        )
        took_s = time.perf_counter() - begun
        self.fits.append(Fit(rounds, n_kept - 1, arrays=lambda: [data], seconds=took_s))
        return results

    def estimator(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the `fit` of a scikit-learn class returns; its `train` is watched."""
        try:
            given = inspect.signature(fit).bind(*args, **kwargs).arguments
        except TypeError:
            return fit(*args, **kwargs)  # LightGBM says what is wrong with the arguments
        outside, self._estimator = self._estimator, (args[0], rows_or_none(_rows_of_fit, given))
        try:
            return fit(*args, **kwargs)
        finally:
            self._estimator = outside

    @contextlib.contextmanager
    def _reported(self, call: inspect.BoundArguments) -> Iterator[Rounds]:
        """Add our callback to those of a call; the user's own list stays unchanged."""
        reporter = RoundReporter(self, call.arguments.get("num_boost_round", 100), _metrics_of)
        call.arguments["callbacks"] = [
            *(call.arguments.get("callbacks") or ()),
            _Callback(reporter),
        ]
        yield reporter.rounds
        reporter.close()


class _Callback:
    """What LightGBM calls after each round."""

    order = ORDER
    before_iteration = False

    def __init__(self, reporter: RoundReporter) -> None:
        self._reporter = reporter

    def __call__(self, env: Any) -> None:
        self._reporter.add(env.evaluation_result_list)


def _metrics_of(results: Sequence[Sequence[Any]] | None) -> dict[str, float]:
    """Return the results of a round by name.

    Of a cross-validation each has a fifth part, the standard deviation over the folds.
    """
    return {
        f"{one[0]}-{one[1]}" if len(one) < 5 else _name_in_cv(one): float(one[2])
        for one in results or ()
    }


def _name_in_cv(one: Sequence[Any]) -> str:
    """Return the name of a mean over folds, as the result of `lightgbm.cv` has it."""
    name = one[1] if one[0] == "cv_agg" else f"{one[0]} {one[1]}"
    return f"{name}-mean"


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


def _final(booster: Any, n_rounds: int) -> int:
    """Return the index of the round up to which the model predicts.

    LightGBM counts the rounds of an `init_model` too.
    """
    best = booster.best_iteration - max(0, booster.current_iteration() - n_rounds)
    return best - 1 if 0 < best <= n_rounds else n_rounds - 1


def _rows_of_sets(given: Mapping[str, Any]) -> BoostedRows:
    """Return the rows of a training by the names of its `Dataset`s, which LightGBM will free."""
    train_set, sets = given.get("train_set"), given.get("valid_sets") or ()
    sets = [sets] if isinstance(sets, lightgbm.Dataset) else list(sets)
    names = _listed(given.get("valid_names"))
    held_out = {
        names[i] if i < len(names) else f"valid_{i}": (_data(one), one.label)
        for i, one in enumerate(sets)
        if one is not train_set
    }
    return BoostedRows(_data(train_set), held_out)


def _data(dataset: Any) -> Any:
    """Return the rows of a `Dataset`; None of a file, or if LightGBM has freed them."""
    data = getattr(dataset, "data", None)
    return data if hasattr(data, "shape") else None


def _rows_of_fit(given: Mapping[str, Any]) -> BoostedRows:
    """Return the rows of the `fit` of a scikit-learn class."""
    found = given.get("eval_set") or []
    sets = [found] if isinstance(found, tuple) else list(found)
    if given.get("eval_X") is not None and given.get("eval_y") is not None:
        xs, ys = given["eval_X"], given["eval_y"]
        sets = list(zip(xs, ys, strict=False)) if isinstance(xs, tuple) else [(xs, ys)]
    names = _listed(given.get("eval_names"))
    held_out = {
        names[i] if i < len(names) else f"valid_{i}": (x, y) for i, (x, y) in enumerate(sets)
    }
    return BoostedRows(given.get("X"), held_out)


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names or ())


_TRAIN = WatchedFunction(lightgbm.engine.train)
_CV = WatchedFunction(lightgbm.engine.cv)
# `LGBMClassifier.fit` and the others pass their arguments on to this one.
_FIT = WatchedMethod(lightgbm.LGBMModel, "fit")
