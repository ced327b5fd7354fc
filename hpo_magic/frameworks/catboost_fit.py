"""Watches CatBoost: reports what each round measured, and may stop the training at each round.

A callback is added to those of `fit`, which `catboost.train` calls too. It changes neither the
results nor the random streams. A round is called `validation-Logloss`: CatBoost's names of the set
and of the metric. CatBoost takes callbacks on the CPU only, and none in `catboost.cv`: trainings on
a graphics card and cross-validations are not watched.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import catboost
import numpy as np

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows, rows_or_none
from hpo_magic.frameworks.boosting_watch import BoostingWatch, arguments
from hpo_magic.frameworks.fit_watch import is_part_of_another
from hpo_magic.frameworks.fitted_to import note_fit
from hpo_magic.frameworks.method_watch import WatchedMethod
from hpo_magic.frameworks.rounds import RoundReporter

_ROUNDS = ("iterations", "num_boost_round", "n_estimators", "num_trees")  # CatBoost's names


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the trainings of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called for the first rounds and then ever more seldom (`RoundReporter`).
    guard
        Called seven times a second, after a round. If it raises, the training ends.
    """
    watch = _Watch(report, guard)
    with contextlib.ExitStack() as stack:
        for fit in _FITS:
            stack.enter_context(fit.through(watch.fit))
        yield watch.fits


class _Watch(BoostingWatch):
    """The trainings of one trial."""

    library = "catboost"

    def fit(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `fit(*args, **kwargs)` returns; `args[0]` is the model."""
        call = arguments(fit, args, kwargs)
        if call is None or self._depth or _is_on_gpu(args[0]):
            return fit(*args, **kwargs)  # with depth: of a class whose `fit` calls its base's
        if not is_part_of_another(self.library):
            note_fit(call.arguments.get("y"))
        begun, model = time.perf_counter(), args[0]
        reporter = RoundReporter(self, dict)
        ours = _Callback(reporter, _n_rounds(model))
        call.arguments["callbacks"] = [*_listed(call.arguments.get("callbacks")), ours]
        with self.fitting(), reporter.until_the_end():
            result = fit(*call.args, **call.kwargs)
            if ours.stop is not None:
                raise ours.stop
        n, n_kept = len(reporter.rounds), model.tree_count_
        final = n_kept - 1 if 0 < n_kept <= n else n - 1
        rows = rows_or_none(_rows_of, call.arguments)
        predict = getattr(model, "predict_proba", model.predict)
        self.add_fit(begun, reporter.rounds, final, model, rows, predict, _is_of_training)
        return result


class _Callback:
    """What CatBoost calls after each round.

    It turns an exception of a callback into one of its own, so that ours is kept until it returns.
    """

    def __init__(self, reporter: RoundReporter, n_rounds: int) -> None:
        self._reporter, self._n_rounds = reporter, n_rounds
        self.stop: BaseException | None = None

    def after_iteration(self, info: Any) -> bool:
        """Take the round; return whether the training goes on."""
        found = {
            f"{name}-{metric}": float(values[-1])
            for name, metrics in info.metrics.items()
            for metric, values in metrics.items()
            if len(values)
        }
        try:
            self._reporter.add(found, self._n_rounds)
        except BaseException as stop:  # noqa: BLE001  (raised again when CatBoost has returned)
            self.stop = stop
        return self.stop is None


def _is_on_gpu(model: Any) -> bool:
    return str(model.get_param("task_type") or "CPU").upper() == "GPU"


def _is_of_training(metric: str) -> bool:
    return metric.startswith("learn-")


def _n_rounds(model: Any) -> int:
    """Return how many rounds a model plans; 1,000 is CatBoost's default."""
    given = model.get_params()
    return int(next((given[name] for name in _ROUNDS if name in given), 1000))


def _rows_of(given: Mapping[str, Any]) -> BoostedRows:
    """Return the rows of a training by CatBoost's names of its evaluation sets."""
    sets = given.get("eval_set")
    sets = sets if isinstance(sets, list) else [] if sets is None else [sets]
    names = ["validation"] if len(sets) == 1 else [f"validation_{i}" for i in range(len(sets))]
    pairs = [(one, one.get_label()) if isinstance(one, catboost.Pool) else one for one in sets]
    held_out = {name: (_known(x), y) for name, (x, y) in zip(names, pairs, strict=True)}
    return BoostedRows(_known(given.get("X")), held_out)


def _known(x: Any) -> Any:
    """Return rows as an array or a table; None of a file, or of a `Pool` with categories."""
    if isinstance(x, catboost.Pool):
        return None if x.get_cat_feature_indices() else np.asarray(x.get_features())
    return x if hasattr(x, "shape") else None


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]


_FITS = [
    WatchedMethod(kind, "fit")
    for kind in (
        catboost.CatBoost,
        catboost.CatBoostClassifier,
        catboost.CatBoostRegressor,
        catboost.CatBoostRanker,
    )
]
