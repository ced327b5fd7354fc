"""A study file of version 0.1.0 opens, with everything that is in it.

`written_by_0_1_0.sqlite` was written by version 0.1.0: the study `digits` is a search for one
objective with failed trials, re-checks, scores of validation rows, a test and a trial whose process
was killed; `sizes` is a search for two objectives.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from hpo_magic import load_study
from hpo_magic.core.trial import Direction, Goal, Kind, State
from hpo_magic.storage.schema import SCHEMA
from hpo_magic.storage.sqlite import SqliteStorage

FILE = Path(__file__).parent / "written_by_0_1_0.sqlite"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a copy of the file in a folder of its own."""
    return Path(shutil.copy(FILE, tmp_path / "studies.sqlite"))


def version(file: Path) -> int:
    """Return the number of the file's format."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_it_becomes_a_file_of_this_format(file: Path) -> None:
    """By being opened; its tables are those of a new file."""
    assert version(file) == 7
    SqliteStorage(file).close()
    assert version(file) == SCHEMA.version
    new = file.with_name("new.sqlite")
    SqliteStorage(new).close()
    tables = "SELECT type, name FROM sqlite_master ORDER BY type, name"
    with closing(sqlite3.connect(file)) as old, closing(sqlite3.connect(new)) as made:
        assert old.execute(tables).fetchall() == made.execute(tables).fetchall()


def test_everything_in_it_is_there(file: Path) -> None:
    """Records, trials, scores of rows, the test, used rows and waiting settings."""
    with closing(SqliteStorage(file)) as storage:
        assert storage.names() == ["sizes", "digits"]
        (digits,), (sizes,) = storage.revisions("digits"), storage.revisions("sizes")
        assert (digits.goals, digits.seed) == ((Goal("value", Direction.MAXIMIZE),), 3)
        trials = storage.trials(digits.id)
        assert [t.number for t in trials] == list(range(11))
        states = {t.number: t.state for t in trials if t.state is not State.COMPLETE}
        assert states == {1: State.FAILED, 3: State.FAILED, 10: State.STOPPED}
        assert [t.number for t in trials if t.kind is Kind.RECHECK] == [4, 5, 6]
        scored = trials[2].row_scores
        assert scored is not None
        assert scored.n_rows == 60
        assert str(trials[1].failure) == "failed: ValueError: diverged"
        assert storage.space(digits.id).fits(trials[2].params)
        assert [(e.trial, e.value) for e in storage.evaluations()] == [(2, 0.8)]
        assert [used.is_fitted for used in storage.used(digits.id)] == [True]
        assert np.array_equal(storage.used(digits.id)[0].rows, [7, 2**64 - 1])
        assert storage.take_enqueued(digits.id) == [{"lr": 0.01}, {"lr": 0.01}]
        assert len(storage.trials(sizes.id)) == 6


def test_its_studies_say_what_they_said(file: Path) -> None:
    """Best trial, honest number and front are those that version 0.1.0 showed."""
    digits, sizes = load_study("digits", file), load_study("sizes", file)
    assert digits.best_trial.number == 2
    assert digits.best_params == pytest.approx(
        {"lr": 0.005291673832791121, "act": "relu", "layers": 1, "units_0": 220}
    )
    assert "0.77 ± 0.12" in str(digits)
    assert [trial.number for trial in sizes.front] == [2, 3, 1, 0, 4, 5]
    assert sizes.best_trial.number == 1
