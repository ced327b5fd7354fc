"""What the hooks of all training libraries share: counting steps, reporting them, ending a fit."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

from hpo_magic.core.ports import Fit, Report

# Between two guards of a library that trains thousands of rounds a second.
GUARD_EVERY_S = 0.02
# Of such a library the first rounds are reported, then each that is so much later than the last.
# A thousand rounds are 34 reports: what the pruner does at each costs as much as some rounds.
SPARSER_BY = 1.2
# A caller in one of these fits a model as a part of its own: a pipeline, a search, an ensemble.
_COMPOSING = ("sklearn", "imblearn", "mapie")
_OURS = ("hpo_magic", "functools", "contextlib", "joblib")


class FitWatch:
    """The fits of one trial by one library.

    Parameters
    ----------
    report, guard
        As in `core.ports.Framework.watch`.

    Attributes
    ----------
    fits
        Those that ended, in their order.
    stop
        The exception by which the search ended a training; None: it did not.
    """

    def __init__(self, report: Report, guard: Callable[[], None]) -> None:
        self.fits: list[Fit] = []
        self.stop: BaseException | None = None
        self._report, self._guard = report, guard
        self._step = 0
        self._depth = 0
        self._guarded_at = 0.0

    @property
    def n_steps(self) -> int:
        """The epochs of the cell so far."""
        return self._step

    @contextlib.contextmanager
    def fitting(self) -> Iterator[None]:
        """Count the fits that are inside each other: the inner ones are not reported."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def epoch_ended(self, metrics: Mapping[str, float], n_left: int | None = None) -> None:
        """Report the next epoch of the cell, if it is one of the outermost fit.

        `n_left` more are planned; None: unknown.
        """
        self.round_ended(self._step + 1, metrics, n_left)

    def round_ended(self, step: int, metrics: Mapping[str, float], n_left: int | None) -> None:
        """Report an epoch by its number, counted over all fits of the cell from 1."""
        if self._depth == 1:
            self._step = step
            if metrics:
                with self._stops():
                    self._report(step, metrics, None if n_left is None else step + n_left)
        self.guard()

    def guard(self) -> None:
        """Let the search end the training here."""
        with self._stops():
            self._guard()

    def guard_sometimes(self) -> None:
        """Do so if the last guard was a moment ago."""
        now = time.monotonic()
        if now - self._guarded_at >= GUARD_EVERY_S:
            self._guarded_at = now
            self.guard()

    @contextlib.contextmanager
    def _stops(self) -> Iterator[None]:
        """Remember the exception by which the search ends a training."""
        try:
            yield
        except BaseException as stop:
            self.stop = stop
            raise


class Rounds(Sequence[Mapping[str, float]]):
    """The metrics of each round; read from what the library gave only when they are asked for.

    Parameters
    ----------
    metrics_of
        Returns the metrics by name from what the library gave for a round.
    """

    def __init__(self, metrics_of: Callable[[Any], Mapping[str, float]]) -> None:
        self._given: list[Any] = []
        self._metrics_of = metrics_of

    def append(self, given: Any) -> None:
        """Add what the library gave for a round."""
        self._given.append(given)

    def __len__(self) -> int:
        return len(self._given)

    @overload
    def __getitem__(self, place: int) -> Mapping[str, float]: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Mapping[str, float]]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self._metrics_of(one) for one in self._given[place]]
        return self._metrics_of(self._given[place])


class RoundReporter:
    """Collects the rounds of one fast fit, and reports some of them: the first ones, then fewer.

    Which ones depends on their number alone, so that the curves of all trials have the same steps.

    Parameters
    ----------
    watch
        The trial's.
    n_rounds
        How many are planned; None: unknown.
    metrics_of
        As in `Rounds`.

    Attributes
    ----------
    rounds
        The metrics of each round.
    """

    def __init__(
        self,
        watch: FitWatch,
        n_rounds: int | None,
        metrics_of: Callable[[Any], Mapping[str, float]],
    ) -> None:
        self.rounds = Rounds(metrics_of)
        self._watch, self._n_rounds = watch, n_rounds
        self._next = 1  # the round that is reported next
        self._before = watch.n_steps

    def add(self, given: Any) -> None:
        """Take what the library gave for a round."""
        self.rounds.append(given)
        n = len(self.rounds)
        if n < self._next and n != self._n_rounds:
            self._watch.guard_sometimes()
            return
        self._next = max(n + 1, int(n * SPARSER_BY))
        self._report(n)

    def close(self) -> None:
        """Report the last round, if it was not."""
        n = len(self.rounds)
        if n and self._watch.n_steps < self._before + n:
            self._report(n)

    def _report(self, n: int) -> None:
        n_left = None if self._n_rounds is None else max(0, self._n_rounds - n)
        self._watch.round_ended(self._before + n, self.rounds[-1], n_left)


def is_part_of_another(library: str) -> bool:
    """Return whether the running fit was called by an estimator that is made of several.

    Parameters
    ----------
    library
        The package whose fit it is: its own frames do not count.
    """
    frame = sys._getframe(1)
    while frame is not None:
        top = frame.f_globals.get("__name__", "").partition(".")[0]
        if top not in (*_OURS, library):
            return top in _COMPOSING
        frame = frame.f_back  # type: ignore[assignment]
    return False
