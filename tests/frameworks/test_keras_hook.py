"""The hook on Keras: put in, put back, and nothing else shows it is there."""

import contextlib
import gc
import inspect
import os
import threading
import weakref

import keras
import pytest
import tensorflow as tf
from watched_keras import (
    VALIDATION,
    Stop,
    Watched,
    X,
    Y,
    drawn_from_random,
    raiser,
    restored_policy,
    scripted,
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


def test_fit_is_put_back():
    """After the watch, also one that ended in an error, `fit` is Keras's own."""
    before = inspect.getattr_static(keras.Model, "fit")
    with contextlib.suppress(Stop), Watched():
        assert inspect.getattr_static(keras.Model, "fit") is not before
        assert inspect.signature(keras.Model.fit) == inspect.signature(before)
        raise Stop
    assert inspect.getattr_static(keras.Model, "fit") is before
    assert "fit" not in vars(keras.Model)


def test_watches_can_be_nested():
    """The inner watch sees what is fitted in it; the outer one goes on afterwards."""
    with Watched() as outer:
        with Watched() as inner:
            sequential().fit(X, Y)
        sequential().fit(X, Y, epochs=2)
    assert (inner.steps, outer.steps) == ([1], [1, 2])
    assert "fit" not in vars(keras.Model)


def test_fits_of_other_threads_are_left_alone(capsys):
    """A fit in another thread is neither silent nor reported nor stopped."""
    fitted = []

    def elsewhere():
        fitted.append(sequential().fit(X, Y, verbose=2))

    with Watched(guard=raiser(Stop("not here"))) as seen:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert len(fitted) == 1
    assert (seen.steps, seen.fits) == ([], [])
    assert "loss" in capsys.readouterr().out


def test_watches_of_two_threads_may_overlap():
    """Whichever ends first, the other goes on watching, and the last one puts `fit` back."""
    first_is_open, second_is_open = threading.Event(), threading.Event()

    def first():
        with Watched():
            first_is_open.set()
            second_is_open.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    first_is_open.wait(10)
    with Watched() as seen:
        second_is_open.set()
        thread.join()
        sequential().fit(X, Y)
    assert seen.steps == [1]
    assert "fit" not in vars(keras.Model)


def test_a_patch_of_somebody_else_stays():
    """Who wraps `fit` during a trial is called, keeps the place, and no epoch counts twice."""
    calls = []

    def wrap(fit):
        def logged(self, *args, **kwargs):
            calls.append(1)
            return fit(self, *args, **kwargs)

        return logged

    model = sequential()
    try:
        with Watched() as first:
            keras.Model.fit = wrap(keras.Model.fit)
            model.fit(X, Y)
        with Watched() as second:
            model.fit(X, Y, epochs=2)
        model.fit(X, Y, verbose=0)
    finally:
        del keras.Model.fit
    assert (first.steps, second.steps, len(calls)) == ([1], [1, 2], 3)
    assert len(second.fits) == 1


def test_keras_still_says_what_is_wrong_with_the_arguments():
    """A call that does not fit the signature is Keras's to refuse."""
    with Watched(), pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        sequential().fit(X, Y, epoch=3)


def test_a_fit_without_epochs_leaves_nothing():
    """A fit of no epochs has no metrics and is not among the fits."""
    with Watched() as seen:
        sequential().fit(X, Y, epochs=0)
    assert seen.fits == []


@pytest.mark.parametrize("ends", ["done", "stopped"])
def test_nothing_keeps_the_model_alive(ends):
    """With the list of fits goes the last reference to the model, however the fit ended."""
    framework = KerasFramework()

    def trial():
        model = sequential(run_eagerly=False)
        guard = raiser(Stop) if ends == "stopped" else lambda: None
        with contextlib.suppress(Stop), framework.watch(lambda *told: None, guard):
            model.fit(X, Y, validation_data=VALIDATION, callbacks=scripted("mine", [1]))
        return weakref.ref(model)

    model = trial()
    framework.clear()
    gc.collect()
    assert model() is None


def test_a_cleared_session_keeps_the_users_settings():
    """The dtype policy and the logging that a user chose survive."""
    with restored_policy("mixed_bfloat16"):
        keras.config.disable_interactive_logging()
        try:
            KerasFramework().clear()
            assert keras.config.dtype_policy().name == "mixed_bfloat16"
            assert not keras.config.is_interactive_logging_enabled()
        finally:
            keras.config.enable_interactive_logging()


def test_a_cell_can_build_on_a_model_of_another_cell():
    """After a cleared session new layers do not take the names of layers the user has."""
    inputs = keras.Input((4,))
    base = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    KerasFramework().clear()
    model = keras.Model(base.input, keras.layers.Dense(1)(base.output))
    assert len({layer.name for layer in model.layers}) == 3


def test_metrics_have_the_same_names_in_every_trial():
    """A metric made by its class is "auc" in each trial, not "auc_1" in the second."""

    class MineToo(keras.metrics.Metric):
        pass

    for _ in range(2):
        KerasFramework().clear()
        assert keras.metrics.AUC().name == "auc"
        assert keras.metrics.F1Score().name == "f1_score"
        assert MineToo().name == "mine_too"


def test_the_seed_sets_every_stream():
    """The same seed gives the same weights and draws; another one, others."""

    def drawn(seed):
        KerasFramework().seed(seed)
        weights = keras.layers.Dense(2)
        weights.build((None, 2))
        tensor = tf.random.uniform((1,)).numpy().tolist()
        return weights.get_weights()[0].tolist(), *drawn_from_random(), tensor

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_fit_tells_its_size_and_its_time():
    """The weights of the model, those that are not trained among them, and seconds."""
    with Watched() as seen:
        model = sequential()
        model.fit(X, Y)
    (fit,) = seen.fits
    assert fit.n_params == model.count_params()
    assert 0 < fit.seconds < 60


def test_keras_is_not_used_in_a_child_that_forked_after_tensorflow_began():
    """There any call of TensorFlow's crashes the process."""
    tf.constant(1.0)
    assert KerasFramework().is_loaded()
    child = os.fork()
    if child == 0:
        os._exit(1 if KerasFramework().is_loaded() else 0)
    assert os.waitpid(child, 0)[1] == 0
