"""What the hooks of all training libraries share: counting steps, reporting them, ending a fit."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from hpo_magic.core.ports import Fit, Report

# Between two guards of a library that trains thousands of rounds a second.
GUARD_EVERY_S = 0.1
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
        self.guard_sometimes()

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
