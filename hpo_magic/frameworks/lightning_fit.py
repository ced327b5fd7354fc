"""Watches Lightning: reports what was logged in each epoch, and may stop the training at a batch.

While a trial runs, `Trainer.fit` appends one callback to the trainer's and takes it away at its
end. It changes neither the results nor the random streams. `Trainer.validate` measures the model as
it is then, so what it logs is a value too: after `ckpt_path="best"` that of the best checkpoint.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

from hpo_magic.core.given_values import numbers_in
from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.fit_watch import FitWatch
from hpo_magic.frameworks.method_watch import WatchedMethod


@contextlib.contextmanager
def watched_fits(
    modules: Sequence[ModuleType], report: Report, guard: Callable[[], None]
) -> Iterator[list[Fit]]:
    """Watch the fits of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    modules
        Those of Lightning's modules that are imported.
    report
        Called after each epoch with the metrics that Lightning's own callbacks can monitor.
    guard
        Called before each batch of training and validation. If it raises, the fit ends.
    """
    watch = _Watch(report, guard)
    with contextlib.ExitStack() as stack:
        for module in modules:
            fit, validate = _watched(module.Trainer)
            stack.enter_context(fit.through(watch.fit))
            stack.enter_context(validate.through(watch.validate))
        yield watch.fits


@lru_cache
def _watched(trainer: type) -> tuple[WatchedMethod, WatchedMethod]:
    return WatchedMethod(trainer, "fit"), WatchedMethod(trainer, "validate")


class _Watch(FitWatch):
    """The fits of one trial."""

    def fit(self, fit: Callable[..., Any], trainer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what `Trainer.fit` returns."""
        begun = time.perf_counter()
        reporter = _reporter(trainer)(self)
        trainer.callbacks.append(reporter)
        try:
            with self.fitting():
                result = fit(trainer, *args, **kwargs)
        finally:
            trainer.callbacks[:] = [one for one in trainer.callbacks if one is not reporter]
        self._add(trainer, reporter.epochs, time.perf_counter() - begun)
        return result

    def validate(self, validate: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `Trainer.validate` returns, and take it for the model's metrics."""
        result = validate(*args, **kwargs)
        metrics: dict[str, float] = {}
        for one in result or ():
            metrics |= numbers_in(one)
        if metrics and not self._depth:
            self._add(args[0], [metrics], None)
        return result

    def _add(self, trainer: Any, epochs: Sequence[dict[str, float]], took_s: float | None) -> None:
        module = trainer.lightning_module
        loaders = [trainer.train_dataloader, trainer.val_dataloaders]
        n_params = None
        with suppressed("the size of a module could not be told"):
            n_params = sum(one.numel() for one in module.parameters())
        self.fits.append(
            Fit(
                epochs,
                model=module,
                of_training=lambda metric: metric.startswith("train"),
                arrays=lambda: [one for one in loaders if one is not None],
                n_params=n_params,
                seconds=took_s,
            )
        )


@lru_cache
def _reporter_of(base: type) -> type:
    """Return our callback as a subclass of a package's `Checkpoint`.

    Lightning calls those after all other callbacks and hooks, so that they see what these logged.
    """

    class Reporter(base):  # type: ignore[misc,valid-type,unused-ignore]
        """The last callback of a fit."""

        def __init__(self, watch: FitWatch) -> None:
            super().__init__()
            self._watch = watch
            self.epochs: list[dict[str, float]] = []

        def on_train_batch_start(self, *args: Any, **kwargs: Any) -> None:
            self._watch.guard()

        def on_validation_batch_start(self, *args: Any, **kwargs: Any) -> None:
            self._watch.guard()

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            self.epochs.append(numbers_in(trainer.callback_metrics))
            self._watch.epoch_ended(self.epochs[-1], _n_left(trainer))

    return Reporter


def _reporter(trainer: Any) -> Any:
    """Return the class of our callback for a trainer of either package."""
    kind = next(one for one in type(trainer).__mro__ if one.__name__ == "Trainer")
    module = __import__(f"{kind.__module__.partition('.trainer')[0]}.callbacks", fromlist=["_"])
    return _reporter_of(module.Checkpoint)


def _n_left(trainer: Any) -> int | None:
    """Return how many epochs are planned after this one; None: unknown."""
    if trainer.max_epochs is None or trainer.max_epochs < 0 or trainer.max_steps not in (-1, None):
        return None
    return max(0, int(trainer.max_epochs) - 1 - int(trainer.current_epoch))
