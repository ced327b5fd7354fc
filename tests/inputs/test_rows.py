"""What has rows among values, in whatever holds it, and what is named as not seen."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from hpo_magic.inputs.rows import dense_rows, rows_in

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))
Y = np.arange(40)


def test_rows_that_can_be_told_apart_are_data() -> None:
    """Tables, images, texts, in tuples, dicts and objects; no labels, no settings, no types."""
    values = {
        "x": X.copy(),
        "table": pd.DataFrame(X),
        "images": X.reshape(10, 2, 6),
        "texts": np.array(["a", "b", "c", "d", "e"]),
        "pair": (X.copy(), X[:, 0]),
        "parts": {"train": X.copy()},
        "sparse": sp.csr_matrix(X),
        "lists": X.tolist(),
        "reviews": ["it was a very good film"] * 9,
        "held": SimpleNamespace(deep={"x": [X.copy()]}),
        "y": Y,
        "few": X[:3],
        "number": 3,
        "names": ["cat", "dog", "cow", "hen", "pig"],
        "type": np.ndarray,
    }
    found = rows_in(values)
    assert set(found.arrays) == {
        *("x", "table", "images", "texts", "pair[0]", "parts['train']", "sparse", "lists"),
        *("reviews", "held.deep['x'][0]"),
    }
    assert set(found.labels) == {"pair[1]", "y"}
    assert found.not_seen == ()


def test_what_two_variables_share_is_there_once() -> None:
    """And neither counts as not seen."""
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.tensor(X))
    found = rows_in({"tensors": data, "loader": torch.utils.data.DataLoader(data)})
    assert list(found.arrays) == ["loader.dataset.tensors[0]"]
    assert found.not_seen == ()


def test_of_a_part_of_a_dataset_only_its_rows_count() -> None:
    """Training and test parts of one dataset share no row."""
    torch = pytest.importorskip("torch")
    utils = torch.utils.data
    whole = utils.TensorDataset(torch.tensor(X), torch.tensor(Y))
    first, rest = utils.Subset(whole, range(10)), utils.Subset(whole, list(range(10, 40)))
    inner = utils.Subset(rest, [0, 2, 4, 6, 8])
    chosen = utils.DataLoader(whole, sampler=utils.SubsetRandomSampler([5, 6, 7, 8, 9]))
    found = rows_in({"first": first, "inner": inner, "loader": chosen})
    shapes = {path: array[:, 0].tolist() for path, array in found.arrays.items()}
    assert shapes == {
        "first[0]": X[:10, 0].tolist(),
        "inner[0]": X[10:20:2, 0].tolist(),
        "loader[0]": X[5:10, 0].tolist(),
    }
    assert found.not_seen == ()


def test_of_a_part_of_a_pipeline_only_its_rows_count() -> None:
    """Where it is taken from tensors; after a shuffle or a filter it cannot be told."""
    tf = pytest.importorskip("tensorflow")
    whole = tf.data.Dataset.from_tensor_slices((X, Y))
    found = rows_in(
        {
            "first": whole.take(10).batch(4),
            "rest": whole.skip(30),
            "mixed": whole.shuffle(40).take(10),
            "odd": whole.filter(lambda x, y: y % 2 == 1),
        }
    )
    rows = {path: array[:, 0].tolist() for path, array in found.arrays.items()}
    assert rows == {
        "first(input 0)[0]": X[:10, 0].tolist(),
        "rest[0]": X[30:, 0].tolist(),
    }
    assert found.not_seen == ("mixed", "odd")


def test_models_have_no_rows() -> None:
    """A nearest-neighbours model keeps its training data, which is not what is tested."""
    from sklearn.neighbors import KNeighborsClassifier

    found = rows_in({"model": KNeighborsClassifier().fit(X, Y > 9)})
    assert (found.arrays, found.labels, found.not_seen) == ({}, {}, ())


@pytest.mark.parametrize("of", [np.asarray, sp.csr_matrix, sp.coo_matrix, pd.DataFrame])
def test_rows_are_dense(of: Any) -> None:
    """Of very many an even sample."""
    many = of(np.arange(2000.0).reshape(-1, 2))
    assert dense_rows(many, 5000).shape == (1000, 2)
    few = dense_rows(many, 3)
    assert few.tolist() == [[0.0, 1.0], [998.0, 999.0], [1998.0, 1999.0]]
