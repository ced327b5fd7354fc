"""The rows that a search used: which arrays count, and what they are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo_magic.core.ports import Fit
from hpo_magic.core.records import UsedRows
from hpo_magic.honesty.used_rows import (
    MOST_ROWS,
    fitted_rows,
    leak_of,
    prints_of,
    rows_read,
)
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.storages import a_record

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 3))


def test_of_very_many_rows_a_sample_is_recorded() -> None:
    """Spread over all of them."""
    many = np.arange(2.0 * (MOST_ROWS + 1000)).reshape(-1, 2)
    prints = prints_of(many)
    assert len(prints) == MOST_ROWS
    assert prints[-1] == prints_of(many[-1:])[0]


def recorded(*fits: Fit, **read: Any) -> list[UsedRows]:
    """Return what is stored after a search that read these arrays and fitted these."""
    storage = SqliteStorage(None)
    study = storage.create(a_record()).id
    for rows in (*rows_read(read), *fitted_rows(fits)):
        storage.add_used(study, rows)
    return storage.used(study)


def a_fit(*arrays: np.ndarray) -> Fit:
    """Return a fit that trained and validated on these."""
    return Fit([], arrays=lambda: arrays)


def test_a_fit_tells_better_than_what_was_read() -> None:
    """Rows that were read and left alone are no leak; rows that a fit used are."""
    used = recorded(a_fit(X[:20], X[20:30]), x=X)
    leak, is_fitted = leak_of(prints_of(X[30:]), used)
    assert (leak.is_leak, is_fitted) == (False, False)
    leak, is_fitted = leak_of(prints_of(X[25:]), used)
    assert (leak.n_found, is_fitted) == (5, True)


def test_without_a_fit_what_was_read_counts() -> None:
    """Also beside a fit that used other data."""
    for used in (recorded(x=X), recorded(a_fit(X + 1), x=X)):
        leak, is_fitted = leak_of(prints_of(X[30:]), used)
        assert (leak.n_found, is_fitted) == (10, False)
    assert not leak_of(prints_of(X), [])[0].is_leak
