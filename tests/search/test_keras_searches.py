"""Whole searches of Keras trainings: what is recorded, pruned, timed out and survived."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo_magic import hp, search
from hpo_magic.core.trial import State

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`, and Keras 3.15 says of its
    # own default that it is ignored.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")
VALIDATION = (X[:8] + 0.1, Y[:8])
QUIET: dict[str, Any] = {"minimize": "val_loss", "ui": "none", "recheck": "0", "sampler": "random"}


def a_model(*, kind: type[keras.Model] = keras.Model) -> keras.Model:
    """Return a compiled model with a searched learning rate."""
    inputs = keras.Input((4,))
    model = kind(inputs, keras.layers.Dense(1, "sigmoid")(inputs))
    rate = hp.Float("lr", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", run_eagerly=True)
    return model


class Stepping(keras.Model):
    """A model with a `train_step` of its own."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train, and log one number more."""
        return {**super().train_step(data), "own": 1.0}


class Rows(keras.utils.PyDataset):
    """The rows in batches of 8."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, k: int) -> Any:
        return X[8 * k : 8 * k + 8], Y[8 * k : 8 * k + 8]


def batches() -> Any:
    """Yield batches for ever."""
    while True:
        yield X[:16], Y[:16]


def two_ended() -> keras.Model:
    """Return a compiled model with two inputs and two outputs."""
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    joint = keras.layers.Concatenate()([one, two])
    ends = [keras.layers.Dense(1, name=name)(joint) for name in ("left", "right")]
    model = keras.Model([one, two], ends)
    rate = hp.Float("lr", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), ["mse", "mae"], run_eagerly=True)
    return model


FITS: dict[str, Callable[[], Any]] = {
    "several inputs and outputs": lambda: two_ended().fit(
        [X, X], [Y, Y], epochs=2, validation_data=([X, X], [Y, Y])
    ),
    "custom train_step": lambda: a_model(kind=Stepping).fit(
        X, Y, epochs=2, validation_data=VALIDATION
    ),
    "class_weight": lambda: a_model().fit(
        X, Y, epochs=2, class_weight={0: 1.0, 1: 3.0}, validation_data=VALIDATION
    ),
    "sample_weight": lambda: a_model().fit(
        X, Y, epochs=2, sample_weight=np.linspace(0, 1, 32), validation_data=VALIDATION
    ),
    "PyDataset": lambda: a_model().fit(Rows(), epochs=2, validation_data=VALIDATION),
    "generator": lambda: a_model().fit(
        batches(), steps_per_epoch=3, epochs=2, validation_data=VALIDATION
    ),
    "tf.data": lambda: a_model().fit(
        tf.data.Dataset.from_tensor_slices((X, Y)).batch(8).prefetch(1),
        epochs=2,
        validation_data=VALIDATION,
    ),
}


@pytest.mark.parametrize("kind", FITS)
def test_every_kind_of_fit_is_searched(kind: str) -> None:
    """Its value is the last epoch's, its curve is whole, and how long it was to be is known."""
    histories = []

    def objective() -> Any:
        histories.append(FITS[kind]().history)
        return None

    study = search(objective, trials=2, **QUIET)
    assert [trial.state for trial in study.trials] == [State.COMPLETE] * 2
    for trial, history in zip(study.trials, histories, strict=True):
        assert trial.value == history["val_loss"][-1]
        assert [point.metrics["val_loss"] for point in trial.curve] == history["val_loss"]
        assert trial.n_steps == 2


def test_mixed_precision_is_searched_and_is_the_users_to_set() -> None:
    """A policy that the cell sets is in force for its model."""
    before = keras.config.dtype_policy().name
    seen = []

    def objective() -> Any:
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = a_model()
            seen.append(model.layers[-1].compute_dtype)
            return model.fit(X, Y, epochs=2, validation_data=VALIDATION)
        finally:
            keras.config.set_dtype_policy(before)

    study = search(objective, trials=2, **QUIET)
    assert seen == ["float16"] * 2
    assert all(np.isfinite(trial.value or np.nan) for trial in study.trials)


def test_the_users_callbacks_are_respected(tmp_path: Path) -> None:
    """They see, stop, write and schedule as without us; the value is the restored epoch's."""
    rates: list[list[float]] = []
    turned = (VALIDATION[0], 1 - VALIDATION[1])  # what is learned only makes these worse

    def objective() -> Any:
        model = a_model()
        rates.append([])
        callbacks = [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1.0 if epoch else 0.1),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: rates[-1].append(float(logs["learning_rate"]))
            ),
            keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
            keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        ]
        return model.fit(
            X, Y, epochs=20, validation_data=turned, callbacks=callbacks, batch_size=32
        )

    study = search(objective, trials=2, **QUIET)
    for trial, seen in zip(study.trials, rates, strict=True):
        values = [point.metrics["val_loss"] for point in trial.curve]
        assert len(values) < 20
        assert (trial.value, trial.n_steps) == (min(values), 20)
        assert seen == pytest.approx([0.1, *[1.0] * (len(values) - 1)])
    kept = keras.models.load_model(tmp_path / "best.keras")
    assert kept.evaluate(*turned, verbose=0) == pytest.approx(study.trials[-1].value)


def test_a_loop_of_the_users_own_is_searched() -> None:
    """Gradients by hand, reports by `hp.report`."""

    def objective() -> float:
        model, loss_of = a_model(), keras.losses.BinaryCrossentropy()
        for _ in range(3):
            with tf.GradientTape() as tape:
                loss = loss_of(Y[:, np.newaxis], model(X, training=True))
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply(gradients, model.trainable_variables)
            val_loss = float(loss_of(VALIDATION[1][:, np.newaxis], model(VALIDATION[0])))
            hp.report(val_loss=val_loss)
        return val_loss

    study = search(objective, trials=2, **QUIET)
    for trial in study.trials:
        assert [point.step for point in trial.curve] == [1, 2, 3]
        assert trial.value == trial.curve[-1].metrics["val_loss"]


def test_a_fit_that_is_lost_is_pruned() -> None:
    """It ends at an epoch, and stands there as pruned; before five are complete, nothing is."""

    def objective() -> Any:
        # The grid takes them in this order; what does not learn comes when five are known.
        rate = hp.Choice("lr", [0.1, 0.2, 0.15, 0.25, 0.3, 0.0], ordered=False)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", run_eagerly=True)
        model.fit(X, Y, epochs=12, validation_data=VALIDATION, batch_size=32)

    study = search(objective, trials=6, **{**QUIET, "sampler": "grid"})
    *others, lost = study.trials
    assert [trial.state for trial in others] == [State.COMPLETE] * 5
    assert (lost.params["lr"], lost.state, lost.value) == (0.0, State.PRUNED, None)
    assert 1 <= len(lost.curve) < 12
    assert lost.n_steps == 12


@pytest.mark.parametrize(
    "error",
    [MemoryError("no room"), tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")],
    ids=["Python's", "TensorFlow's"],
)
def test_a_trial_out_of_memory_does_not_poison_the_next(error: Exception) -> None:
    """It fails alone; those after it give what they give without it."""
    n_runs = 0

    def objective(*, is_broken: bool = True) -> Any:
        nonlocal n_runs
        n_runs += 1
        model = a_model()
        if is_broken and n_runs == 2:
            model.fit(X, Y, epochs=1)
            raise error
        return model.fit(X, Y, epochs=2, validation_data=VALIDATION)

    study = search(objective, trials=4, **QUIET)
    states = [trial.state for trial in study.trials]
    assert states == [State.COMPLETE, State.FAILED, State.COMPLETE, State.COMPLETE]
    assert type(error).__name__ in str(study.trials[1].failure)
    sound = search(lambda: objective(is_broken=False), trials=4, **QUIET)
    assert [t.value for t in study.trials[2:]] == [t.value for t in sound.trials[2:]]


def test_a_trial_ends_at_the_batch_after_its_timeout() -> None:
    """Recorded as failed, with the option's name; the others are whole."""
    n_runs = 0

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            if n_runs == 2:
                time.sleep(2.0)

    def objective() -> Any:
        nonlocal n_runs
        n_runs += 1
        return a_model().fit(
            X, Y, epochs=1, batch_size=1, validation_data=VALIDATION, callbacks=[Slow()]
        )

    a_model().fit(X, Y, batch_size=1, verbose=0)  # what is done once is done here
    study = search(objective, trials=3, timeout=8.0, **QUIET)
    states = [trial.state for trial in study.trials]
    assert states == [State.COMPLETE, State.FAILED, State.COMPLETE]
    slow = study.trials[1]
    assert str(slow.failure) == "failed: Timeout: it took longer than the 8 s of --timeout"
    assert slow.duration_s is not None
    assert slow.duration_s < 30.0  # of the 64 that it would have taken


ON_ANOTHER_BACKEND = """
import os
import numpy as np
import keras
from hpo_magic import hp, search
from hpo_magic.core.ports import Verdict
from hpo_magic.errors import SearchFailed
from hpo_magic.pruners import PRUNERS
assert keras.backend.backend() == os.environ["KERAS_BACKEND"]
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
n = 3
def objective():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(hp.Int("units", 2, 8), "relu"),
                              keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.SGD(hp.Float("lr", 0.01, 0.1)), "binary_crossentropy")
    return model.fit(x, y, validation_split=0.25, epochs=n)
class Impatient:
    def verdict(self, trial, history):
        return Verdict.STOP if trial.curve[-1].step >= 2 else Verdict.KEEP
PRUNERS["impatient"] = "__main__:Impatient"
options = {"minimize": "val_loss", "ui": "none", "recheck": "0", "storage": "."}
study = search(objective, "whole", trials=3, **options)
score = study.best_model().evaluate(x[24:], y[24:], verbose=0)
print([t.state.value for t in study.trials], len(study.trials[1].curve))
print(abs(score - study.best_seen) < 1e-6, study.trials[0].row_scores.n_rows)
cut = search(objective, "cut", trials=2, pruner="impatient", **options)
print([t.state.value for t in cut.trials], len(cut.trials[1].curve))
n = 10**6
try:
    search(objective, "late", trials=1, timeout=3.0, **options)
except SearchFailed as error:
    print(error)
"""


@pytest.mark.parametrize("backend", ["torch", pytest.param("jax", marks=pytest.mark.trainers)])
def test_keras_on_another_backend_is_searched(tmp_path: Path, backend: str) -> None:
    """Curves, values, rows, pruning, timeout and the kept model are those of any backend."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ON_ANOTHER_BACKEND],
        env={**os.environ, "KERAS_BACKEND": backend},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-4:] == [
        "['complete', 'complete', 'complete'] 3",
        "True 8",
        "['complete', 'pruned'] 2",
        "The search ended: a trial failed: Timeout: it took longer than the 3 s of --timeout.",
    ]


def test_a_fit_gives_the_second_objective_by_itself() -> None:
    """The model's weights; in a worker process too, where the objectives travel with the cell."""

    def train() -> Any:
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(hp.Int("units", 1, 9))(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(hidden))
        model.compile("sgd", "binary_crossentropy", run_eagerly=True)
        return model.fit(X, Y, validation_data=VALIDATION, epochs=1)

    goals = {"minimize": ["val_loss", "n_params", "fit_seconds"]}
    study = search(train, trials=4, **{**QUIET, **goals})
    for trial in study.trials:
        assert trial.metrics["n_params"] == 6 * int(str(trial.params["units"])) + 1
        assert 0 < trial.metrics["fit_seconds"] < 60
    worker_executor = search(train, trials=3, jobs=2, **{**QUIET, **goals})
    assert {t.state for t in worker_executor.trials} == {State.COMPLETE}
    assert all("n_params" in t.metrics for t in worker_executor.trials)
