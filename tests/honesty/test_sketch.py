"""Knowing a test set again from a line of the ledger."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.leaks import row_fingerprints
from hpo_magic.honesty.sketch import N_KEPT, are_same_rows, rows_of_text, sketch, text_of_rows

rng = np.random.default_rng(0)
SMALL = row_fingerprints(rng.normal(size=(400, 4)))
LARGE = row_fingerprints(rng.normal(size=(30_000, 4)))
OTHER = row_fingerprints(rng.normal(size=(30_000, 4)))


def test_text_and_rows_are_the_same() -> None:
    """What is written is read again; a large set takes no more than a small one."""
    kept = sketch(LARGE)
    assert (rows_of_text(text_of_rows(kept)) == kept).all()
    assert len(kept) == N_KEPT
    assert len(rows_of_text("")) == 0


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_the_same_rows_are_known_again(rows: np.ndarray) -> None:
    """Permuted, a tenth of them, the whole after a tenth, and half of them among others."""
    tenth = rows[::10]
    half = np.concatenate([rows[: len(rows) // 2], OTHER[: len(rows) // 2]])
    for one, other in ((rows[::-1], rows), (tenth, rows), (rows, tenth), (half, rows)):
        assert are_same_rows(one, sketch(other))


@pytest.mark.parametrize("rows", [SMALL, LARGE])
def test_other_rows_are_not(rows: np.ndarray) -> None:
    """Neither disjoint ones, nor such as share one row in a hundred, nor none."""
    assert not are_same_rows(rows, sketch(OTHER))
    few = np.concatenate([rows[: len(rows) // 100], OTHER[: len(rows)]])
    assert not are_same_rows(few, sketch(rows))
    assert not are_same_rows(rows, sketch(rows[:0]))
    assert not are_same_rows(rows[:0], sketch(rows))


def test_data_whose_rows_are_alike_is_another_set() -> None:
    """Two columns of few values: disjoint sets share rows by the dozen."""
    table = row_fingerprints(rng.integers(0, 12, size=(900, 2)))
    assert not are_same_rows(table[:450], sketch(table[450:]))


def test_of_a_large_set_a_handful_of_rows_is_not_known() -> None:
    """The limit: below a thousandth of 30,000 rows none may be in the sketch."""
    outside = LARGE[np.sort(LARGE)[N_KEPT] < LARGE][:20]
    assert not are_same_rows(outside, sketch(LARGE))
