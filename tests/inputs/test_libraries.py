"""What a cell changes of models, datasets and callbacks of the training libraries."""
# ruff: noqa: E501  (a case reads best in one line)

from __future__ import annotations

from typing import Any

import pytest

from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.views.words.inputs import change_text

# Keras's own, in `ReduceLROnPlateau`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

KERAS = """
import numpy as np
import keras
x, y = np.random.rand(16, 4).astype("float32"), np.arange(16) % 2
def new(metrics=()):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=list(metrics))
    return model
def fit(model=None, **options):
    (model or new()).fit(x, y, verbose=0, **options)
"""

KERAS_CASES = [
    ("teacher = new()", "fit(teacher)", "teacher's weights changed"),
    ("teacher = new()", "teacher.layers[0].trainable = False", "teacher's weights changed"),
    ("models = {'a': [new()]}\ndef go(): fit(models['a'][0])", "go()", "models['a'][0]'s weights changed"),
    ("class Net:\n    def __init__(self): self.model = new()\nnet = Net()\ndef go(net): fit(net.model)", "go(net)",
     "net.model's weights changed"),
    ("layer = keras.layers.Dense(2)", "layer(x)", "layer's weights changed"),
    ("augment = keras.layers.GaussianNoise(1.0, seed=1)", "augment(x, training=True)", "the random state augment moved"),
    ("opt = keras.optimizers.Adam()\ndef step():\n    v = new().trainable_variables; opt.build(v); opt.apply([np.ones_like(w) for w in v])",
     "step()", "opt's weights changed"),
    ("class Seen(keras.callbacks.Callback):\n    def __init__(self):\n        super().__init__(); self.epochs = []\n"
     "    def on_epoch_end(self, epoch, logs=None): self.epochs.append(epoch)\nseen = Seen()",
     "fit(callbacks=[seen])", "seen.epochs changed"),
    ("class Count(keras.callbacks.Callback):\n    n = 0\n    def on_train_begin(self, logs=None): self.n += 1\ncount = Count()",
     "fit(callbacks=[count])", "count.n changed"),
    ("saver = keras.callbacks.ModelCheckpoint('best.keras', monitor='nothing'); saver.best = 3.0",
     "saver.best = 2.0", "saver.best changed"),
]  # fmt: skip

KERAS_SAME = [
    ("teacher = new(); fit(teacher)", "teacher.predict(x, verbose=0); teacher.evaluate(x, y, verbose=0)"),
    ("class Scale(keras.layers.Layer):\n    def build(self, shape): self.w = self.add_weight(shape=(4,))\n    def call(self, x): return x * self.w",
     "Scale()(x)"),
    ("class Mine(keras.metrics.Metric):\n    def __init__(self, name='mine', **k):\n        super().__init__(name=name, **k); self.n = self.add_weight(name='n', shape=(), initializer='zeros')\n"
     "    def update_state(self, y_true, y_pred, sample_weight=None): self.n.assign_add(1.0)\n    def result(self): return self.n\nmine = Mine()",
     "fit(new([Mine()])); fit(new([mine]))"),
    ("stop = keras.callbacks.EarlyStopping(monitor='loss')", "fit(callbacks=[stop], epochs=2)"),
    ("slower = keras.callbacks.ReduceLROnPlateau(monitor='loss')", "fit(callbacks=[slower], epochs=2)"),
    ("class Best(keras.callbacks.Callback):\n    def on_train_begin(self, logs=None): self.best = None\n    def on_epoch_end(self, e, logs=None): self.best = logs['loss']\nbest = Best()",
     "fit(callbacks=[best])"),
    ("flat = keras.layers.Flatten()", "flat(x)"),
    ("ins = keras.Input((3,)); outs = keras.layers.Dense(2)(ins)", "keras.Model(ins, outs)"),
    ("loss = keras.losses.SparseCategoricalCrossentropy()", "loss(y, np.ones((16, 2)) / 2)"),
]  # fmt: skip

TORCH = """
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset
x, y = torch.ones(8, 2), torch.arange(8) % 2
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(2, 2)
        self.log = []
    def forward(self, x):
        return self.inner(x)
def step(net, opt):
    opt.zero_grad(); net(x).square().sum().backward(); opt.step()
"""

TORCH_CASES = [
    ("", "x.mul_(2)", "x changed"),
    ("h = torch.ones(3, dtype=torch.bfloat16)", "h += 1", "h changed"),
    ("s = torch.eye(3).to_sparse()", "s.mul_(2)", "s changed"),
    ("net = Net(); opt = torch.optim.Adam(net.parameters())", "step(net, opt)",
     "net's weights changed; opt's weights changed"),
    ("net = Net()", "net.eval()", "net.training changed"),
    ("net = Net()", "net.log.append(1)", "net.log changed"),
    ("data = DataLoader(TensorDataset(x), shuffle=True, generator=torch.Generator())", "list(data)",
     "the random state data.sampler.generator moved"),
    ("class D(Dataset):\n    def __init__(self): self.n = 0\n    def __len__(self): return 2\n"
     "    def __getitem__(self, i): self.n += 1; return x[i]\ndata = DataLoader(D())", "list(data)",
     "data.dataset.n changed"),
    ("batches = iter(DataLoader(TensorDataset(x)))", "next(batches)", "the iterator batches was consumed"),
    ("g = torch.Generator()", "torch.rand(2, generator=g)", "the random state g moved"),
    ("sched = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(Net().parameters(), 0.1), 1)",
     "sched.optimizer.step(); sched.step()", "sched.last_epoch changed"),
    ("data = Subset(TensorDataset(x), [0, 1])\ndef f(d): d.dataset.tensors[0].add_(1)", "f(data)",
     "data.dataset.tensors[0] changed"),
]  # fmt: skip

TORCH_SAME = [
    ("net = Net()", "net(x)"),
    ("data = DataLoader(TensorDataset(x), batch_size=2)", "list(data)"),
    ("x.requires_grad_()", "x.square().sum().backward()"),
]


def told(cells: Any, setup: str, cell: str) -> str:
    """Return what is noticed after a trial, in words."""
    cells.run(setup)
    watch = InputsWatch(cells.read(cell), cell)
    before = dict(cells.namespace)
    cells.run(cell)
    cells.namespace.update(before)
    return "; ".join(change_text(change) for change in watch.changes())


@pytest.mark.parametrize(("setup", "cell", "expected"), KERAS_CASES)
def test_keras(cells: Any, setup: str, cell: str, expected: str) -> None:
    """Weights, seeds, optimizers, and what a callback keeps from one fit to the next."""
    pytest.importorskip("keras")
    cells.run(KERAS)
    assert told(cells, setup, cell) == expected


@pytest.mark.parametrize(("setup", "cell"), KERAS_SAME)
def test_first_uses_in_keras_are_no_change(cells: Any, setup: str, cell: str) -> None:
    """Nor is what each fit resets; the stored fingerprint stays, too."""
    pytest.importorskip("keras")
    cells.run(KERAS)
    cells.run(setup)
    read = cells.read(cell)
    before = InputsWatch(read).start.fingerprint
    assert told(cells, "pass", cell) == ""
    assert InputsWatch(read).start.fingerprint == before


@pytest.mark.parametrize(("setup", "cell", "expected"), TORCH_CASES)
def test_torch(cells: Any, setup: str, cell: str, expected: str) -> None:
    """Tensors, modules, optimizers, datasets and loaders."""
    pytest.importorskip("torch")
    cells.run(TORCH)
    assert expected in told(cells, setup, cell)


@pytest.mark.parametrize(("setup", "cell"), TORCH_SAME)
def test_first_uses_in_torch_are_no_change(cells: Any, setup: str, cell: str) -> None:
    """Gradients are not, either."""
    pytest.importorskip("torch")
    cells.run(TORCH)
    assert told(cells, setup, cell) == ""


def test_what_tensorflow_hides_is_named(cells: Any) -> None:
    """The tensors at the source of a pipeline are seen, a generator's elements are not."""
    tf = pytest.importorskip("tensorflow")
    cells.namespace |= {"tf": tf}
    cells.run(
        """
        v = tf.Variable([1.0, 2.0])
        seen = tf.data.Dataset.from_tensor_slices(([1.0, 2.0], [0, 1])).shuffle(2).batch(1)
        made = tf.data.Dataset.from_generator(lambda: iter([1]), output_signature=tf.TensorSpec((), tf.int32))
        it = iter(seen)
        """
    )
    state = InputsWatch(cells.read("f(v, seen, made, it)")).start
    assert dict(state.unseen) == {"made": "its elements", "it": "its position"}
    other = tf.data.Dataset.from_tensor_slices(([1.0, 3.0], [0, 1])).shuffle(2).batch(1)
    cells.namespace["seen"] = other
    assert InputsWatch(cells.read("f(v, seen, made, it)")).start.fingerprint != state.fingerprint
    assert told(cells, "pass", "v.assign([3.0, 4.0])") == "v changed"
