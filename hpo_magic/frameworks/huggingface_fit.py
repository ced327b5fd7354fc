"""Watches the trainer of `transformers`: reports each evaluation, and may stop at each step.

While a trial runs, `Trainer.train` adds one callback behind the trainer's own and takes it away at
its end. It changes neither the results nor the random streams. An evaluation after the training
measures the model as it is then, so what it returns is a value too.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from transformers.trainer import Trainer
from transformers.trainer_callback import TrainerCallback

from hpo_magic.core.given_values import numbers_in
from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Fit, Report
from hpo_magic.frameworks.fit_watch import FitWatch
from hpo_magic.frameworks.method_watch import WatchedMethod

# Rows of a dataset that is a list are compared if there are at most so many.
MOST_ROWS = 200_000


@contextlib.contextmanager
def watched_fits(report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
    """Watch the trainings of this context; yield the list to which each complete one is added.

    Parameters
    ----------
    report
        Called after each evaluation with its metrics and the training loss logged last.
    guard
        Called before each step, also of an evaluation. If it raises, the training ends.
    """
    watch = _Watch(report, guard)
    with _TRAIN.through(watch.train), _EVALUATE.through(watch.evaluate):
        yield watch.fits


class _Watch(FitWatch):
    """The trainings of one trial."""

    def train(self, train: Callable[..., Any], trainer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what `Trainer.train` returns."""
        begun = time.perf_counter()
        reporter = _Reporter(self)
        handler = trainer.callback_handler
        handler.callbacks.append(reporter)
        try:
            with self.fitting():
                result = train(trainer, *args, **kwargs)
        finally:
            handler.callbacks[:] = [one for one in handler.callbacks if one is not reporter]
        final = _final(trainer, reporter.steps)
        self._add(trainer, reporter.evaluations, final, time.perf_counter() - begun)
        return result

    def evaluate(self, evaluate: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return what `Trainer.evaluate` returns; after a training it has the model's metrics."""
        result = evaluate(*args, **kwargs)
        if not self._depth and (metrics := numbers_in(result)):
            self._add(args[0], [metrics], -1, None)
        return result

    def _add(
        self, trainer: Any, epochs: Sequence[Mapping[str, float]], final: int, took_s: float | None
    ) -> None:
        n_params = None
        with suppressed("the size of a model could not be told"):
            n_params = sum(one.numel() for one in trainer.model.parameters())
        datasets = [trainer.train_dataset, trainer.eval_dataset]
        self.fits.append(
            Fit(
                epochs,
                final,
                model=trainer.model,
                of_training=lambda metric: metric == "loss" or metric.startswith("train_"),
                arrays=lambda: [_rows_of(one) for one in datasets if one is not None],
                n_params=n_params,
                seconds=took_s,
            )
        )


# The base has no types, hence the exemption.
class _Reporter(TrainerCallback):  # type: ignore[misc,unused-ignore]
    """The last callback of a training."""

    def __init__(self, watch: FitWatch) -> None:
        self._watch = watch
        self.evaluations: list[dict[str, float]] = []
        self.steps: list[int] = []  # of the optimizer, at each evaluation

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        self._watch.guard()

    def on_prediction_step(self, *args: Any, **kwargs: Any) -> None:
        self._watch.guard()

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any
    ) -> None:
        logged = next((one["loss"] for one in reversed(state.log_history) if "loss" in one), None)
        found = numbers_in({"loss": logged, **(metrics or {})})
        if self.steps and self.steps[-1] == state.global_step:  # the next of several datasets
            self.evaluations[-1] |= found
            return
        self.evaluations.append(found)
        self.steps.append(state.global_step)
        self._watch.epoch_ended(found, _n_left(args, state))


def _n_left(args: Any, state: Any) -> int | None:
    """Return how many evaluations are planned after this one; None: unknown."""
    strategy = str(getattr(args, "eval_strategy", None) or getattr(args, "evaluation_strategy", ""))
    if strategy.endswith(("epoch", "EPOCH")):
        return max(0, math.ceil(float(args.num_train_epochs)) - round(float(state.epoch or 0)))
    every = getattr(state, "eval_steps", None) or getattr(args, "eval_steps", None)
    if not every or not state.max_steps:
        return None
    return max(0, int(state.max_steps - state.global_step) // int(every))


def _final(trainer: Any, steps: Sequence[int]) -> int:
    """Return the index of the evaluation whose weights the model has after the training."""
    state = trainer.state
    best = getattr(state, "best_model_checkpoint", None)
    if not trainer.args.load_best_model_at_end or not best:
        return len(steps) - 1
    tail = str(best).rpartition("-")[2]
    step = getattr(state, "best_global_step", None) or (int(tail) if tail.isdecimal() else None)
    return steps.index(step) if step in steps else len(steps) - 1


def _rows_of(dataset: Any) -> Any:
    """Return a dataset that is a list of dicts as its columns; any other as it is."""
    if not isinstance(dataset, list) or not dataset or len(dataset) > MOST_ROWS:
        return dataset
    with suppressed("the rows of a dataset could not be read"):
        return {name: np.stack([np.asarray(row[name]) for row in dataset]) for name in dataset[0]}
    return dataset


_TRAIN = WatchedMethod(Trainer, "train")
_EVALUATE = WatchedMethod(Trainer, "evaluate")
