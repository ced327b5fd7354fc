"""What the hooks of LightGBM, XGBoost and CatBoost share: a training is a fit with rounds.

LightGBM and XGBoost have functions `train` and `cv`, and scikit-learn classes whose `fit` calls
`train`. CatBoost has `fit` alone.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.boosted_rows import BoostedRows
from hpo_magic.frameworks.fit_watch import FitWatch, is_part_of_another
from hpo_magic.frameworks.fitted_to import note_fit
from hpo_magic.frameworks.rounds import Rounds

Given = Mapping[str, Any]
Predict = Callable[[Any], Any]


class BoostingWatch(FitWatch):
    """The trainings of one trial by a boosting library."""

    library: str  # its package

    def add_fit(
        self,
        begun: float,
        rounds: Rounds,
        final: int,
        model: Any,
        rows: BoostedRows,
        predict: Predict,
        of_training: Callable[[str], bool],
    ) -> None:
        """Add a training that began at `begun` and left a model that predicts up to `final`."""
        self.fits.append(
            Fit(
                rounds,
                final,
                model=None if is_part_of_another(self.library) else model,
                row_scores=rows.scores_by(predict, rounds[final] if rounds else {}),
                of_training=of_training,
                arrays=rows.arrays,
                seconds=time.perf_counter() - begun,
            )
        )


class TrainWatch(BoostingWatch):
    """The trainings of one trial by a library with `train`, `cv` and scikit-learn classes."""

    callback: type  # of ours

    def __init__(self, report: Report, guard: Callable[[], None]) -> None:
        super().__init__(report, guard)
        self._owner: tuple[Any, Given] | None = None  # whose `fit` runs, and its arguments

    def train(self, train: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the library's `train(*args, **kwargs)` returns."""
        call = self._call(train, args, kwargs)
        if call is None:
            return train(*args, **kwargs)
        begun, owner = time.perf_counter(), self._owner
        rows = self.rows_of(call.arguments, owner[1] if owner else None)
        with self.fitting(), self.reported(call.arguments) as rounds:
            booster = train(*call.args, **call.kwargs)
        final = self.final(booster, call.arguments, len(rounds), is_best_used=owner is not None)
        predict = self.predict_of(booster, call.arguments, len(rounds), final)
        names = tuple(f"{name}-" for name in self.names_of_training(call.arguments))
        self.add_fit(
            begun,
            rounds,
            final,
            owner[0] if owner else booster,
            rows,
            predict,
            lambda metric: metric.startswith(names),
        )
        return booster

    def cv(self, cv: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the library's `cv(*args, **kwargs)` returns; it leaves no one model."""
        call = self._call(cv, args, kwargs)
        if call is None:
            return cv(*args, **kwargs)
        begun = time.perf_counter()
        arrays = self.arrays_of_cv(call.arguments)
        with self.fitting(), self.reported(call.arguments) as rounds:
            results = cv(*call.args, **call.kwargs)
        final, took_s = self.n_kept(results) - 1, time.perf_counter() - begun
        self.fits.append(
            Fit(
                rounds,
                final,
                of_training=lambda metric: metric.startswith("train"),
                arrays=lambda: arrays,
                seconds=took_s,
            )
        )
        return results

    def estimator(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what the `fit` of a scikit-learn class returns; its `train` is watched."""
        given = arguments(fit, args, kwargs)
        if given is None:
            return fit(*args, **kwargs)
        if not is_part_of_another(self.library):
            note_fit(given.arguments.get("y"))
        outside, self._owner = self._owner, (args[0], given.arguments)
        try:
            return fit(*args, **kwargs)
        finally:
            self._owner = outside

    def _call(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Given
    ) -> inspect.BoundArguments | None:
        """Return a call's arguments; None if it is wrong, or watched already."""
        call = arguments(function, args, kwargs)
        callbacks = (call.arguments.get("callbacks") if call else None) or ()
        return None if any(isinstance(one, self.callback) for one in callbacks) else call

    @abstractmethod
    def reported(self, given: dict[str, Any]) -> contextlib.AbstractContextManager[Rounds]:
        """Add our callback to those among the arguments; the user's own list stays unchanged."""

    @abstractmethod
    def rows_of(self, given: Given, of_fit: Given | None) -> BoostedRows:
        """Return the rows of `train(**given)`, called by `fit(**of_fit)` or by the user."""

    @abstractmethod
    def names_of_training(self, given: Given) -> Sequence[str]:
        """Return the names of the evaluation sets that `train(**given)` also trains on."""

    @abstractmethod
    def arrays_of_cv(self, given: Given) -> Sequence[Any]:
        """Return the rows of `cv(**given)`."""

    @abstractmethod
    def final(self, booster: Any, given: Given, n_rounds: int, *, is_best_used: bool) -> int:
        """Return the index of the round up to which the model predicts."""

    @abstractmethod
    def predict_of(self, booster: Any, given: Given, n_rounds: int, final: int) -> Predict:
        """Return what predicts with the rounds up to `final`, of an evaluation set."""

    @abstractmethod
    def n_kept(self, results: Any) -> int:
        """Return how many rounds are in what `cv` returned."""


def arguments(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Given
) -> inspect.BoundArguments | None:
    """Return a call's arguments by name; None if they are wrong, as the library will say."""
    try:
        return inspect.signature(inspect.unwrap(function)).bind(*args, **kwargs)
    except TypeError:
        return None


@contextlib.contextmanager
def watched_by(watch: TrainWatch, train: Any, cv: Any, fits: Sequence[Any]) -> Iterator[list[Fit]]:
    """Have the calls of a library pass through a watch; yield its list of fits.

    Parameters
    ----------
    watch
        The trial's.
    train, cv, fits
        The library's functions, and the `fit` of its classes, as `method_watch.WatchedCall`s.
    """
    with train.through(watch.train), cv.through(watch.cv), contextlib.ExitStack() as stack:
        for fit in fits:
            stack.enter_context(fit.through(watch.estimator))
        yield watch.fits
