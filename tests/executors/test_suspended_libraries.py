"""Trainings of each library give to the last digit what they give alone, if they wait at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hpo_magic.core.events import Completed
from hpo_magic.language.hp import hp
from tests.executors.interleaving import alone, interleaved

PARAMS = [{"x": x} for x in (0.1, 0.4)]
X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype("int32")


def scikit_learn() -> float:
    """Train by `partial_fit`, with a generator of NumPy's global stream."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(alpha=10 ** -(1 + 3 * hp.Float("x", 0.0, 1.0)))
    for _ in range(6):
        order = np.random.permutation(len(X))  # noqa: NPY002
        model.partial_fit(X[order], Y[order], classes=[0, 1])
        hp.report(loss=float(np.abs(model.decision_function(X)).mean()))
    return float(model.coef_.sum() + np.random.random())  # noqa: NPY002


def lightgbm() -> float:
    """Report from a callback inside LightGBM's own loop."""
    import lightgbm as lgb

    def report(env: Any) -> None:
        hp.report(loss=env.evaluation_result_list[0][2])

    data = lgb.Dataset(X, Y)
    settings = {
        "objective": "binary",
        "metric": "binary_error",  # a sum of ones; threads add a log-loss in any order
        "learning_rate": hp.Float("x", 0.0, 1.0),
        "bagging_fraction": 0.6,
        "bagging_freq": 1,
        "num_threads": 1,
        "min_data_in_leaf": 2,
        "verbose": -1,
    }
    model = lgb.train(settings, data, 8, valid_sets=[data], callbacks=[report])
    return float(model.predict(X).sum())


def torch_loop() -> float:
    """Train with dropout, a shuffled loader and gradients that are off where it reports."""
    import torch

    torch.manual_seed(hp.seed())
    x, y = torch.as_tensor(X), torch.as_tensor(Y, dtype=torch.long)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.4), torch.nn.Linear(8, 2)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=hp.Float("x", 0.0, 1.0) / 10)
    rows = torch.utils.data.TensorDataset(x, y)
    loss_of = torch.nn.CrossEntropyLoss()
    for _ in range(4):
        for inputs, labels in torch.utils.data.DataLoader(rows, 16, shuffle=True):
            optimizer.zero_grad()
            loss_of(model(inputs), labels).backward()
            optimizer.step()
        with torch.no_grad():
            loss = float(loss_of(model(x), y))
            hp.report(loss=loss)
    return loss


def keras_fit() -> float:
    """Fit twice, with augmentation, dropout, `tf.data`, and callbacks that have a state."""
    import keras
    import tensorflow as tf

    layers = keras.layers
    model = keras.Sequential(
        [layers.GaussianNoise(0.2), layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(hp.Float("x", 0.0, 1.0) / 10), "mse")
    rows = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(64).batch(16)
    reduce = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.05)
    stop = keras.callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    model.fit(rows, epochs=2, shuffle=False, callbacks=[reduce, stop])
    np.random.random()  # noqa: NPY002
    history = model.fit(X, Y, batch_size=16, epochs=3, validation_split=0.2, callbacks=[reduce])
    return float(history.history["val_loss"][-1] + np.random.random())  # noqa: NPY002


def keras_loop() -> float:
    """Train by a tape, with layers of Keras, a policy of its own and names that are counted."""
    import keras
    import tensorflow as tf

    x = hp.Float("x", 0.0, 1.0)
    keras.config.set_floatx("float64" if x == 0.4 else "float32")
    model = keras.Sequential([keras.layers.Dense(6, "tanh"), keras.layers.Dropout(0.2)])
    head = keras.layers.Dense(1)
    optimizer = keras.optimizers.SGD(x / 10)
    for _ in range(4):
        with tf.GradientTape() as tape:
            found = head(model(X, training=True))[:, 0]
            loss = tf.reduce_mean((found - tf.cast(Y, head.dtype)) ** 2)
        weights = model.trainable_weights + head.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        hp.report(loss=float(loss))
    print(head.dtype, int(keras.layers.Dense(3).name[6:]) - int(head.name[6:]))
    return float(loss)


# TensorFlow's tensors are asked for a copy in NumPy's new way inside Keras.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("train", [scikit_learn, lightgbm, torch_loop, keras_fit, keras_loop])
def test_a_training_that_waited_gives_the_same(train: Any) -> None:
    """Each in the middle of its library's own loop, one after the other and interleaved."""
    pytest.importorskip("keras")
    ends, n_suspended = interleaved(train, PARAMS, 1)
    assert n_suspended >= 2
    assert [e.outcome for e in ends] == [e.outcome for e in alone(train, PARAMS)]
    assert all(isinstance(end, Completed) for end in ends)
