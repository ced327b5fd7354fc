"""What a cell reads, in a notebook: changed in a trial, changed since, and seen in the test."""
# ruff: noqa: E501  (a case reads best in one line)

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo_magic.views.words.notices import messages

LINE = "%%hpo study --minimize loss --ui none --sampler random --trials 3 --recheck 0"


def search(notebook: Any, cell: str) -> Any:
    """Search a cell that ends in its score; return the study."""
    notebook.ok(f"{LINE}\nx = hp.Float(0.0, 1.0)\n{cell}\nx")
    return notebook["study"]


def message(study: Any) -> str:
    """Return the first thing that was said."""
    return messages(study.snapshot)[0] if messages(study.snapshot) else ""


NOTICED = [
    ("from types import SimpleNamespace as S\nd = S(log=[])", "d.log.append(x)", "d.log changed"),
    ("import numpy as np\nrng = np.random.default_rng(0)", "rng.normal()", "the random state rng moved"),
    (
        "import numpy as np\nfrom sklearn.model_selection import KFold\n"
        "cv = KFold(3, shuffle=True, random_state=np.random.RandomState(0))",
        "n = len(list(cv.split(np.ones(9))))",
        "the random state cv.random_state moved",
    ),
    ("batches = iter(range(99))", "first = next(batches)", "the iterator batches was consumed"),
    (
        "from sklearn.linear_model import SGDClassifier\nm = SGDClassifier()",
        "m.partial_fit([[0], [1]], [0, 1], classes=[0, 1])",
        "m was fitted further",
    ),
    (
        "def make():\n    n = [0]\n    def count(): n[0] += 1\n    return count\ncount = make()",
        "count()",
        "count(n) changed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "cell", "what"), NOTICED)
def test_a_change_is_named_once(notebook: Any, setup: str, cell: str, what: str) -> None:
    """After the first trial that makes it."""
    notebook.ok(setup)
    study = search(notebook, cell)
    assert messages(study.snapshot) == (
        f"The cell changes data that it reads, in place: {what}. Each trial starts from what the "
        f"one before left. Work on a copy in the cell, or make it there.",
    )


def test_what_cannot_be_compared_is_named(notebook: Any) -> None:
    """Before the first trial, once."""
    notebook.ok("from itertools import cycle\nnames = cycle('ab')")
    study = search(notebook, "first = next(names)")
    said = messages(study.snapshot)
    assert said[0] == "Not compared between trials and runs: names (its position)."
    assert len(said) == 2  # what is inside of the iterator moved


def test_a_change_that_begins_later_is_named_then(notebook: Any) -> None:
    """What `lru_cache` has kept is there from the first trial on, and changed in the second."""
    notebook.ok("from functools import lru_cache\n@lru_cache\ndef load(): return [1]")
    study = search(notebook, "load().append(2)")
    assert "load(result for ()) changed" in message(study)


CHANGED_SINCE = [
    ("from types import SimpleNamespace as S\nd = S(x=[1, 2], y=3)", "total = sum(d.x)", "d.x[0] = 5", "d.x"),
    ("import scipy.sparse as sp\nm = sp.eye(9).tocsr()", "n = m.sum()", "m.data[0] = 7", "m"),
    ("from functools import partial\nf = partial(pow, 2)", "y = f(3)", "f = partial(pow, 3)", "f"),
    ("def make(k):\n    return lambda v: v * k\nf = make(2)", "y = f(x)", "f = make(3)", "f"),
    ("import numpy as np\nrng = np.random.default_rng(0)", "import copy\ncopy.deepcopy(rng).normal()", "rng.normal();", "rng"),
    ("it = iter([1, 2, 3])", "import copy\nfirst = next(copy.copy(it))", "next(it);", "it"),
    ("class C:\n    def __init__(self): self.k = 1\nc = C()", "y = c.k", "c.k = 2", "c.k"),
    ("from dataclasses import dataclass\n@dataclass\nclass D:\n    k: dict\nd = D({'a': {'b': [1]}})", "y = len(d.k)", "d.k['a']['b'].append(2)", "d.k"),
    ("from sklearn.preprocessing import StandardScaler\ns = StandardScaler().fit([[0], [1]])", "y = s.transform([[1]])", "s.fit([[0], [5]]);", "s"),
    ("from functools import lru_cache\n@lru_cache\ndef f(): return 1", "y = f()", "@lru_cache\ndef f(): return 2", "f"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "cell", "change", "variable"), CHANGED_SINCE)
def test_a_change_since_the_last_run_is_a_new_revision(
    notebook: Any, setup: str, cell: str, change: str, variable: str
) -> None:
    """Its trials cannot be compared; the variable is named."""
    notebook.ok(setup)
    assert message(search(notebook, cell)) == ""
    assert message(search(notebook, cell)).startswith("No trial is left")
    notebook.ok(change)
    assert message(search(notebook, cell)) == (
        f"What the cell reads changed ({variable}): a new revision (2); the old ones stay."
    )


def test_an_attribute_that_the_cell_does_not_read_does_not_count(notebook: Any) -> None:
    """Of `d.x` only that part is compared."""
    notebook.ok("from types import SimpleNamespace as S\nd = S(x=[1, 2], y=3)")
    search(notebook, "total = sum(d.x)")
    notebook.ok("d.y = 4")
    assert message(search(notebook, "total = sum(d.x)")).startswith("No trial is left")


def test_an_estimator_that_each_trial_fits_anew_is_not_compared(notebook: Any) -> None:
    """It differs after the first run, and nothing comes of that."""
    notebook.ok("from sklearn.linear_model import Ridge\nm = Ridge()")
    cell = "m.fit([[0], [1]], [0, 1])"
    assert message(search(notebook, cell)) == ""
    assert message(search(notebook, cell)).startswith("No trial is left")


def test_a_class_of_a_library_is_not_changed_by_its_first_use(notebook: Any) -> None:
    """Keras adds to a Layer's and a Metric's class when they are used."""
    pytest.importorskip("keras")
    notebook.ok(
        """
        import keras, numpy as np
        class Scale(keras.layers.Layer):
            def call(self, inputs): return inputs * 2
        class Mine(keras.metrics.Mean):
            def update_state(self, values, sample_weight=None):
                return super().update_state(values)
        """
    )
    cell = "Scale()(np.ones((1, 2))); Mine()([1.0])"
    assert message(search(notebook, cell)) == ""
    assert message(search(notebook, cell)).startswith("No trial is left")


def test_a_module_that_was_edited_is_a_change(
    notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own, also where a function was imported from it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "my_features.py"
    file.write_text("def scaled(v):\n    return v * 2\n")
    notebook.ok("from my_features import scaled")
    assert message(search(notebook, "y = scaled(x)")) == ""
    file.write_text("def scaled(v):\n    return v * 3 + 1\n")
    importlib.reload(sys.modules["my_features"])
    notebook.ok("from my_features import scaled")
    said = message(search(notebook, "y = scaled(x)"))
    del sys.modules["my_features"]
    assert "module my_features" in said
    assert said.endswith("a new revision (2); the old ones stay.")


TEST_DATA = """
import numpy as np, scipy.sparse as sp
from types import SimpleNamespace as S
rng = np.random.default_rng(1)
x_train, x_new = rng.normal(size=(40, 3)), rng.normal(size=(20, 3))
"""
LEAKS = [
    ("d = S(x=x_train)", "n = len(d.x)", "d.x[:9]"),
    ("m = sp.csr_matrix(x_train)", "n = m.sum()", "m[:9]"),
    ("parts = {'all': {'x': [x_train]}}", "n = len(parts['all'])", "x_train[:9]"),
    ("rows = x_train.tolist()", "n = len(rows)", "x_train[:9]"),
    (
        "import torch\nfrom torch.utils.data import TensorDataset, DataLoader\n"
        "data = DataLoader(TensorDataset(torch.tensor(x_train)), batch_size=9)",
        "n = len(data)",
        "x_train[:9]",
    ),
    (
        "import tensorflow as tf\ndata = tf.data.Dataset.from_tensor_slices(x_train).shuffle(9).batch(4)",
        "n = len(data)",
        "x_train[:9]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "cell", "test"), LEAKS)
def test_rows_are_found_in_whatever_holds_them(
    notebook: Any, setup: str, cell: str, test: str
) -> None:
    """What the search read is compared with what the test reads."""
    notebook.ok(TEST_DATA)
    notebook.ok(setup)
    search(notebook, cell)
    notebook.ok(f"held = {test}\nd_test = S(inner={{'x': held}})")
    said = str(notebook.ok("%%hpo_test study\nfloat(d_test.inner['x'].sum())").value)
    assert "9 of 9 test rows" in said
    said = str(notebook.ok("%%hpo_test study\nfloat(x_new.sum())").value)
    assert "test rows were" not in said
    assert "Not checked for rows" not in said


NOT_SEEN = [
    ("def rows():\n    for i in range(4):\n        yield np.ones(3) * i\ndata = rows()", "len(list(data))", "data"),
    (
        "import tensorflow as tf\ndata = tf.data.Dataset.from_generator(lambda: iter(x_new), output_signature=tf.TensorSpec((3,)))",
        "len(list(data))",
        "data",
    ),
    (
        "from torch.utils.data import Dataset, DataLoader\nclass Files(Dataset):\n"
        "    def __len__(self): return 4\n    def __getitem__(self, i): return np.ones(3) * i\n"
        "data = DataLoader(Files())",
        "len(list(data))",
        "data",
    ),
    (
        "import h5py\nwith h5py.File('rows.h5', 'w') as f: f['x'] = x_new\n"
        "data = h5py.File('rows.h5')['x']",
        "float(data[:].sum())",
        "data",
    ),
    ("class It:\n    def __iter__(self): return self\n    def __next__(self): raise StopIteration\n"
     "d = S(rows=It())", "len(list(d.rows))", "d.rows"),
]  # fmt: skip


@pytest.mark.parametrize(("setup", "test", "variable"), NOT_SEEN)
def test_what_cannot_be_checked_is_named(
    notebook: Any, setup: str, test: str, variable: str
) -> None:
    """A look at it would run the user's code, or use it up."""
    if "h5py" in setup:
        pytest.importorskip("h5py")
    notebook.ok(TEST_DATA)
    search(notebook, "n = len(x_train)")
    notebook.ok(setup)
    said = str(notebook.ok(f"%%hpo_test study\n{test}").value)
    assert f"Not checked for rows that the search used: {variable}." in said


def test_a_model_is_no_data(notebook: Any) -> None:
    """Its weights have rows, and a scaler's training data is the search's."""
    notebook.ok(TEST_DATA)
    notebook.ok(
        "from sklearn.neighbors import KNeighborsRegressor\n"
        "m = KNeighborsRegressor().fit(x_train, x_train[:, 0])"
    )
    search(notebook, "n = len(x_train)")
    said = str(notebook.ok("%%hpo_test study\nm.score(x_new, x_new[:, 0])").value)
    assert "on 20 rows" in said
    assert "this is not" not in said
