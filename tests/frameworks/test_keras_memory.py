"""Trials leave no graphs behind, and no gradient is lost while somebody can ask for it."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph

from hpo_magic.frameworks.keras import KerasFramework
from hpo_magic.frameworks.keras_memory import release_dead_graphs

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

X = np.ones((8, 2), "float32")
Y = np.ones((8, 1), "float32")


def fitted():
    """Return a model that was traced with a custom gradient, that of its loss."""
    model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    model.fit(X, Y, verbose=0)
    return model


def n_graphs():
    """Return how many graphs are alive."""
    gc.collect()
    return sum(type(thing) is FuncGraph for thing in gc.get_objects())


def test_trials_leave_no_graphs_behind():
    """However many models were fitted, the graphs of all but the latest are gone."""
    framework = KerasFramework()
    framework.clear()
    before = n_graphs()
    for _ in range(3):
        fitted()
    assert n_graphs() >= before + 3  # what TensorFlow keeps by itself
    framework.clear()
    assert n_graphs() <= before


def test_a_model_that_lives_on_can_be_trained_on():
    """A model of an earlier trial that the user holds is trained and traced anew as before."""
    model = fitted()
    KerasFramework().clear()
    gc.collect()
    before = model.get_weights()[0]
    model.fit(X, Y, verbose=0)
    model.fit(X[:3], Y[:3], batch_size=2, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before)


def test_a_graph_that_lives_on_keeps_its_gradient():
    """A function traced before has its custom gradient afterwards, first asked for then."""

    @tf.custom_gradient
    def tripled(x):
        return x, lambda upstream: 3 * upstream

    @tf.function
    def doubled(x):
        return 2 * tripled(x)

    x = tf.constant(1.0)
    doubled(x)
    for _ in range(2):
        release_dead_graphs()
        gc.collect()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = doubled(x)
    assert float(tape.gradient(y, x)) == 6.0
