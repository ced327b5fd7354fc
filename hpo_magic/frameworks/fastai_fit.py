"""Watches fastai: reports what its recorder logs of each epoch, and may stop at each batch.

While a trial runs, `Learner.fit` has one callback more, which is gone at its end. Results and
random streams stay the same. `fit_one_cycle` and `fine_tune` call `fit`; the trial training of
`lr_find` does too, and is no fit of the cell.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from fastai.callback.core import Callback
from fastai.learner import Learner

from hpo_magic.core.given_values import numbers_in
from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.fit_watch import FitWatch
from hpo_magic.frameworks.method_watch import WatchedMethod
from hpo_magic.frameworks.model_files import is_of


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the fits of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called after each epoch, and after the user's callbacks, with the recorder's numbers.
    guard
        Called before each batch of training and validation. If it raises, the fit ends.
    """
    watch = _Watch(report, guard)
    with _FIT.through(watch.fit):
        yield watch.fits


class _Watch(FitWatch):
    """The fits of one trial."""

    def fit(self, fit: Callable[..., Any], learner: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what `Learner.fit` returns."""
        begun = time.perf_counter()
        reporter = _Reporter(self)
        with self.fitting(), learner.added_cbs([reporter]):
            result = fit(learner, *args, **kwargs)
        if not reporter.tries_rates:
            self._add(learner, reporter, time.perf_counter() - begun)
        return result

    def _add(self, learner: Any, reporter: _Reporter, took_s: float) -> None:
        rows: list[Any] = []
        with suppressed("the rows of a learner could not be read"):
            rows = [learner.dls.train_ds, learner.dls.valid_ds]
        self.fits.append(
            Fit(
                reporter.epochs,
                reporter.final,
                model=learner,
                of_training=lambda metric: metric.startswith("train_"),
                arrays=lambda: rows,
                n_params=sum(one.numel() for one in learner.model.parameters()),
                seconds=took_s,
            )
        )


class _Reporter(Callback):  # type: ignore[misc,unused-ignore]
    """The last callback of a fit.

    Attributes
    ----------
    epochs
        The recorder's numbers of each epoch.
    final
        The index of the epoch whose weights the model has after the fit.
    tries_rates
        Whether it is the trial training of `lr_find`.
    """

    order = 1000  # after the recorder, and after whatever keeps the best weights

    def __init__(self, watch: FitWatch) -> None:
        super().__init__()
        self._watch = watch
        self.epochs: list[dict[str, float]] = []
        self.final = -1
        self.tries_rates = False

    def before_fit(self) -> None:
        """See what kind of fit it is."""
        self.tries_rates = any(
            is_of(one, "fastai.callback.schedule", "LRFinder") for one in self.learn.cbs
        )

    def before_batch(self) -> None:
        """Let the search end the training."""
        self._watch.guard()

    def after_epoch(self) -> None:
        """Report the epoch."""
        if self.tries_rates:
            return
        recorder = self.learn.recorder
        values = recorder.values[-1] if recorder.values else ()
        metrics = numbers_in(dict(zip(recorder.metric_names[1:], values, strict=False)))
        self.epochs.append(metrics)
        for one in self.learn.cbs:
            if not is_of(one, "fastai.callback.tracker", "SaveModelCallback"):
                continue
            if not (one.every_epoch or one.at_end) and one.new_best:
                self.final = len(self.epochs) - 1  # it puts the best weights back at the end
        self._watch.epoch_ended(metrics, max(0, self.learn.n_epoch - 1 - self.learn.epoch))


_FIT = WatchedMethod(Learner, "fit")
