"""The hook on Keras: what it sees, what it stops, and that nothing else shows it is there."""

import contextlib
import gc
import inspect
import os
import random
import threading
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from hpo_magic.frameworks.keras import KerasFramework
from hpo_magic.frameworks.keras_fit import watched_fits

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`, and Keras 3.15 says of its
    # own default that it is ignored.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]

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


def drawn_from_random():
    """Return a draw of `random` and one of NumPy's global stream."""
    return random.random(), np.random.rand()  # noqa: NPY002  (the one that Keras seeds)


def raiser(error):
    """Return a guard that raises."""

    def guard():
        raise error

    return guard


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


@contextlib.contextmanager
def restored_policy(name):
    """Set Keras's dtype policy for a while."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("n_calls", [0, 3, 4, 5], ids=["first", "later", "validation", "epoch"])
def test_a_guard_ends_the_fit_wherever_it_stands(n_calls):
    """What a guard raises at a batch, in validation or after the epoch comes out of `fit`."""
    calls = []

    def guard():
        calls.append(1)
        if len(calls) > n_calls:
            raise Stop("enough")

    with pytest.raises(Stop, match="enough"), Watched(guard) as seen:
        sequential().fit(X, Y, epochs=9, batch_size=8, validation_data=VALIDATION)
    assert len(calls) == n_calls + 1
    assert seen.fits == []
    assert seen.steps == ([1] if n_calls == 5 else [])


def test_a_report_can_end_the_fit():
    """What a report raises comes out of `fit`."""
    with pytest.raises(Stop, match="lost"), watched_fits(stop_at_second, lambda: None) as fits:
        sequential().fit(X, Y, epochs=9)
    assert fits == []


class Closing(keras.callbacks.Callback):
    """Notes how often its training was ended, and with what."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_train_end(self, logs=None):
        self.ends.append(logs)


def raising(error):
    """Return a callback that fails after each epoch."""

    def fail(epoch, logs):
        raise error

    return keras.callbacks.LambdaCallback(on_epoch_end=fail)


@pytest.mark.parametrize("n_calls", [0, 3, 4, 5], ids=["first", "later", "validation", "epoch"])
def test_a_fit_that_is_stopped_ends_its_callbacks(n_calls):
    """Once each, as at the end of a fit; wherever it was stopped."""
    calls, closing = [], Closing()

    def guard():
        calls.append(1)
        if len(calls) > n_calls:
            raise Stop("enough")

    with pytest.raises(Stop, match="enough"), Watched(guard):
        sequential().fit(
            X, Y, epochs=9, batch_size=8, validation_data=VALIDATION, callbacks=[closing]
        )
    assert len(closing.ends) == 1


def test_a_fit_that_a_report_stops_ends_its_callbacks():
    """With what its last epoch logged; a fit around it ends its own, too."""
    inner, outer = Closing(), Closing()

    def fit_inside(epoch, logs):
        sequential().fit(X, Y, callbacks=[inner])

    nested = keras.callbacks.LambdaCallback(on_epoch_end=fit_inside)
    with pytest.raises(Stop, match="lost"), watched_fits(stop_at_second, lambda: None):
        sequential().fit(X, Y, epochs=9, callbacks=[nested, outer])
    assert [set(logs) for logs in outer.ends] == [{"loss", "accuracy"}]
    assert len(inner.ends) == 2


@pytest.mark.parametrize(("error", "n_ends"), [(ValueError("no"), 0), (KeyboardInterrupt(), 1)])
def test_a_fit_that_fails_by_itself_is_left_as_keras_leaves_it(error, n_ends):
    """Its own error ends no callback; an interrupt is a stop."""
    closing = Closing()
    with pytest.raises(type(error)), Watched():
        sequential().fit(X, Y, callbacks=[closing, raising(error)])
    assert len(closing.ends) == n_ends


def test_a_stopped_fit_leaves_no_backup_to_the_next_trial(tmp_path):
    """The next fit with the same folder begins at its own first epoch."""

    def fit(epochs):
        backup = keras.callbacks.BackupAndRestore(str(tmp_path / "backup"))
        model = sequential()
        model.build((None, 4))
        return model.fit(X, Y, epochs=epochs, callbacks=[backup])

    with pytest.raises(Stop, match="lost"), watched_fits(stop_at_second, lambda: None):
        fit(9)
    assert fit(3).epoch == [0, 1, 2]


def stop_at_second(step, metrics, n_steps):
    """End the training after its second epoch."""
    if step == 2:
        raise Stop("lost")


def scripted(monitor, values, **options):
    """Return callbacks that log `values` and stop early on them."""
    played = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update({monitor: values[epoch]})
    )
    options = {"monitor": monitor, "mode": "min", "restore_best_weights": True} | options
    return [played, keras.callbacks.EarlyStopping(**options)]


@pytest.mark.parametrize(
    ("values", "options", "final", "n_epochs"),
    [
        ([3, 1, 2, 2, 2], {"patience": 2}, 1, 4),  # stopped early
        ([3, 2, 1, 2, 2], {"patience": 9}, 2, 5),  # ran to its end: restored all the same
        ([1, 3, 2, 4, 5], {"patience": 9, "start_from_epoch": 1}, 2, 5),
        ([1, 3, 2, 4, 5], {"patience": 9, "start_from_epoch": 9}, 4, 5),  # never began to watch
        ([3, 1, 2, 2, 2], {"patience": 9, "restore_best_weights": False}, 4, 5),
        ([3, 2, 1, 1, 1], {"patience": 9, "baseline": 0}, 2, 5),
        ([3, 1, 2, 2, 4], {"patience": 9, "mode": "max"}, 4, 5),
        ([np.nan, 1, 2, 2, 4], {"patience": 9}, None, 5),  # asked of the weights
    ],
)  # fmt: skip
def test_final_is_the_epoch_whose_weights_were_restored(values, options, final, n_epochs):
    """Under `restore_best_weights` the model is at an earlier epoch, as its weights show."""
    weights = []
    spy = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(spy.model.get_weights())
    )
    with Watched() as seen:
        model = sequential()
        model.fit(X, Y, epochs=5, callbacks=[spy, *scripted("mine", values, **options)])
    [fit] = seen.fits
    assert len(fit.epochs) == n_epochs
    assert final is None or fit.final == final
    same = zip(model.get_weights(), weights[fit.final], strict=True)
    assert all(np.array_equal(now, then) for now, then in same)


def test_final_counts_from_the_first_epoch_of_the_fit():
    """With `initial_epoch` Keras's number of the best epoch is not its index."""
    with Watched() as seen:
        callbacks = scripted("mine", [9, 9, 9, 2, 1, 3], patience=9)
        sequential().fit(X, Y, epochs=6, initial_epoch=3, callbacks=callbacks)
    assert seen.fits[0].final == 1
    assert seen.fits[0].epochs[1]["mine"] == 1


def test_a_model_checkpoint_puts_nothing_back(tmp_path):
    """Saving the best weights leaves the model at its last epoch."""
    path = str(tmp_path / "best.weights.h5")
    keep = keras.callbacks.ModelCheckpoint(
        path, save_best_only=True, save_weights_only=True, monitor="loss"
    )
    with Watched() as seen:
        sequential().fit(X, Y, epochs=2, callbacks=[keep])
    assert seen.fits[0].final == 1


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
