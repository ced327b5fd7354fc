"""Watches CatBoost: reports what each round measured, and may stop the training at each round.

A callback is added to those of `fit`, which `catboost.train` calls too. It changes neither the
results nor the random streams. A round is called `validation-Logloss`: CatBoost's names of the set
and of the metric. CatBoost takes callbacks on the CPU only, and none in `catboost.cv`: trainings on
a graphics card and cross-validations are not watched.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import catboost
import numpy as np

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows, rows_or_none
from hpo_magic.frameworks.fit_watch import FitWatch, RoundReporter, is_part_of_another
from hpo_magic.frameworks.method_watch import WatchedMethod


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the trainings of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called for the first rounds and then ever more seldom (`RoundReporter`).
    guard
        Called at most 50 times a second, after a round. If it raises, the training ends.
    """
    watch = _Watch(report, guard)
    with contextlib.ExitStack() as stack:
        for fit in _FITS:
            stack.enter_context(fit.through(watch.fit))
        yield watch.fits


class _Watch(FitWatch):
    """The trainings of one trial."""

    def fit(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `fit(*args, **kwargs)` returns; `args[0]` is the model."""
        try:
            call = inspect.signature(fit).bind(*args, **kwargs)
        except TypeError:
            return fit(*args, **kwargs)  # CatBoost says what is wrong with the arguments
        model = args[0]
        others = call.arguments.get("callbacks")
        if self._depth or str(model.get_param("task_type") or "CPU").upper() == "GPU":
            return fit(*args, **kwargs)  # of a class whose `fit` calls that of its base
        begun = time.perf_counter()
        reporter = RoundReporter(self, model.get_params().get("iterations", 1000), dict)
        ours = _Callback(reporter)
        call.arguments["callbacks"] = [*_listed(others), ours]
        with self.fitting():
            result = fit(*call.args, **call.kwargs)
            if ours.stop is not None:
                raise ours.stop
            reporter.close()
        rounds = reporter.rounds
        rows = rows_or_none(_rows_of, call.arguments)
        n_kept = model.tree_count_
        final = n_kept - 1 if 0 < n_kept <= len(rounds) else len(rounds) - 1
        predict = getattr(model, "predict_proba", model.predict)
        self.fits.append(
            Fit(
                rounds,
                final,
                model=None if is_part_of_another("catboost") else model,
                row_scores=rows.scores_by(predict, rounds[final] if rounds else {}),
                arrays=rows.arrays,
                seconds=time.perf_counter() - begun,
            )
        )
        return result


class _Callback:
    """What CatBoost calls after each round.

    It turns an exception of a callback into one of its own, so that ours is kept until it returns.
    """

    def __init__(self, reporter: RoundReporter) -> None:
        self._reporter = reporter
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
            self._reporter.add(found)
        except BaseException as stop:  # noqa: BLE001  (raised again when CatBoost has returned)
            self.stop = stop
        return self.stop is None


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
