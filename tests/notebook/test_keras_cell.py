"""Cells that train Keras models, in a real shell: small ones, run eagerly to start fast."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    # Upstream: TensorFlow 2.21 knows nothing of NumPy 2's `copy`, and Keras 3.15 says of its
    # own default that it is ignored.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored"),
]

DATA = """
import keras
import numpy as np
from keras.layers import Dense
rng = np.random.default_rng(0)
x = rng.normal(size=(64, 4)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
x_val, y_val, x_test, y_test = x[:32] + 0.1, y[:32], x[32:] - 0.1, y[32:]
class Scaled(keras.layers.Layer):
    def call(self, inputs): return 2 * inputs
"""
FIT = """
model.compile(keras.optimizers.Adam(lr), "binary_crossentropy", metrics=["accuracy"],
              run_eagerly=True)
history = model.fit(x, y, validation_data=(x_val, y_val), epochs=2, batch_size=32)
last = model.predict(x_val, verbose=0)
print(last.tobytes().hex())
"""
FIRST = "%%hpo study --trials 3 --sampler random --ui none\n"
MODEL = """lr = hp.Float(0.001, 0.3, sampling="log")
model = keras.Sequential([Dense(hp.Int(2, 8), activation="relu"), Dense(1, activation="sigmoid")])
"""


def predictions(study: Any) -> bytes:
    """Return what the best trial's model predicted when it was trained, as it printed it."""
    return bytes.fromhex(study.best_trial.output.strip())


def test_the_best_model_is_kept_to_the_last_bit(
    notebook: Any, new_notebook: Callable[[], Any]
) -> None:
    """In the kernel that trained it and in the next, where nothing is trained."""
    notebook.ok(DATA)
    notebook.ok(FIRST + MODEL + FIT)
    study = notebook["study"]
    assert [str(goal) for goal in study.record.goals] == ["minimize val_loss"]
    assert [len(trial.curve) for trial in study.trials] == [2] * 3
    assert study.best_seen == study.best_trial.curve[-1].metrics["val_loss"]
    assert predictions(study) == study.best_model().predict(notebook["x_val"], verbose=0).tobytes()
    x_val = notebook["x_val"]
    notebook = new_notebook()
    notebook.ok("%hpo study")
    model = notebook.ok("study.best_model()").value
    assert predictions(study) == model.predict(x_val, verbose=0).tobytes()
    loaded = notebook.ok("import hpo_magic\nhpo_magic.load_study('study').best_model()").value
    assert predictions(study) == loaded.predict(x_val, verbose=0).tobytes()


def test_a_class_of_the_notebook_is_found_again(notebook: Any) -> None:
    """Another cell defines the layer; the model is loaded, not trained."""
    notebook.ok(DATA)
    notebook.ok(FIRST + MODEL.replace("[Dense", "[Scaled(), Dense") + FIT)
    study = notebook["study"]
    study.model_store.objective = None  # nothing could be trained
    model = study.best_model()
    assert predictions(study) == model.predict(notebook["x_val"], verbose=0).tobytes()


@pytest.mark.parametrize(
    "layer",
    [
        "class Own(keras.layers.Layer):\n    def call(self, inputs): return 3 * inputs\n",
        "def Own(): return keras.layers.Lambda(lambda inputs: 3 * inputs)\n",
    ],
)
def test_a_class_or_lambda_of_the_cell_itself(notebook: Any, layer: str) -> None:
    """The cell runs again to build the model, and the kept weights are put into it."""
    notebook.ok(DATA)
    notebook.ok(FIRST + layer + MODEL.replace("[Dense", "[Own(), Dense") + FIT)
    study = notebook["study"]
    model = study.best_model()
    assert predictions(study) == model.predict(notebook["x_val"], verbose=0).tobytes()
    text = notebook.ok("%%hpo_test study\nmodel.evaluate(x_test, y_test, verbose=0)").text
    assert "evaluation 1" in text


def test_the_test_evaluates_the_kept_model(notebook: Any) -> None:
    """`evaluate` gives a bare list; its names come from the model."""
    notebook.ok(DATA)
    notebook.ok(FIRST + MODEL + FIT)
    study = notebook["study"]
    text = notebook.ok("%%hpo_test study\nmodel.evaluate(x_test, y_test, verbose=0)").text
    results = study.best_model().evaluate(
        notebook["x_test"], notebook["y_test"], verbose=0, return_dict=True
    )
    assert study.test.value == pytest.approx(results["loss"])
    assert study.test.metric == "loss"
    assert f"also: accuracy {results['accuracy']:.4f}" in text
    assert "on 32 rows" in text


def test_the_frozen_cell_gives_the_same_model(notebook: Any) -> None:
    """Run as it stands, seeded as the trial was; it needs no hpo_magic."""
    notebook.ok(DATA)
    notebook.ok(FIRST + MODEL + FIT)
    study = notebook["study"]
    frozen = notebook.ok("study.freeze()").value
    assert "hp." not in frozen
    notebook.ok("del hp; keras.utils.set_random_seed(0)")
    notebook.ok(frozen)
    expected = np.frombuffer(predictions(study), "float32").reshape(-1, 1)
    np.testing.assert_allclose(notebook["last"], expected, rtol=1e-5)


def test_a_search_of_a_function_keeps_its_model(notebook: Any) -> None:
    """`hpo_magic.search` sees fits as the magic does."""
    notebook.ok(DATA)
    body = (MODEL + FIT + "return history").strip().replace("\n", "\n    ")
    notebook.ok(
        f"import hpo_magic\ndef train():\n    {body}\n"
        "study = hpo_magic.search(train, 'study', trials=2, sampler='random', ui='none')"
    )
    model = notebook["study"].best_model()
    assert predictions(notebook["study"]) == model.predict(notebook["x_val"], verbose=0).tobytes()
