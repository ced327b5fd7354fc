"""The hook on Keras: what it sees of each fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from watched_keras import (
    VALIDATION,
    Stop,
    Subclassed,
    Watched,
    X,
    Y,
    columns,
    drawn_from_random,
    functional,
    raiser,
    restored_policy,
    sequential,
)

from hpo_magic.frameworks.keras import KerasFramework

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`, and Keras 3.15 says of its
    # own default that it is ignored.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]


def test_each_epoch_is_reported():
    """Steps count from 1, metrics are what Keras logs, as plain floats."""
    with Watched() as seen:
        history = sequential().fit(X, Y, epochs=3, validation_data=VALIDATION)
    assert seen.steps == [1, 2, 3]
    assert set(seen.reports[0][1]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(type(value) is float for _, metrics in seen.reports for value in metrics.values())
    [fit] = seen.fits
    assert columns(fit) == history.history
    assert (fit.final, fit.history, fit.model) == (2, history, history.model)


def test_the_last_step_is_told_with_each():
    """What `fit` was asked for, after what other fits of the cell did and where it began."""
    with Watched() as seen:
        model = sequential()
        model.fit(X, Y, epochs=3, callbacks=[StopAfter(2)])
        model.fit(X, Y, epochs=5, initial_epoch=3)
    assert seen.steps == [1, 2, 3, 4]
    assert seen.planned == [3, 3, 4, 4]


class StopAfter(keras.callbacks.Callback):
    """Ends a fit after so many epochs."""

    def __init__(self, n_epochs):
        super().__init__()
        self.n_epochs = n_epochs

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 == self.n_epochs


def test_a_watched_fit_is_the_fit_it_would_have_been():
    """Weights, history, its params, the order of callbacks and the random streams are the same."""

    def trained():
        KerasFramework().clear()
        KerasFramework().seed(7)
        calls = []
        spy = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: calls.append(("begin", epoch)),
            on_epoch_end=lambda epoch, logs: calls.append(("end", epoch, sorted(logs))),
            on_train_begin=lambda logs: calls.append("train"),
        )
        model = sequential(run_eagerly=False)
        options = {"validation_split": 0.25, "callbacks": [spy], "class_weight": {0: 1, 1: 2}}
        history = model.fit(X, Y, batch_size=8, epochs=2, **options)
        state = (drawn_from_random(), keras.random.uniform((2,)).numpy().tolist())
        return model.get_weights(), (history.history, history.epoch, history.params, calls, state)

    plain_weights, plain = trained()
    with Watched():
        watched_weights, watched = trained()
    assert watched == plain
    assert all(np.array_equal(a, b) for a, b in zip(plain_weights, watched_weights, strict=True))


def test_a_fit_is_silent_unless_verbose_is_given(capsys):
    """The progress bar is left out; one that the user asks for, by name or position, is shown."""
    model = sequential()
    with Watched():
        model.fit(X, Y)
        assert capsys.readouterr().out == ""
        model.fit(X, Y, verbose=2)
        assert "loss" in capsys.readouterr().out
        model.fit(X, Y, 8, 1, 2)
        assert "loss" in capsys.readouterr().out


def test_positional_arguments_keep_their_places():
    """Epochs, verbose and callbacks may be given by position."""
    ended = []
    callback = keras.callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(True))
    with Watched() as seen:
        sequential().fit(X, Y, 8, 3, 0, callback)
    assert seen.steps == [1, 2, 3]
    assert ended == [True]


@pytest.mark.parametrize("shape", ["one", "list", "nested", "tuple", "none"])
def test_callbacks_are_taken_in_every_shape(shape):
    """What Keras takes as callbacks is taken, and the user's own list is left alone."""
    seen_by_user = []
    one = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen_by_user.append(e))
    callbacks = {"one": one, "list": [one], "nested": [[one]], "tuple": (one,), "none": None}[shape]
    with Watched() as seen:
        sequential().fit(X, Y, epochs=2, callbacks=callbacks)
    assert seen.steps == [1, 2]
    assert seen_by_user == ([] if shape == "none" else [0, 1])
    if shape == "list":
        assert callbacks == [one]


def test_a_callback_list_is_left_as_it_was():
    """A ready-made `CallbackList` is joined while the fit runs, also if it fails."""
    model = sequential()
    callbacks = keras.callbacks.CallbackList(
        [keras.callbacks.TerminateOnNaN()], add_history=True, model=model, verbose=0, epochs=2
    )
    before = list(callbacks.callbacks)
    with Watched() as seen:
        model.fit(X, Y, epochs=2, callbacks=callbacks)
    assert callbacks.callbacks == before
    assert seen.steps == [1, 2]
    with pytest.raises(Stop), Watched(guard=raiser(Stop)):
        model.fit(X, Y, epochs=2, callbacks=callbacks)
    assert callbacks.callbacks == before


def test_what_the_users_callbacks_log_is_reported():
    """The report comes after the user's callbacks; what is no number is left out."""

    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs |= {"mine": np.float32(0.5), "label": "a", "vector": np.zeros(3)}

    with Watched() as seen:
        history = sequential().fit(X, Y, callbacks=[Adds()])
    assert set(seen.reports[0][1]) == {"loss", "accuracy", "mine"}
    assert seen.reports[0][1]["mine"] == 0.5
    assert history.history["label"] == ["a"]


def test_learning_rate_schedules_are_reported():
    """Keras's own callbacks log through the same place."""
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch))
    with Watched() as seen:
        sequential().fit(X, Y, epochs=2, callbacks=[schedule])
    rates = [metrics["learning_rate"] for _, metrics in seen.reports]
    assert rates == pytest.approx([0.1, 0.05])


def test_several_fits_make_one_curve():
    """Steps go on from fit to fit, and from `initial_epoch`; each fit stands for itself."""
    model = sequential()
    with Watched() as seen:
        model.fit(X, Y, epochs=2)
        model.fit(X, Y, epochs=5, initial_epoch=2)
        functional().fit([X, X], [Y, Y])
    assert seen.steps == [1, 2, 3, 4, 5, 6]
    assert [len(fit.epochs) for fit in seen.fits] == [2, 3, 1]
    assert [fit.final for fit in seen.fits] == [1, 2, 0]


def test_several_outputs_are_reported_by_name():
    """A model with two inputs and outputs logs a metric for each."""
    with Watched() as seen:
        model = functional()
        model.fit([X, X], [Y, Y], sample_weight=[np.ones(32), np.ones(32)])
    assert {"loss", "left_loss", "right_loss", "left_mae", "right_mse"} <= set(seen.reports[0][1])


def test_a_subclassed_model_is_watched_once():
    """A `fit` that calls `super().fit` is one fit, and a training step's own metrics are seen."""
    model = Subclassed()
    model.compile("sgd", "mse")
    with Watched() as seen:
        model.fit(X, Y, epochs=2)
    assert seen.steps == [1, 2]
    assert seen.reports[0][1]["answer"] == 42.0
    assert len(seen.fits) == 1


def test_a_fit_inside_a_fit_is_not_on_the_curve():
    """A fit in a callback is silent and kept, and the curve is the outer fit's alone."""
    inner = sequential()
    probe = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: inner.fit(X, Y, epochs=3))
    with Watched() as seen:
        outer = sequential()
        outer.fit(X, Y, epochs=2, callbacks=[probe])
    assert seen.steps == [1, 2]
    assert [fit.model for fit in seen.fits] == [inner, inner, outer]


def batches():
    """Return the data as a `tf.data` pipeline."""
    return tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(32).batch(8)


class Batches(keras.utils.PyDataset):
    """The data as a Keras data set."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return X[index * 8 : index * 8 + 8], Y[index * 8 : index * 8 + 8]


def generated():
    """Yield batches without end."""
    while True:
        yield X[:8], Y[:8]


@pytest.mark.parametrize(
    ("inputs", "options"),
    [
        (lambda: (batches(),), {"validation_data": lambda: batches()}),
        (lambda: (Batches(),), {}),
        (lambda: (generated(),), {"steps_per_epoch": lambda: 2}),
        (lambda: (X, Y), {"sample_weight": lambda: np.ones(32)}),
    ],
    ids=["tf.data", "PyDataset", "generator", "sample_weight"],
)
def test_every_kind_of_input_is_watched(inputs, options):
    """The hook does not look at the data."""
    with Watched() as seen:
        sequential().fit(*inputs(), epochs=2, **{name: make() for name, make in options.items()})
    assert seen.steps == [1, 2]


@pytest.mark.parametrize(
    "options", [{}, {"jit_compile": True}, {"steps_per_execution": 2}], ids=str
)
def test_every_way_to_run_is_watched_and_stopped(options):
    """Eager, compiled, or several batches at a time: epochs are seen and the guard is asked."""
    calls = []
    with Watched(guard=lambda: calls.append(1)) as seen:
        sequential(run_eagerly=False, **options).fit(X, Y, batch_size=8, validation_data=VALIDATION)
    assert seen.steps == [1]
    n_train = 2 if "steps_per_execution" in options else 4
    assert len(calls) == n_train + 1 + 1  # training, validation, end of the epoch


def test_mixed_precision_is_watched():
    """Metrics of a half-precision model are plain floats too."""
    with restored_policy("mixed_float16"), Watched() as seen:
        sequential().fit(X, Y)
    assert type(seen.reports[0][1]["loss"]) is float
