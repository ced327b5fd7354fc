"""The storage on disk keeps the contract, and whatever happens to its processes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from hpo_magic.core.ledger import LedgerFault, Tampering
from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.trial import AskedGoals, Direction, Goal, Point, State, Trial
from hpo_magic.storage.process import Process
from hpo_magic.storage.sqlite import SqliteStorage, study_file
from hpo_magic.storage.strict_json import to_text
from hpo_magic.testing.storages import StorageContract, a_record, a_trial


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[SqliteStorage]:
    """Give an empty storage in a folder of its own."""
    with closing(SqliteStorage(tmp_path)) as opened:
        yield opened


class TestSqliteStorage(StorageContract):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Iterator[SqliteStorage]:
        with closing(SqliteStorage(tmp_path)) as opened:
            yield opened


def give_to(storage: SqliteStorage, number: int, owner: Process, age_s: float = 0.0) -> None:
    """Make `owner` the process that claimed the number, `age_s` seconds ago."""
    with closing(sqlite3.connect(storage.file)) as file, file:
        file.execute(
            "UPDATE trials SET owner = ?, seen = ? WHERE number = ?",
            [to_text(astuple(owner)), time.time() - age_s, number],
        )


DEAD = replace(Process.this(), started="1.00")
REMOTE = Process("elsewhere", 1, "1")


def test_a_saved_trial_is_on_disk(storage: SqliteStorage) -> None:
    """Another connection sees it as soon as the call has returned."""
    study = storage.create(a_record()).id
    storage.save_trial(study, a_trial(0))
    with closing(SqliteStorage(storage.file)) as other:
        assert other.trials(study) == [a_trial(0)]
        assert other.revisions("digits") == storage.revisions("digits")


def test_two_storages_hand_out_each_number_once(storage: SqliteStorage) -> None:
    """Each sees what the other claimed, released and saved."""
    study = storage.create(a_record()).id
    with closing(SqliteStorage(storage.file)) as other:
        assert [storage.claim(study), other.claim(study), storage.claim(study)] == [0, 1, 2]
        other.save_trial(study, a_trial(1))
        mark, trials = storage.changes(study, 0)
        assert trials == [a_trial(1)]
        assert other.changes(study, mark) == (mark, [])


def test_another_processs_number_cannot_be_released(storage: SqliteStorage) -> None:
    """Else it could be handed out twice."""
    study = storage.create(a_record()).id
    number = storage.claim(study)
    give_to(storage, number, REMOTE)
    storage.release(study, number)
    assert storage.claim(study) == number + 1


def test_a_running_trial_of_a_dead_process_is_stopped(storage: SqliteStorage) -> None:
    """Seen by `trials` at once, stored by `changes`, and reported by it a single time."""
    study = storage.create(a_record()).id
    storage.save_trial(study, a_trial(storage.claim(study), State.RUNNING))
    mark, _ = storage.changes(study, 0)
    give_to(storage, 0, DEAD)
    assert storage.trials(study) == [a_trial(0, State.STOPPED)]
    later, trials = storage.changes(study, mark)
    assert trials == [a_trial(0, State.STOPPED)]
    assert storage.changes(study, later) == (later, [])
    assert storage.trials(study) == [a_trial(0, State.STOPPED)]


def test_what_a_dead_process_claimed_is_dropped(storage: SqliteStorage) -> None:
    """There is no trial, and the number is never handed out again."""
    study = storage.create(a_record()).id
    give_to(storage, storage.claim(study), DEAD)
    assert storage.changes(study, 0) == (0, [])
    assert storage.trials(study) == []
    assert storage.claim(study) == 1


@pytest.mark.parametrize(("age_h", "state"), [(23, State.RUNNING), (25, State.STOPPED)])
def test_another_host_is_waited_for_one_day(
    storage: SqliteStorage, age_h: int, state: State
) -> None:
    """Whether its process lives cannot be seen from here."""
    study = storage.create(a_record()).id
    storage.save_trial(study, a_trial(0, State.RUNNING))
    give_to(storage, 0, REMOTE, age_h * 3600)
    assert [trial.state for trial in storage.trials(study)] == [state]
    assert [trial.state for trial in storage.changes(study, 0)[1]] == [state]


def test_a_process_taken_for_dead_may_still_save(storage: SqliteStorage) -> None:
    """What a training found is kept, however late."""
    study = storage.create(a_record()).id
    storage.save_trial(study, a_trial(0, State.RUNNING))
    give_to(storage, 0, DEAD)
    mark, _ = storage.changes(study, 0)
    storage.save_trial(study, a_trial(0))
    assert storage.changes(study, mark)[1] == [a_trial(0)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE looks SET look = '{}'",
        "DELETE FROM looks",
        "INSERT OR REPLACE INTO looks (id, look) VALUES (1, '{}')",
    ],
)
def test_the_ledger_refuses_changes(storage: SqliteStorage, statement: str) -> None:
    """By the file itself, whoever asks."""
    evaluation = TestEvaluation("digits", 1, 7, 0.0, "c", "d", 0.97)
    storage.add_evaluation(evaluation)
    with closing(sqlite3.connect(storage.file)) as file:
        with pytest.raises(sqlite3.IntegrityError, match="a look at a test set cannot be"):
            file.execute(statement)
        file.rollback()
    assert storage.evaluations() == [evaluation]


def change(storage: SqliteStorage, *statements: str) -> None:
    """Change the ledger as somebody would who removes its triggers first."""
    names = ("looks_stay", "looks_stay_the_same", "looks_are_not_replaced")
    with closing(sqlite3.connect(storage.file)) as file:
        for statement in (*(f"DROP TRIGGER {name}" for name in names), *statements):
            file.execute(statement)
        file.commit()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE looks SET look = replace(look, '0.97', '0.99') WHERE id = 1",
            LedgerFault(Tampering.EDITED, 3, entry=1),
        ),
        ("DELETE FROM looks WHERE id = 1", LedgerFault(Tampering.EDITED, 2, entry=1)),
        ("UPDATE looks SET head = '' WHERE id = 2", LedgerFault(Tampering.EDITED, 3, entry=2)),
        ("DELETE FROM looks WHERE id = 3", LedgerFault(Tampering.SHORTENED, 2, study="digits")),
        ("DELETE FROM looks", LedgerFault(Tampering.SHORTENED, 0, study="digits")),
    ],
)
def test_a_changed_ledger_is_found(
    storage: SqliteStorage, statement: str, fault: LedgerFault
) -> None:
    """Edited, shortened at either end or emptied; and it stays found after further entries."""
    record = storage.create(a_record())
    evaluation = TestEvaluation(record.name, record.revision, 7, 0.0, "c", "d", 0.97)
    for number in (1, 2, 3):
        storage.add_evaluation(replace(evaluation, number=number))
    assert storage.ledger().fault is None
    change(storage, statement)
    assert storage.ledger().fault == fault
    storage.add_evaluation(evaluation)
    found = storage.ledger().fault
    assert found is not None
    assert found.what is fault.what


def test_entries_without_heads_are_chained_by_the_next(storage: SqliteStorage) -> None:
    """A ledger that an older format wrote is as it was; what is changed later is found."""
    record = storage.create(a_record())
    evaluation = TestEvaluation(record.name, record.revision, 7, 0.0, "c", "d", 0.97)
    storage.add_evaluation(evaluation)
    change(storage, "UPDATE looks SET head = ''")
    assert storage.ledger().fault is None
    storage.add_evaluation(evaluation)
    with closing(sqlite3.connect(storage.file)) as file:
        file.execute("UPDATE looks SET look = replace(look, '0.97', '0.99') WHERE id = 1")
        file.commit()
    assert storage.ledger().fault == LedgerFault(Tampering.EDITED, 2, entry=2)


def test_a_folder_or_a_file(tmp_path: Path) -> None:
    """A folder has `studies.sqlite`; a file is taken by its name, or if it is there."""
    assert study_file(tmp_path) == tmp_path / "studies.sqlite"
    assert study_file(tmp_path / "new") == tmp_path / "new" / "studies.sqlite"
    assert study_file(tmp_path / "a.db") == tmp_path / "a.db"
    (tmp_path / "b").touch()
    assert study_file(tmp_path / "b") == tmp_path / "b"
    (tmp_path / "v1.db").mkdir()
    assert study_file(tmp_path / "v1.db") == tmp_path / "v1.db" / "studies.sqlite"


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    """Its name may hold what means something else in a URI."""
    folder = tmp_path / "50% #1?mode=ro é" / "hpo_studies"
    with closing(SqliteStorage(folder)) as storage:
        storage.create(a_record())
    assert [path.name for path in folder.iterdir()] == ["studies.sqlite"]


def test_every_file_has_its_own_models(tmp_path: Path) -> None:
    """Two files of a folder count their studies alike; their models must not meet."""
    with closing(SqliteStorage(tmp_path)) as storage:
        assert storage.models == tmp_path.resolve() / "models"
    with closing(SqliteStorage(tmp_path / "other.db")) as storage:
        assert storage.models == tmp_path.resolve() / "other_models"


LEAVE_OPEN = """
import sys, threading
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.storages import a_record

def hold(storage):
    threading.Event().wait()

storage = SqliteStorage(sys.argv[1])
storage.create(a_record())
threading.Thread(target=hold, args=[storage], daemon=True).start()
"""


def test_the_end_of_python_closes_the_file(tmp_path: Path) -> None:
    """Though a thread still holds it, what is left is one file, without a log: fit to be copied."""
    subprocess.run([sys.executable, "-c", LEAVE_OPEN, str(tmp_path)], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["studies.sqlite"]


def test_threads_read_while_another_writes(storage: SqliteStorage) -> None:
    """Every answer is a state that was stored: numbers without a gap."""
    study = storage.create(a_record()).id

    def write() -> None:
        for _ in range(100):
            storage.save_trial(study, a_trial(storage.claim(study)))

    def read(_: int) -> bool:
        numbers = [trial.number for trial in storage.trials(study)]
        return numbers == list(range(len(numbers)))

    with ThreadPoolExecutor(4) as pool:
        writing = pool.submit(write)
        assert all(pool.map(read, range(50)))
        writing.result()
    assert len(storage.trials(study)) == 100


def with_a_curve(number: int) -> Trial:
    """Return a trial of 30 epochs with the usual metrics."""
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    points = [Point(k, dict.fromkeys(names, 1 / (k + 2))) for k in range(1, 31)]
    return replace(a_trial(number), curve=tuple(points))


def test_a_trial_costs_little_in_a_large_study(storage: SqliteStorage) -> None:
    """With 1,000 trials of 30 epochs: a tenth of reading them all at most, and 6 kB each."""
    study = storage.create(a_record()).id
    for number in range(1000):
        storage.save_trial(study, with_a_curve(number))
    mark, _ = storage.changes(study, 0)
    costs_s = []
    for _ in range(30):
        begin = time.perf_counter()
        mark, _ = storage.changes(study, mark)
        number = storage.claim(study)
        storage.save_trial(study, replace(with_a_curve(number), state=State.RUNNING, value=None))
        storage.save_trial(study, with_a_curve(number))
        costs_s.append(time.perf_counter() - begin)
    begin = time.perf_counter()
    storage.trials(study)
    assert median(costs_s) < (time.perf_counter() - begin) / 10
    storage.close()
    assert storage.file.stat().st_size < 6_000 * 1030


def test_one_objective_is_stored_as_it_always_was(storage: SqliteStorage) -> None:
    """What belongs to several objectives is in the file where there are several."""
    goals = (*a_record().goals, Goal("n_params", Direction.MINIMIZE))
    one = storage.create(a_record("one"))
    storage.create(replace(a_record("two"), goals=goals))
    storage.choose(one.id, None)
    with closing(sqlite3.connect(storage.file)) as file:
        rows = dict(file.execute("SELECT name, record FROM studies"))
    assert "further" not in rows["one"]
    assert "chosen" not in rows["one"]
    assert '"further":[["n_params","minimize"]]' in rows["two"].replace(" ", "")


def test_studies_in_memory_outlive_closing() -> None:
    """Without a path there is no file, and a study is still readable when its search has ended."""
    storage, other = SqliteStorage(None), SqliteStorage(None)
    study = storage.create(a_record()).id
    storage.save_trial(study, a_trial(0))
    storage.close()
    assert storage.trials(study) == [a_trial(0)]
    assert (storage.file, storage.models) == (None, None)
    assert other.names() == []


@pytest.mark.parametrize(
    ("stored", "goals"),
    [
        ({"metric": "f1", "direction": "maximize"}, (Goal("f1", Direction.MAXIMIZE),)),
        ({"metric": None, "direction": "maximize"}, Direction.MAXIMIZE),
        ({"metric": None, "direction": "minimize"}, ()),
        (
            {"metric": "f1", "direction": "maximize", "further": [["size", "minimize"]]},
            (Goal("f1", Direction.MAXIMIZE), Goal("size", Direction.MINIMIZE)),
        ),
    ],
)
def test_objectives_of_older_files_are_read(
    storage: SqliteStorage, stored: dict[str, Any], goals: AskedGoals
) -> None:
    """The first one has fields of its own; without a metric there may be a direction."""
    storage.create(a_record("old"))
    storage.close()
    with closing(sqlite3.connect(storage.file)) as file, file:
        (text,) = file.execute("SELECT record FROM studies").fetchone()
        file.execute("UPDATE studies SET record = ?", [json.dumps(json.loads(text) | stored)])
    (record,) = SqliteStorage(storage.file.parent).revisions("old")
    assert record.goals == goals
