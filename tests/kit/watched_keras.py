"""Small Keras models, and a watch whose reports are kept."""

import contextlib
import random

import keras
import numpy as np

from hpo_magic.frameworks.keras import KerasFramework

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


Y = (X[:, 0] > 0).astype("float32")


VALIDATION = (X[:8], Y[:8])


class Stop(BaseException):
    """What a guard raises."""


def sequential(run_eagerly=True, **options):
    """Return a compiled model; small, quick to start, and random enough to show a changed draw."""
    model = keras.Sequential(
        [keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1, "sigmoid")]
    )
    options |= {"metrics": ["accuracy"], "run_eagerly": run_eagerly}
    model.compile("adam", "binary_crossentropy", **options)
    return model


def functional():
    """Return a compiled model with two inputs and two outputs."""
    one, two = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    joint = keras.layers.Concatenate()([one, two])
    outputs = [
        keras.layers.Dense(1, name="left")(joint),
        keras.layers.Dense(1, name="right")(joint),
    ]
    model = keras.Model([one, two], outputs)
    model.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]])
    return model


class Subclassed(keras.Model):
    """A model with a training step and a `fit` of its own."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        return super().train_step(data) | {"answer": 42.0}

    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)


class Watched:
    """A watch whose reports are kept."""

    def __init__(self, guard=lambda: None):
        self.reports = []
        self.planned = []
        self.context = KerasFramework().watch(self._report, guard)

    def _report(self, step, metrics, n_steps=None):
        self.reports.append((step, metrics))
        self.planned.append(n_steps)

    def __enter__(self):
        self.fits = self.context.__enter__()
        return self

    def __exit__(self, *error):
        return self.context.__exit__(*error)

    @property
    def steps(self):
        return [step for step, _ in self.reports]


def columns(fit):
    """Return a fit's epochs as a `History` has them."""
    return {name: [epoch[name] for epoch in fit.epochs] for name in fit.epochs[0]}


def scripted(monitor, values, **options):
    """Return callbacks that log `values` and stop early on them."""
    played = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update({monitor: values[epoch]})
    )
    options = {"monitor": monitor, "mode": "min", "restore_best_weights": True} | options
    return [played, keras.callbacks.EarlyStopping(**options)]


def raiser(error):
    """Return a guard that raises."""

    def guard():
        raise error

    return guard


def drawn_from_random():
    """Return a draw of `random` and one of NumPy's global stream."""
    return random.random(), np.random.rand()  # noqa: NPY002  (the one that Keras seeds)


@contextlib.contextmanager
def restored_policy(name):
    """Set Keras's dtype policy for a while."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
