"""Watches Keras's `fit`: reports each epoch, and may stop the training at each batch.

While a trial runs, `keras.Model.fit` is replaced. The replacement appends one callback to the
user's and sets `verbose=0` if the user did not set it. It does not change the result, the history,
the order of the callbacks or the random streams. Sequential, functional and subclassed models of
every backend use `keras.Model.fit`; so does a model whose own `fit` calls `super().fit`.
"""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from hpo_magic.core.cannot_wait import cannot_wait
from hpo_magic.core.given_values import numbers_in, only_element
from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.fit_watch import FitWatch
from hpo_magic.frameworks.fitted_to import note_fit
from hpo_magic.frameworks.keras_files import why_files_are_shared
from hpo_magic.frameworks.keras_row_scores import (
    inputs_of_fit,
    order_of,
    outcomes_of_fit,
    validation_rows,
)
from hpo_magic.frameworks.method_watch import WatchedMethod


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the fits of this thread; yield the list to which each complete fit is appended.

    Parameters
    ----------
    report
        Called after each epoch with all logged metrics, after the user's callbacks. Steps count the
        epochs of the whole cell from 1, so that two fits of a cell make one learning curve.
        `n_steps` is the last step that the running fit plans; early stopping may end it before. A
        fit inside another one (in a callback) is not reported.
    guard
        Called before each batch of training and validation and after each epoch. If it raises, the
        fit ends and is not appended.

    Notes
    -----
    Fits in other threads are not watched. Watches may be nested; the inner one gets the fits.
    """
    watch = _Watch(report, guard)
    with _FIT.through(watch.run):
        yield watch.fits


class _Watch(FitWatch):
    """The fits of one trial."""

    def run(self, fit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `fit(*args, **kwargs)` returns; `args` begin with the model."""
        try:
            call = _SIGNATURE.bind(*args, **kwargs)
        except TypeError:
            return fit(*args, **kwargs)  # Keras says what is wrong with the arguments
        callbacks = _flat(call.arguments.get("callbacks"))
        if any(isinstance(callback, _Reporter) for callback in callbacks):
            return fit(*args, **kwargs)  # somebody wrapped our `fit`: this call is watched already
        reporter = _Reporter(self)
        note_fit(call.arguments.get("y"), call.arguments.get("x"))
        begun = time.perf_counter()
        with (
            self.fitting(),
            _joined(call, callbacks, reporter),
            self._ended(callbacks, reporter),
            cannot_wait(why_files_are_shared(callbacks)),
        ):
            result = _silent(fit, call)
        took_s = time.perf_counter() - begun
        if reporter.epochs:
            final = _final(callbacks, reporter.numbers)
            model, rows = call.args[0], validation_rows(call.arguments)
            seen = Fit(
                reporter.epochs,
                final,
                result,
                model,
                arrays=inputs_of_fit(call.arguments.get("x"), rows[0] if rows else None),
                n_params=int(model.count_params()) if model.built else None,
                seconds=took_s,
            )
            if rows is not None:
                order = order_of(call.arguments)
                found = outcomes_of_fit(model, *rows, reporter.epochs[final], order)
                seen = replace(seen, row_scores=found)
            self.fits.append(seen)
        return result

    @contextlib.contextmanager
    def _ended(self, callbacks: Sequence[Any], reporter: _Reporter) -> Iterator[None]:
        """End the user's callbacks where the search ends the fit, as Keras does at its own end.

        A callback that closes files, deletes a backup or restores weights does so in
        `on_train_end`, which Keras does not call for a fit that an exception ends.
        """
        try:
            yield
        except BaseException as error:
            is_ours = error is self.stop or isinstance(error, KeyboardInterrupt)
            if is_ours and reporter.has_begun:
                logs = dict(reporter.epochs[-1]) if reporter.epochs else {}
                for callback in callbacks:
                    with suppressed("on_train_end of a stopped fit"):  # it may fail on half a fit
                        callback.on_train_end(logs)
            raise


# The base has no types, hence the exemption.
class _Reporter(keras.callbacks.Callback):  # type: ignore[misc]
    """The last callback of a fit: it sees the metrics that the user's callbacks add to the logs.

    It has no method for the end of a batch: with one, JAX would wait for the metrics of each batch.
    """

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch
        self.epochs: list[Mapping[str, float]] = []
        self.numbers: list[int] = []  # of these epochs by Keras's count, from `initial_epoch` on
        self.has_begun = False  # the callbacks before this one have begun their training

    def on_train_begin(self, logs: object = None) -> None:
        self.has_begun = True

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        self._watch.guard()

    def on_test_batch_begin(self, batch: int, logs: object = None) -> None:
        self._watch.guard()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        metrics = numbers_in({name: only_element(value) for name, value in (logs or {}).items()})
        self.epochs.append(metrics)
        self.numbers.append(epoch)
        n_epochs = (self.params or {}).get("epochs")
        self._watch.epoch_ended(metrics, None if n_epochs is None else n_epochs - 1 - epoch)


def _flat(callbacks: Any) -> list[Any]:
    """Return callbacks as a list; a user may give one, a nested list or a `CallbackList`."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return list(keras.tree.flatten(callbacks)) if callbacks else []


@contextlib.contextmanager
def _joined(
    call: inspect.BoundArguments, callbacks: Sequence[Any], reporter: _Reporter
) -> Iterator[None]:
    """Append the reporter to the callbacks of a call; the user's own list stays unchanged."""
    given = call.arguments.get("callbacks")
    if not isinstance(given, keras.callbacks.CallbackList):
        call.arguments["callbacks"] = [*callbacks, reporter]
        yield
        return
    given.callbacks.append(reporter)  # Keras takes such a list as it is, and so must we
    try:
        yield
    finally:
        given.callbacks.remove(reporter)


def _silent(fit: Callable[..., Any], call: inspect.BoundArguments) -> Any:
    """Call `fit`, with `verbose=0` if the user did not set it; the history does not show that."""
    said = call.arguments.get("verbose", "auto")
    if said != "auto":
        return fit(*call.args, **call.kwargs)
    call.arguments["verbose"] = 0
    result = fit(*call.args, **call.kwargs)
    params = getattr(result, "params", None)
    if isinstance(params, dict) and "verbose" in params:
        params["verbose"] = said
    return result


def _final(callbacks: Sequence[Any], numbers: Sequence[int]) -> int:
    """Return the index of the epoch whose weights the model has after the fit.

    Keras 3 restores at the end of every fit, whether or not it stopped early, the weights of the
    best epoch from `start_from_epoch` on (`EarlyStopping.on_train_end`); of several such callbacks
    the last one wins. No other callback of Keras puts back the weights of an earlier epoch.
    """
    final = len(numbers) - 1
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.EarlyStopping):
            continue
        is_restored = callback.restore_best_weights and callback.best_weights is not None
        if is_restored and callback.best_epoch in numbers:
            final = numbers.index(callback.best_epoch)
    return final


# Of the backend's own `fit`: another library that wraps `Model.fit` may have lost the signature.
_SIGNATURE = inspect.signature(super(keras.Model, keras.Model).fit)

_FIT = WatchedMethod(keras.Model, "fit")
