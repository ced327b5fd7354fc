"""What a fitted Keras model gets on its validation rows, and that looking leaves no trace."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import pytest

from hpo_magic.core.ports import Fit
from hpo_magic.core.row_scores import MOST_ROWS, RowOrder
from hpo_magic.frameworks.keras import KerasFramework

pytestmark = [
    pytest.mark.slow,
    # Upstream: as in test_keras.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)).astype("float32")
CLASSES = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 0)
VALIDATION = slice(60, None)


def a_model(units: int, last: str, loss: Any, metrics: list[Any], **layer: Any) -> keras.Model:
    """Return a compiled model with dropout, so that a prediction in training mode would show."""
    model = keras.Sequential(
        [
            keras.layers.Dense(8, "relu", **layer),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units, last),
        ]
    )
    model.compile("adam", loss, metrics=metrics, run_eagerly=True)
    return model


def fitted(model: keras.Model, y: Any, x: Any = X, **options: Any) -> Fit:
    """Return what was seen of a fit."""
    keras.utils.set_random_seed(1)
    asked = {"validation_data": (x[VALIDATION], y[VALIDATION]), "epochs": 2, **options}
    with KerasFramework().watch(lambda step, metrics, n_steps=None: None, lambda: None) as fits:
        model.fit(x[:60], y[:60], **asked)
    [fit] = fits
    return fit


@pytest.mark.parametrize(
    ("units", "last", "loss", "y"),
    [
        (3, "softmax", "sparse_categorical_crossentropy", CLASSES),
        (3, "softmax", "categorical_crossentropy", np.eye(3, dtype="float32")[CLASSES]),
        (1, "sigmoid", "binary_crossentropy", (CLASSES > 0).astype("float32")),
        (1, "sigmoid", keras.losses.BinaryFocalCrossentropy(), (CLASSES > 0)[:, None] * 1.0),
        (3, "linear", keras.losses.SparseCategoricalCrossentropy(from_logits=True), CLASSES),
    ],
)
def test_accuracy_and_loss_by_row(units: int, last: str, loss: Any, y: Any) -> None:
    """Their means are what the fit had logged."""
    fit = fitted(a_model(units, last, loss, ["accuracy"]), y)
    logged = fit.epochs[fit.final]
    right, losses = fit.row_scores("val_accuracy"), fit.row_scores("val_loss")
    assert right is not None
    assert losses is not None
    assert (right.n_rows, right.is_share, losses.is_share) == (30, True, False)
    assert right.mean == pytest.approx(logged["val_accuracy"])
    assert losses.mean == pytest.approx(logged["val_loss"], rel=1e-5)
    assert right.rows == losses.rows


def test_regression_by_row() -> None:
    """The squared and the absolute error; an output of one column against a flat truth."""
    fit = fitted(a_model(1, "linear", "mse", ["mae"]), X[:, 0])
    for metric in ("val_loss", "val_mae"):
        found = fit.row_scores(metric)
        assert found is not None
        assert found.mean == pytest.approx(fit.epochs[fit.final][metric], rel=1e-5)


def test_metrics_that_are_no_means_by_row() -> None:
    """AUC, which Keras computes from thresholds, precision, recall, and the root of the error."""
    metrics = [
        keras.metrics.AUC(name="area"),
        keras.metrics.AUC(num_thresholds=3, name="coarse"),
        keras.metrics.AUC(from_logits=True, name="of_logits"),
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
        keras.metrics.Recall(thresholds=0.9, name="strict"),
        keras.metrics.RootMeanSquaredError(name="root"),
    ]
    y = (X[:, 0] + X[:, 1] > 0).astype("float32")
    model = a_model(1, "sigmoid", "binary_crossentropy", metrics)
    model.optimizer.learning_rate = 0.02
    fit = fitted(model, y, epochs=10)
    logged = fit.epochs[fit.final]
    for name in ("area", "precision", "recall", "root"):
        found = fit.row_scores(f"val_{name}")
        assert found is not None, name
        assert found.mean == pytest.approx(logged[f"val_{name}"], rel=1e-5)
        assert found.values.std() > 0
    for name in ("coarse", "of_logits", "strict"):
        assert fit.row_scores(f"val_{name}") is None, name


def test_the_restored_epoch_is_the_one_that_counts() -> None:
    """Under `restore_best_weights` the outcomes are those of the epoch that the model is at."""
    stop = keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    model = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"])
    model.optimizer.learning_rate = 0.5
    fit = fitted(model, CLASSES, epochs=6, callbacks=[stop])
    found = fit.row_scores("val_loss")
    assert found is not None
    assert found.mean == pytest.approx(fit.epochs[fit.final]["val_loss"], rel=1e-5)


def test_a_split_by_the_fit_itself() -> None:
    """`validation_split` takes the last rows."""
    model = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"])
    fit = fitted(model, CLASSES, validation_data=None, validation_split=0.25)
    found = fit.row_scores("val_accuracy")
    assert found is not None
    assert (found.n_rows, found.order) == (15, RowOrder.KEPT)
    losses = fit.row_scores("val_loss")
    assert losses is not None
    assert losses.worst is not None
    assert 0.6 < losses.worst < 17


def test_a_model_of_several_inputs() -> None:
    """Its validation rows are a structure of arrays."""
    one, two = keras.Input((2,)), keras.Input((2,))
    out = keras.layers.Dense(1)(keras.layers.Concatenate()([one, two]))
    model = keras.Model([one, two], out)
    model.compile("sgd", "mse")
    parts = [X[:, :2], X[:, 2:]]
    with KerasFramework().watch(lambda step, metrics, n_steps=None: None, lambda: None) as fits:
        model.fit(parts, X[:, 0], validation_data=(parts, X[:, 0]), verbose=0)
    found = fits[0].row_scores("val_loss")
    assert found is not None
    assert found.n_rows == 90


def test_what_was_not_measured_on_these_rows_is_not_taken() -> None:
    """Weights for the loss of a layer, of the rows, or weights that were changed afterwards."""
    with_penalty = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"],
                           kernel_regularizer="l2")  # fmt: skip
    with_penalty.optimizer.learning_rate = 0.05
    fit = fitted(with_penalty, CLASSES, epochs=20)
    assert fit.row_scores("val_loss") is None
    assert fit.row_scores("val_accuracy") is not None
    with_penalty.set_weights([0 * weights for weights in with_penalty.get_weights()])
    assert fit.row_scores("val_accuracy") is None
    weighted = (X[VALIDATION], CLASSES[VALIDATION], np.arange(30.0))
    model = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"])
    assert fitted(model, CLASSES, validation_data=weighted).row_scores("val_accuracy") is None
    assert fit.row_scores("val_auc") is None
    assert fit.row_scores("accuracy") is None


def test_without_arrays_there_are_none() -> None:
    """A dataset is read once; no validation at all has none either."""
    import tensorflow as tf

    model = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"])
    rows = tf.data.Dataset.from_tensor_slices((X, CLASSES)).batch(30)
    assert fitted(model, CLASSES, validation_data=rows).row_scores("val_accuracy") is None
    assert fitted(model, CLASSES, validation_data=None).row_scores("loss") is None


def test_a_model_that_cannot_be_called_again_has_none() -> None:
    """Whatever it raises."""
    model = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"])
    fit = fitted(model, CLASSES)
    model.layers[0].call = lambda inputs: 1 / 0
    assert fit.row_scores("val_accuracy") is None


def test_of_many_rows_a_sample_is_read() -> None:
    """As many as are kept."""
    x = np.tile(X[:30], (700, 1))
    y = np.tile(CLASSES[:30], 700)
    model = a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"])
    fit = fitted(model, CLASSES, validation_data=(x, y), epochs=1, validation_batch_size=3000)
    found = fit.row_scores("val_accuracy")
    assert found is not None
    assert found.n_rows == MOST_ROWS


def test_looking_leaves_no_trace() -> None:
    """Weights, random streams and history are what they were; a dropout draws nothing."""
    fit = fitted(a_model(3, "softmax", "sparse_categorical_crossentropy", ["accuracy"]), CLASSES)
    history = {name: list(values) for name, values in fit.history.history.items()}
    variables = [np.array(variable) for variable in fit.model.variables]
    random.seed(3)
    keras.utils.set_random_seed(3)
    expected = random.random(), float(keras.random.normal(()))
    random.seed(3)
    keras.utils.set_random_seed(3)
    assert fit.row_scores("val_accuracy") == fit.row_scores("val_accuracy")
    assert (random.random(), float(keras.random.normal(()))) == expected
    assert fit.history.history == history
    after = [np.array(variable) for variable in fit.model.variables]
    assert all(map(np.array_equal, variables, after))
