"""A Keras fit that is stopped, and which epoch its weights are of."""

import keras
import numpy as np
import pytest
from watched_keras import VALIDATION, Stop, Watched, X, Y, scripted, sequential

from hpo_magic.frameworks.keras_fit import watched_fits

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`, and Keras 3.15 says of its
    # own default that it is ignored.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]


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


def test_a_metric_of_one_class_is_a_number():
    """Keras's F1 score of a model with one output is an array of one."""
    with Watched() as seen:
        model = sequential()
        model.compile("sgd", "mse", metrics=[keras.metrics.F1Score(threshold=0.5)])
        model.fit(X, Y[:, None])
    assert isinstance(seen.fits[0].epochs[0]["f1_score"], float)
