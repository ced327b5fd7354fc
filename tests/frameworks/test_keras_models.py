"""Models on disk: they come back predicting the same, or say why they do not."""

import keras
import numpy as np
import pytest

from hpo_magic.errors import HpoError, StorageError
from hpo_magic.frameworks.keras import KerasFramework
from hpo_magic.frameworks.keras_models import KerasModels

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")
MODELS = KerasModels()


class Scaled(keras.layers.Layer):
    """A layer of the user's."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


def mine(y_true, y_pred):
    """Return a loss of the user's."""
    return keras.ops.mean(keras.ops.abs(y_true - y_pred))


class Opaque(keras.Model):
    """A model whose arguments Keras cannot write."""

    def __init__(self, make):
        super().__init__()
        self.inner = make()

    def call(self, inputs):
        return self.inner(inputs)


class Failing(keras.layers.Dense):
    """A layer whose configuration fails."""

    def get_config(self):
        raise RuntimeError("not today")


def fitted(model, loss="mse"):
    """Return the model after an epoch."""
    model.compile("adam", loss, metrics=["mae"], run_eagerly=True)
    model.fit(X, Y, verbose=0)
    return model


def plain_model():
    """Return a model with state of every kind: statistics, a random stream, an adapted layer."""
    normalization = keras.layers.Normalization()
    normalization.adapt(X)
    return keras.Sequential(
        [
            normalization,
            keras.layers.Dense(8, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, seed=1),
            keras.layers.Dense(1),
        ]
    )


def test_a_model_predicts_the_same_to_the_last_bit(tmp_path):
    """Also after the session was cleared; it evaluates without being compiled again."""
    model = fitted(plain_model())
    before, score = model.predict(X, verbose=0), model.evaluate(X, Y, verbose=0)
    MODELS.save(model, tmp_path / "trial-1")
    KerasFramework().clear()
    assert MODELS.is_kept(tmp_path / "trial-1")
    loaded = MODELS.load(tmp_path / "trial-1", {})
    assert np.array_equal(loaded.predict(X, verbose=0), before)
    assert loaded.evaluate(X, Y, verbose=0) == score


def test_a_half_precision_model_predicts_the_same(tmp_path):
    """The dtype policy comes back with the model."""
    model = fitted(keras.Sequential([keras.layers.Dense(4, dtype="mixed_float16")]))
    MODELS.save(model, tmp_path)
    loaded = MODELS.load(tmp_path, {})
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_later_model_takes_the_place(tmp_path):
    """The folder holds the last model that was saved, whole or not, and nothing else."""
    whole, opaque = fitted(plain_model()), fitted(Opaque(lambda: keras.layers.Dense(1)))
    for model, file in ((opaque, "model.weights.h5"), (whole, "model.keras"), (opaque, None)):
        MODELS.save(model, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [file or "model.weights.h5"]
    assert not MODELS.is_kept(tmp_path)


def test_the_users_classes_and_functions_are_found(tmp_path):
    """What a model is made of is looked for in the namespace."""
    model = fitted(keras.Sequential([keras.layers.Dense(1), Scaled(3.0)]), loss=mine)
    MODELS.save(model, tmp_path)
    loaded = MODELS.load(tmp_path, {"Scaled": Scaled, "mine": mine, "x": X, "keras": keras})
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_class_that_is_gone_is_named(tmp_path):
    """A model of a class that was defined inside the cell needs the cell."""

    class Local(Scaled):
        pass

    MODELS.save(fitted(keras.Sequential([keras.layers.Dense(1), Local()])), tmp_path)
    with pytest.raises(HpoError, match=r"Run the cell that defines it again\..*class 'Local'"):
        MODELS.load(tmp_path, {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Opaque(lambda: keras.layers.Dense(1)),
        lambda: keras.Sequential([keras.layers.Dense(1), keras.layers.Lambda(lambda x: 2 * x)]),
        lambda: keras.Sequential([Failing(1)]),
    ],
    ids=["arguments", "lambda", "get_config"],
)
def test_a_model_that_cannot_be_written_leaves_its_weights(make, tmp_path):
    """They can be put into a model that is built again, and loading says so."""
    model = fitted(make())
    MODELS.save(model, tmp_path)
    assert not MODELS.is_kept(tmp_path)
    with pytest.raises(HpoError, match=r"has a lambda in it or a layer without get_config\. Run"):
        MODELS.load(tmp_path, {})
    again = fitted(make())
    assert not np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert MODELS.restore(tmp_path, again)
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_the_weights_of_a_whole_model_can_be_put_back_too(tmp_path):
    """A model that was built again takes the weights from the whole model's file."""
    model = fitted(plain_model())
    MODELS.save(model, tmp_path)
    KerasFramework().clear()
    again = plain_model()
    again.build(X.shape)
    assert MODELS.restore(tmp_path, again)
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_weights_that_do_not_fit_are_refused(tmp_path):
    """A cell that builds another model now cannot take the weights."""
    MODELS.save(fitted(keras.Sequential([keras.layers.Dense(1)])), tmp_path)
    with pytest.raises(HpoError, match="do not fit the model that the cell builds now"):
        MODELS.restore(tmp_path, fitted(keras.Sequential([keras.layers.Dense(2)]), loss=mine))


def test_where_nothing_was_kept_nothing_is_put_back(tmp_path):
    """An empty folder is no model and has no weights."""
    assert not MODELS.is_kept(tmp_path / "none")
    assert not MODELS.restore(tmp_path / "none", None)


def test_a_disk_that_refuses_is_named(tmp_path):
    """The error says where, and what to do."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"could not be kept in .*trial-1: .* Make room, or"):
        MODELS.save(None, tmp_path / "file" / "trial-1")


def test_a_failing_save_keeps_what_was_there(tmp_path):
    """A disk that fills up while a model is written leaves the model before it."""

    class Full:
        def save(self, path):
            path.write_text("half")
            raise OSError("No space left on device")

    model = fitted(plain_model())
    MODELS.save(model, tmp_path)
    with pytest.raises(StorageError, match="No space left on device"):
        MODELS.save(Full(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    loaded = MODELS.load(tmp_path, {})
    assert np.array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
