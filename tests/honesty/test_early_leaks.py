"""Leaks that the data shows, and data that only looks so."""

from __future__ import annotations

from time import process_time

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import StandardScaler

from hpo_magic.honesty.early_leaks import (
    Copies,
    are_scaled_together,
    column_of_target,
    repeated_rows,
    shared_rows,
)

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(120, 4))


@pytest.mark.parametrize("kind", [np.float64, np.float32, str])
def test_rows_in_both_parts_are_counted(kind: type) -> None:
    """Numbers of any precision, and texts."""
    rows = ROWS.astype(kind)
    assert shared_rows(rows[:100], rows[80:]) == Copies(20, 40)
    assert shared_rows(rows[:80], rows[80:]) is None
    assert shared_rows(rows[:80], rows[80:, :3]) is None


def test_copies_are_counted_unless_they_are_natural() -> None:
    """Repeated rows are; equal flowers, tables of few values and filled gaps are not."""
    assert repeated_rows(np.concatenate([ROWS, ROWS[:30]])) == Copies(60, 150)
    assert repeated_rows(ROWS) is None
    assert repeated_rows(load_iris().data) is None
    assert repeated_rows(RNG.integers(0, 3, (200, 3))) is None
    filled = np.c_[np.where(RNG.random(120) < 0.3, 0.0, ROWS[:, 0]), RNG.integers(0, 5, 120)]
    assert repeated_rows(filled) is None


def test_a_column_that_tells_the_target() -> None:
    """The target itself, in other units, its logarithm, its classes' names, its one-hot code."""
    price = RNG.lognormal(size=120)
    kinds = RNG.integers(0, 3, 120)
    for column in (price, 5 - 2 * price, np.log(price)):
        assert column_of_target(np.c_[ROWS, column], price) == 4
    assert column_of_target(np.c_[ROWS, np.array([7, 1, 3])[kinds]], kinds) == 4
    names = np.array(["a", "b", "c"], dtype=object)[kinds]
    mixed = np.column_stack([ROWS.astype(object), names])
    assert column_of_target(mixed, kinds) == 4
    assert column_of_target(np.c_[ROWS, np.eye(3)[kinds]], kinds) == 4


def test_a_column_that_only_goes_with_the_target() -> None:
    """One class marked of three, a close relation, one column alone, rows of other lengths."""
    kinds = RNG.integers(0, 3, 120)
    assert column_of_target(np.c_[ROWS, kinds == 1], kinds) is None
    assert column_of_target(np.c_[ROWS[:, 1:], ROWS[:, 0] ** 2], ROWS[:, 0]) is None
    assert column_of_target(ROWS[:, :1], 2 * ROWS[:, 0]) is None
    assert column_of_target(ROWS, ROWS[:50, 0]) is None
    assert column_of_target(ROWS, (ROWS[:, 0] > 0).astype(int)) is None


def test_rows_that_were_standardized_together() -> None:
    """Told from a scaler of the training rows, and from data that comes centred."""
    raw = 5 + 3 * ROWS
    both = StandardScaler().fit_transform(raw)
    assert are_scaled_together(both)
    assert are_scaled_together(both[:80], both[80:])
    assert are_scaled_together((raw - raw.mean(0)) / raw.std(0, ddof=1))
    scaler = StandardScaler().fit(raw[:80])
    assert not are_scaled_together(scaler.transform(raw[:80]), scaler.transform(raw[80:]))
    assert not are_scaled_together(raw)
    assert not are_scaled_together(load_diabetes().data)


def test_what_is_no_table_is_left_alone() -> None:
    """Scalars, texts, objects that cannot be compared, missing numbers."""
    assert shared_rows(np.array(3.0), ROWS) is None
    assert repeated_rows(np.array([{}, {}, {}, {}], dtype=object)) is None
    assert not are_scaled_together(np.full((30, 2), np.nan))
    assert repeated_rows(np.full((30, 2), np.nan)) is None


def test_it_takes_little_time() -> None:
    """20,000 rows of 50 numbers take less than 50 sorts of one column."""
    rows = RNG.normal(size=(20_000, 50))
    target = RNG.normal(size=20_000)
    began = process_time()
    for _ in range(10):
        np.sort(rows[:, 0])
    one = (process_time() - began) / 10
    began = process_time()
    assert repeated_rows(rows) is None
    assert column_of_target(rows, target) is None
    assert process_time() - began < 2_000 * one


def test_leaks_of_large_tables_are_found_by_a_part_of_their_rows() -> None:
    """70,000 rows: a rare class's one-hot code, the target as a number, 2% copies, one scaler."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((70_000, 12))
    classes = np.where(rng.random(70_000) < 0.001, 2, rng.integers(0, 2, 70_000))
    assert column_of_target(table, classes) is None
    one_hot = np.hstack([table, (classes[:, None] == np.arange(3)).astype(float)])
    assert column_of_target(one_hot, classes) == 12
    number = table[:, 0] * 3
    assert column_of_target(table, number) == 0
    train, held_out = table[:50_000], table[50_000:].copy()
    assert shared_rows(train, held_out) is None
    held_out[::50] = train[:400]
    assert shared_rows(train, held_out) == (400, 20_000)
    assert repeated_rows(np.concatenate([train, held_out])) == (800, 70_000)
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    assert are_scaled_together(scaled[:50_000], scaled[50_000:])
    assert not are_scaled_together(table[:50_000], table[50_000:])
