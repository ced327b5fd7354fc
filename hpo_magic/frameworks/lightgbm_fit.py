"""Watches LightGBM: reports what each round measured, and may stop the training at each round.

A callback is added to those of `lightgbm.train` and `lightgbm.cv`, which the scikit-learn classes
call too. It comes after the user's callbacks and before early stopping, and changes neither the
results nor the random streams. A round is called `valid_0-auc`: the set's name and the metric's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import lightgbm

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows, rows_or_none
from hpo_magic.frameworks.boosting_watch import Given, Predict, TrainWatch, watched_by
from hpo_magic.frameworks.method_watch import WatchedFunction, WatchedMethod
from hpo_magic.frameworks.rounds import RoundReporter, Rounds

# LightGBM sorts callbacks by this number: its own early stopping has 30, its recorders 10 and 20.
ORDER = 25


def watched_fits(report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
    """Watch the trainings of a context; return it with the list of the complete ones.

    Parameters
    ----------
    report
        Called for the first rounds and then ever more seldom (`RoundReporter`), as a report costs
        as much as a small round. Rounds are counted over all trainings of the cell.
    guard
        Called seven times a second, after a round. If it raises, the training ends.
    """
    return watched_by(_Watch(report, guard), _TRAIN, _CV, [_FIT])


class _Callback:
    """What LightGBM calls after each round."""

    order = ORDER
    before_iteration = False

    def __init__(self, reporter: RoundReporter) -> None:
        self._add = reporter.add

    def __call__(self, env: Any) -> None:
        self._add(env.evaluation_result_list, env.end_iteration - env.begin_iteration)


class _Watch(TrainWatch):
    """The trainings of one trial."""

    library = "lightgbm"
    callback = _Callback

    def reported(self, given: dict[str, Any]) -> AbstractContextManager[Rounds]:
        reporter = RoundReporter(self, _metrics_of)
        given["callbacks"] = [*(given.get("callbacks") or ()), _Callback(reporter)]
        return reporter.until_the_end()

    def rows_of(self, given: Given, of_fit: Given | None) -> BoostedRows:
        if of_fit is not None:
            return rows_or_none(_rows_of_fit, of_fit)
        return rows_or_none(_rows_of_sets, given)  # before LightGBM frees them

    def names_of_training(self, given: Given) -> Sequence[str]:
        names = [name for name, one in _sets(given) if one is given.get("train_set")]
        return ["training", *names]

    def arrays_of_cv(self, given: Given) -> Sequence[Any]:
        return [_data(given.get("train_set"))]

    def final(self, booster: Any, given: Given, n_rounds: int, *, is_best_used: bool) -> int:
        # LightGBM counts the rounds of an `init_model` too.
        best = int(booster.best_iteration) - max(0, booster.current_iteration() - n_rounds)
        return best - 1 if 0 < best <= n_rounds else n_rounds - 1

    def predict_of(self, booster: Any, given: Given, n_rounds: int, final: int) -> Predict:
        predict: Predict = booster.predict
        return predict

    def n_kept(self, results: Any) -> int:
        lengths = (len(values) for name, values in results.items() if name != "cvbooster")
        return max(lengths, default=0)


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


def _rows_of_sets(given: Given) -> BoostedRows:
    """Return the rows of a training by the names of its `Dataset`s."""
    train_set = given.get("train_set")
    held_out = {name: (_data(one), one.label) for name, one in _sets(given) if one is not train_set}
    return BoostedRows(_data(train_set), held_out)


def _sets(given: Given) -> list[tuple[str, Any]]:
    """Return the evaluation sets of a training with their names."""
    sets = given.get("valid_sets") or ()
    sets = [sets] if isinstance(sets, lightgbm.Dataset) else list(sets)
    names = _listed(given.get("valid_names"))
    return [(names[i] if i < len(names) else f"valid_{i}", one) for i, one in enumerate(sets)]


def _data(dataset: Any) -> Any:
    """Return the rows of a `Dataset`; None of a file, or if LightGBM has freed them."""
    data = getattr(dataset, "data", None)
    return data if hasattr(data, "shape") else None


def _rows_of_fit(given: Given) -> BoostedRows:
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
