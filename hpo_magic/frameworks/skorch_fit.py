"""Watches skorch: reports what each epoch wrote into the history, and may stop at each batch.

While a trial runs, `NeuralNet.notify`, by which skorch calls its callbacks, passes through ours,
and so does `partial_fit`, which `fit` calls. Results, callbacks and random streams stay the same.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Checkpoint, EarlyStopping

from hpo_magic.core.given_values import numbers_in
from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.fit_watch import FitWatch, is_part_of_another
from hpo_magic.frameworks.method_watch import WatchedMethod

# What skorch writes into its history beside metrics.
_NO_METRICS = ("epoch", "dur", "train_batch_count", "valid_batch_count")


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the fits of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called after each epoch, and after the user's callbacks, with the numbers of the history.
    guard
        Called before each batch. If it raises, the fit ends.
    """
    watch = _Watch(report, guard)
    with _FIT.through(watch.fit), _NOTIFY.through(watch.notify):
        yield watch.fits


class _Watch(FitWatch):
    """The fits of one trial."""

    def __init__(self, report: Report, guard: Callable[[], None]) -> None:
        super().__init__(report, guard)
        self._epochs: list[Mapping[str, float]] = []
        self._n_epochs: int | None = None

    def fit(self, fit: Callable[..., Any], net: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what `partial_fit` returns."""
        if self._depth:
            return fit(net, *args, **kwargs)
        begun = time.perf_counter()
        self._epochs, self._n_epochs = [], kwargs.get("epochs", net.max_epochs)
        with self.fitting():
            result = fit(net, *args, **kwargs)
        self.guard()  # skorch ends a fit without a word at an interrupt
        x = args[0] if args else kwargs.get("X")
        self.fits.append(
            Fit(
                self._epochs,
                _final(net, len(self._epochs)),
                model=None if is_part_of_another("skorch") else net,
                of_training=lambda metric: metric.startswith("train_"),
                arrays=lambda: _rows_of(net, x),
                n_params=sum(one.numel() for one in net.module_.parameters()),
                seconds=time.perf_counter() - begun,
            )
        )
        return result

    def notify(
        self, notify: Callable[..., Any], net: Any, method_name: str, *args: Any, **kwargs: Any
    ) -> Any:
        """Return what `notify` returns, after the callbacks were called."""
        result = notify(net, method_name, *args, **kwargs)
        if method_name == "on_batch_begin":
            self.guard()
        elif method_name == "on_epoch_end" and self._depth:
            found = numbers_in(dict(net.history[-1]))
            metrics = {
                name: value
                for name, value in found.items()
                if name not in _NO_METRICS and not name.startswith("event_")
            }
            self._epochs.append(metrics)
            n_left = None if self._n_epochs is None else max(0, self._n_epochs - len(self._epochs))
            self.epoch_ended(metrics, n_left)
        return result


def _final(net: Any, n_epochs: int) -> int:
    """Return the index of the epoch whose weights the net has after the fit.

    The history goes on over several calls of `partial_fit`; these were its last `n_epochs`.
    """
    n_before = len(net.history) - n_epochs
    final = n_epochs - 1
    for _, callback in net.callbacks_:
        best = None
        if isinstance(callback, EarlyStopping) and getattr(callback, "load_best", False):
            best = callback.best_epoch_ - 1
        elif isinstance(callback, Checkpoint) and callback.load_best:
            kept = callback.monitor
            saved = [
                k for k, row in enumerate(net.history) if isinstance(kept, str) and row.get(kept)
            ]
            best = saved[-1] if saved else None
        if best is not None and 0 <= best - n_before < n_epochs:
            final = best - n_before
    return final


def _rows_of(net: Any, x: Any) -> list[Any]:
    """Return the rows that a fit trained and validated on; none if it did not validate.

    A part of `x` is the validation data, unless a dataset of its own is.
    """
    if net.train_split is None or x is None:
        return []
    with suppressed("the validation rows of a net could not be read"):
        own = getattr(net.train_split, "args", None) or getattr(net.train_split, "keywords", None)
        held_out = list(own.values()) if isinstance(own, Mapping) else list(own or ())
        return [x, *held_out]
    return [x]


_FIT = WatchedMethod(NeuralNet, "partial_fit")
_NOTIFY = WatchedMethod(NeuralNet, "notify")
