"""Watches XGBoost: reports what each round measured, and may stop the training at each round.

A callback is added to those of `xgboost.train` and `xgboost.cv`, which the scikit-learn classes
call too. It changes neither the results nor the random streams. A round is called `val-auc`: the
set's name and the metric's, as XGBoost prints them; `test-auc-mean` in a cross-validation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import xgboost
from xgboost.callback import EarlyStopping, TrainingCallback

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows, rows_or_none
from hpo_magic.frameworks.boosting_watch import Given, Predict, TrainWatch, watched_by
from hpo_magic.frameworks.method_watch import WatchedFunction, WatchedMethod
from hpo_magic.frameworks.rounds import RoundReporter, Rounds


def watched_fits(report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
    """Watch the trainings of a context; return it with the list of the complete ones.

    Parameters
    ----------
    report
        Called for the first rounds and then ever more seldom (`RoundReporter`), as a report costs
        as much as a small round. Rounds are counted over all trainings of the cell.
    guard
        Called seven times a second, before a round. If it raises, the training ends.
    """
    return watched_by(_Watch(report, guard), _TRAIN, _CV, _FITS)


class _Logged:
    """What XGBoost has logged in a training: by set and metric the value of each round.

    In a cross-validation a value is a pair, mean and standard deviation over the folds.
    """

    def __init__(self) -> None:
        self.log: Mapping[str, Mapping[str, Sequence[Any]]] = {}

    def metrics_of(self, k: int) -> dict[str, float]:
        """Return the metrics of a round, counted from 0."""
        found: dict[str, float] = {}
        for name, metrics in self.log.items():
            for metric, values in metrics.items():
                if isinstance(values[k], tuple):
                    found[f"{name}-{metric}-mean"] = float(values[k][0])
                else:
                    found[f"{name}-{metric}"] = float(values[k])
        return found

    def n_rounds(self) -> int | None:
        """Return how many rounds were logged; None without an evaluation set."""
        lengths = [len(values) for of in self.log.values() for values in of.values()]
        return max(lengths, default=None)

    def keep(self) -> None:
        """Copy the log, which XGBoost gives to the user too."""
        self.log = {name: {m: list(v) for m, v in of.items()} for name, of in self.log.items()}


# The base may have no types, hence the exemption.
class _Callback(TrainingCallback):  # type: ignore[misc,unused-ignore]
    """What XGBoost calls before each round.

    A round is taken at the beginning of the next one: then the user's callbacks have seen it. After
    a round a callback that ends the training may keep XGBoost from asking ours, whose place among
    the others is not defined in XGBoost 2.
    """

    def __init__(self, reporter: RoundReporter, logged: _Logged, n_rounds: int) -> None:
        super().__init__()
        self._add, self._logged, self._n_rounds = reporter.add, logged, n_rounds
        self._n_begun = 0

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self._logged.log = evals_log  # the same one at each round
        if self._n_begun:
            self._add(self._n_begun - 1, self._n_rounds)
        self._n_begun += 1
        return False

    def take_last(self) -> None:
        """Take the last round, if there was one: a callback may end a training before a round."""
        n_logged = self._logged.n_rounds()
        if self._n_begun and self._n_begun == (n_logged or self._n_begun):
            self._add(self._n_begun - 1, self._n_rounds)


class _Watch(TrainWatch):
    """The trainings of one trial."""

    library = "xgboost"
    callback = _Callback

    @contextlib.contextmanager
    def reported(self, given: dict[str, Any]) -> Iterator[Rounds]:
        logged = _Logged()
        reporter = RoundReporter(self, logged.metrics_of)
        ours = _Callback(reporter, logged, given.get("num_boost_round", 10))
        given["callbacks"] = [ours, *(given.get("callbacks") or ())]
        with reporter.until_the_end() as rounds:
            yield rounds
            ours.take_last()
        logged.keep()

    def rows_of(self, given: Given, of_fit: Given | None) -> BoostedRows:
        """Return the evaluation sets as the matrices that the model predicts."""
        sets = given.get("evals") or ()
        if of_fit is not None:
            arrays = rows_or_none(_rows_of_fit, of_fit).arrays
        else:
            arrays = _read_later([given.get("dtrain"), *(one for one, _ in sets)])
        return rows_or_none(
            lambda _: BoostedRows(None, {name: (m, m.get_label()) for m, name in sets}, arrays),
            given,
        )

    def names_of_training(self, given: Given) -> Sequence[str]:
        return [name for one, name in given.get("evals") or () if one is given.get("dtrain")]

    def arrays_of_cv(self, given: Given) -> Sequence[Any]:
        return _read_later([given.get("dtrain")])()

    def final(self, booster: Any, given: Given, n_rounds: int, *, is_best_used: bool) -> int:
        """Return the index of the round up to which the model predicts.

        After early stopping the scikit-learn classes predict up to the best round. A `Booster`
        predicts with all its rounds, unless `EarlyStopping(save_best=True)` has cut it.
        """
        is_cut = any(
            isinstance(one, EarlyStopping) and one.save_best for one in given.get("callbacks") or ()
        )
        best = booster.attr("best_iteration")
        if best is None or not (is_cut or is_best_used):
            return n_rounds - 1
        found = int(best) - _n_before(booster, given, n_rounds)
        return found if 0 <= found < n_rounds else n_rounds - 1

    def predict_of(self, booster: Any, given: Given, n_rounds: int, final: int) -> Predict:
        end = _n_before(booster, given, n_rounds) + final + 1
        return lambda matrix: booster.predict(matrix, iteration_range=(0, end))

    def n_kept(self, results: Any) -> int:
        return len(results) if not isinstance(results, dict) else max(map(len, results.values()))


def _n_before(booster: Any, given: Given, n_rounds: int) -> int:
    """Return how many rounds the model had before the training, which went on with them."""
    before = given.get("xgb_model")
    if before is None:
        return 0
    if isinstance(before, xgboost.XGBModel):
        before = before.get_booster()
    if isinstance(before, xgboost.Booster):
        return int(before.num_boosted_rounds())
    return max(0, int(booster.num_boosted_rounds()) - n_rounds)  # a file


def _read_later(matrices: Sequence[Any]) -> Callable[[], list[Any]]:
    """Return a function that returns the rows; a `QuantileDMatrix` has them in bins only."""
    return lambda: [one.get_data() for one in matrices if type(one) is xgboost.DMatrix]


def _rows_of_fit(given: Given) -> BoostedRows:
    sets = given.get("eval_set") or ()
    return BoostedRows(given.get("X"), {str(i): (x, y) for i, (x, y) in enumerate(sets)})


_TRAIN = WatchedFunction(xgboost.training.train)
_CV = WatchedFunction(xgboost.training.cv)
_FITS = [
    WatchedMethod(kind, "fit")
    for kind in (xgboost.XGBModel, xgboost.XGBClassifier, xgboost.XGBRanker)
]
