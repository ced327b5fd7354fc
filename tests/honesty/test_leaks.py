"""Test data that the search saw."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hpo_magic.honesty.leaks import (
    looks_like_test_data,
    overlap,
    row_fingerprints,
)

RNG = np.random.default_rng(0)
DATA = RNG.normal(size=(300, 8))


def test_rows_are_found_in_any_order_and_type() -> None:
    """Permuted, as float32, a slice of them, among others: all are counted."""
    train, test = DATA[:200], DATA[200:]
    used = [row_fingerprints(train), row_fingerprints(test[::-1][:60].astype(np.float32))]
    found = overlap(row_fingerprints(test), used)
    assert (found.n_found, found.n_rows, found.is_leak) == (60, 100, True)


def test_a_disjoint_set_is_not_accused() -> None:
    """No row in common, no leak; nothing used, nothing found."""
    found = overlap(row_fingerprints(DATA[:100]), [row_fingerprints(DATA[100:])])
    assert (found.n_found, found.is_leak) == (0, False)
    assert not overlap(row_fingerprints(DATA), []).is_leak


def test_one_row_in_common_is_enough() -> None:
    """Where rows are all different, one is no chance."""
    found = overlap(row_fingerprints(DATA[:100]), [row_fingerprints(DATA[99:])])
    assert (found.n_found, found.is_leak) == (1, True)


def test_data_whose_rows_are_alike_is_not_accused() -> None:
    """Two columns of few values: disjoint rows are found by the dozen, and it is no leak."""
    table = RNG.integers(0, 40, size=(900, 2))
    test, train = row_fingerprints(table[:300]), row_fingerprints(table[300:])
    found = overlap(test, [train])
    assert found.n_found > 30
    assert not found.is_leak
    assert overlap(test, [train, test]).is_leak


@pytest.mark.parametrize("kind", [np.float64, np.int64, np.uint8, object])
def test_the_same_numbers_have_the_same_fingerprint(kind: type) -> None:
    """Whole numbers of any type, images and flattened images, arrays and tables."""
    pixels = RNG.integers(0, 256, size=(20, 4, 4))
    expected = row_fingerprints(pixels.astype(np.float32))
    assert (row_fingerprints(pixels.astype(kind)) == expected).all()
    assert (row_fingerprints(pd.DataFrame(pixels.reshape(20, 16)).astype(kind)) == expected).all()


def test_zeros_and_nans_of_all_kinds_are_equal() -> None:
    """-0.0 is 0.0, and a NaN equals a NaN; infinities and huge numbers are taken too."""
    rows = np.array([[0.0, np.nan], [-0.0, -np.nan], [1e300, np.inf]])
    first, second, third = row_fingerprints(rows)
    assert first == second != third


def test_mixed_tables_have_fingerprints() -> None:
    """Texts count; 1 and 1.0 beside them are one number."""
    one = pd.DataFrame({"name": ["a", "b"], "x": [1, 2]})
    other = pd.DataFrame({"name": ["a", "c"], "x": [1.0, 2.0]})
    assert (row_fingerprints(one) == row_fingerprints(other)).tolist() == [True, False]
    assert len(set(row_fingerprints(np.array(["ab", "c"])).tolist())) == 2
    assert row_fingerprints(np.array([["a", "bc"], ["ab", "c"]])).size == 2


def test_an_array_without_rows_has_no_fingerprints() -> None:
    """And leaks nothing."""
    empty = row_fingerprints(np.empty((0, 3)))
    assert empty.shape == (0,)
    assert not overlap(empty, [empty]).is_leak


@given(rows=hnp.arrays(np.float32, (6, 3), elements=st.floats(-9, 9, width=32)))
def test_fingerprints_are_equal_where_rows_are(rows: np.ndarray) -> None:
    """And only there."""
    prints = row_fingerprints(rows)
    equal = (rows[:, None] == rows[None]).all(axis=2)
    assert ((prints[:, None] == prints[None]) == equal).all()


def test_a_fingerprint_is_the_same_in_another_process() -> None:
    """The ledger compares looks of different kernels."""
    code = (
        "import numpy as np; from hpo_magic.honesty.leaks import row_fingerprints;"
        "print(row_fingerprints(np.array([[1.0, 2.0]]))[0])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(row_fingerprints(np.array([[1, 2]]))[0])


def test_names_of_test_data_are_told_from_others() -> None:
    """What holds data is named, what counts or measures is not."""
    data = ["x_test", "X_te", "XTest", "xtest", "test_images", "df_test", "y_holdout", "testData"]
    other = ["x_train", "test_size", "train_test_split", "latest", "contest", "test_accuracy"]
    other += ["n_test", "attest", "texts", "te2_split", "tester", "estimate"]
    assert looks_like_test_data(data + other) == sorted(data)
