"""A file that fails does so in one clear sentence, and what was stored before stays."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from hpo_magic.errors import StorageError
from hpo_magic.storage.database import Database
from hpo_magic.storage.schema import SCHEMA, Schema
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.storages import a_record, a_trial

CURE = "or choose another folder with --storage PATH."


def with_a_trial(path: Path) -> int:
    """Return the id of a study with trial 0, stored in `path`."""
    with closing(SqliteStorage(path)) as storage:
        study = storage.create(a_record()).id
        storage.save_trial(study, a_trial(0))
    return study


def test_a_locked_file(tmp_path: Path) -> None:
    """Reading goes on; a write waits, says so, and works once the other process is done."""
    study = with_a_trial(tmp_path)
    with closing(SqliteStorage(tmp_path, timeout_s=0.1)) as storage:
        with closing(sqlite3.connect(storage.file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            sentence = (
                f"The study file {storage.file} is locked by another process for more than 0.1 s. "
                f"Close it there, {CURE}"
            )
            with pytest.raises(StorageError, match=f"^{re.escape(sentence)}$"):
                storage.save_trial(study, a_trial(1))
            with pytest.raises(StorageError, match="is locked by another process"):
                storage.claim(study)
            assert storage.trials(study) == [a_trial(0)]
        storage.save_trial(study, a_trial(1))
        assert len(storage.trials(study)) == 2


def test_a_file_that_is_locked_from_the_start(tmp_path: Path) -> None:
    """Another program that holds the file for itself is waited for, then reported."""
    with_a_trial(tmp_path)
    with closing(sqlite3.connect(tmp_path / "studies.sqlite", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(
            StorageError, match=r"is locked by another process for more than 0\.1 s"
        ):
            SqliteStorage(tmp_path, timeout_s=0.1)


def test_a_new_file_that_is_locked(tmp_path: Path) -> None:
    """Turning on the log needs the file alone: waited for as well."""
    with closing(sqlite3.connect(tmp_path / "studies.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StorageError, match=r"is locked by another process for more than 0\.1 s"
        ):
            SqliteStorage(tmp_path, timeout_s=0.1)
        other.execute("ROLLBACK")
    assert with_a_trial(tmp_path) == 1


def test_a_new_file_that_is_locked_for_a_moment(tmp_path: Path) -> None:
    """As when another process opens it at the same time: we wait."""
    file = tmp_path / "studies.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        ending = threading.Timer(0.3, other.execute, ["ROLLBACK"])
        ending.start()
        assert with_a_trial(tmp_path) == 1
        ending.join()


@pytest.fixture
def shared() -> Iterator[Path]:
    """Give a folder that any user may enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def bound_by_permissions(folder: Path) -> Iterator[None]:
    """Make the folder and its files read-only, for root too: it works as nobody in the meantime."""
    nobody = 65534
    for path in (*folder.iterdir(), folder):
        path.chmod(path.stat().st_mode & ~0o222)
    me = os.geteuid()
    try:
        if me == 0:
            os.seteuid(nobody)
        yield
    finally:
        os.seteuid(me)
        for path in (folder, *folder.iterdir()):
            path.chmod(path.stat().st_mode | 0o200)


def test_a_read_only_folder(shared: Path) -> None:
    """A study can be read where nothing can be written; a write says why it cannot be."""
    study = with_a_trial(shared)
    with bound_by_permissions(shared), closing(SqliteStorage(shared)) as storage:
        assert storage.trials(study) == [a_trial(0)]
        assert storage.names() == ["digits"]
        sentence = (
            f"The study file {storage.file} is read-only: nothing can be added to it. "
            f"Make the file and its folder writable, {CURE}"
        )
        with pytest.raises(StorageError, match=f"^{re.escape(sentence)}$"):
            storage.save_trial(study, a_trial(1))
    with closing(SqliteStorage(shared)) as storage:
        assert storage.trials(study) == [a_trial(0)]


def test_a_read_only_folder_after_a_kill(shared: Path) -> None:
    """What the log beside the file holds is read too."""
    with closing(SqliteStorage(shared)) as storage:
        study = storage.create(a_record()).id
        storage.save_trial(study, a_trial(0))
        assert (shared / "studies.sqlite-wal").exists()
        with bound_by_permissions(shared), closing(SqliteStorage(shared)) as reader:
            assert reader.trials(study) == [a_trial(0)]


def test_a_read_only_folder_with_an_older_format(shared: Path) -> None:
    """A copy in memory is upgraded, which nothing can be written to; the file when it can be."""
    study = with_a_trial(shared)
    with closing(sqlite3.connect(shared / "studies.sqlite")) as file:
        for column in ("about", "units"):
            file.execute(f"ALTER TABLE outcomes DROP COLUMN {column}")
        file.execute("ALTER TABLE looks DROP COLUMN head")
        file.execute("PRAGMA user_version = 7")
    with bound_by_permissions(shared), closing(SqliteStorage(shared)) as storage:
        assert storage.trials(study) == [a_trial(0)]
        with pytest.raises(StorageError, match=r"studies\.sqlite"):
            storage.save_trial(study, a_trial(1))
    with closing(SqliteStorage(shared)) as storage:
        storage.save_trial(study, a_trial(1))
    with closing(sqlite3.connect(shared / "studies.sqlite")) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (SCHEMA.version,)


def test_a_read_only_folder_without_a_study(shared: Path) -> None:
    """There a file cannot be made."""
    with bound_by_permissions(shared):
        sentence = f"The study file {shared.resolve() / 'studies.sqlite'} cannot be opened."
        with pytest.raises(StorageError, match=f"^{re.escape(sentence)} Check that the file"):
            SqliteStorage(shared)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """Something else is in its place."""
    (tmp_path / "notes").write_text("mine")
    sentence = f"The folder {tmp_path.resolve() / 'notes' / 'a'} cannot be created (Not a directory"
    with pytest.raises(StorageError, match=f"^{re.escape(sentence)}"):
        SqliteStorage(tmp_path / "notes" / "a")


def test_no_space_left(tmp_path: Path) -> None:
    """What was stored before is safe, and the next write works once there is space."""
    database = Database(tmp_path / "studies.sqlite")
    with closing(database):
        with database.write() as db:
            db.execute("INSERT INTO looks (look) VALUES ('first')")
            db.execute("PRAGMA max_page_count = 1")  # SQLite keeps the pages there are
        sentence = (
            f"There is no space left for the study file {database.file}; what was stored before "
            f"is safe. Free some space, {CURE}"
        )
        with (
            pytest.raises(StorageError, match=f"^{re.escape(sentence)}$"),
            database.write() as db,
        ):
            db.execute("INSERT INTO looks (look) VALUES (?)", ["second" * 10**5])
        with database.write() as db:
            db.execute("PRAGMA max_page_count = 1000000")
            db.execute("INSERT INTO looks (look) VALUES ('third')")
            rows = db.execute("SELECT look FROM looks").fetchall()
    assert rows == [("first",), ("third",)]


WRITE_UNTIL_FULL = """
import resource, sys
from hpo_magic.errors import StorageError
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.storages import a_record, a_trial

storage = SqliteStorage(sys.argv[1])
study = storage.create(a_record()).id
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    while True:
        number = storage.claim(study)
        storage.save_trial(study, a_trial(number))
        print(number)
except StorageError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """Every trial whose save returned is there, though the system refused to let the file grow."""
    done = subprocess.run(
        [sys.executable, "-c", WRITE_UNTIL_FULL, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    *numbers, sentence = done.stdout.splitlines()
    assert re.match(r"The disk failed or is full at the study file .*what was stored", sentence)
    assert len(numbers) > 5
    with closing(SqliteStorage(tmp_path)) as storage:
        assert [trial.number for trial in storage.trials(1)] == [int(n) for n in numbers]
        assert storage.claim(1) > int(numbers[-1])


@pytest.mark.parametrize(
    ("text", "words"),
    [("Dear diary, " * 1000, "file is not a database"), ("1", "it has one byte")],
)
def test_a_file_that_is_no_database(tmp_path: Path, text: str, words: str) -> None:
    """It is left as it is; SQLite alone would write over the one that has a single byte."""
    file = tmp_path / "studies.sqlite"
    file.write_text(text)
    with pytest.raises(
        StorageError, match=rf"studies.sqlite is not a study file \({words}\). Move"
    ):
        SqliteStorage(tmp_path)
    assert file.read_text() == text


def test_another_programs_database(tmp_path: Path) -> None:
    """Our tables are not put beside its own."""
    file = tmp_path / "mine.db"
    with closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE diary (day)")
    with pytest.raises(StorageError, match=r"mine.db is another program's SQLite file. Move it"):
        SqliteStorage(file)
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("diary",)]


def test_a_damaged_file(tmp_path: Path) -> None:
    """SQLite notices, and we say it in words."""
    study = with_a_trial(tmp_path)
    file = tmp_path / "studies.sqlite"
    page = 4096
    file.write_bytes(file.read_bytes()[:page] + b"\xff" * (file.stat().st_size - page))
    with pytest.raises(StorageError, match=r"is damaged \(.*\)\. Restore it from a backup"):  # noqa: SIM117
        with closing(SqliteStorage(tmp_path)) as storage:
            storage.trials(study)


def test_a_newer_format(tmp_path: Path) -> None:
    """A file of a later hpo_magic is not touched."""
    study = with_a_trial(tmp_path)
    with closing(sqlite3.connect(tmp_path / "studies.sqlite")) as later:
        later.execute("PRAGMA user_version = 99")
    known = SCHEMA.version
    said = rf"was written by a newer hpo_magic \(format 99; this one knows up to {known}\). Update"
    with pytest.raises(StorageError, match=said):
        SqliteStorage(tmp_path)
    with closing(sqlite3.connect(tmp_path / "studies.sqlite")) as later:
        later.execute(f"PRAGMA user_version = {known}")
    with closing(SqliteStorage(tmp_path)) as storage:
        assert storage.trials(study) == [a_trial(0)]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_file_that_was_deleted(tmp_path: Path, replaced: bool) -> None:
    """SQLite would go on writing to a file that has no name any more; we notice."""
    study = with_a_trial(tmp_path)
    with closing(SqliteStorage(tmp_path)) as storage:
        storage.file.rename(tmp_path / "kept")
        if replaced:
            shutil.copy(tmp_path / "kept", storage.file)
        sentence = (
            f"The study file {storage.file} was deleted, moved or replaced while it was in use. "
            "Put it back, open it where it is now (%hpo NAME --storage FOLDER), or run the cell "
            "again to start a new one."
        )
        with pytest.raises(StorageError, match=f"^{re.escape(sentence)}$"):
            storage.save_trial(study, a_trial(1))
        (tmp_path / "kept").replace(storage.file)
        storage.save_trial(study, a_trial(1))
        assert len(storage.trials(study)) == 2


def test_a_mistake_of_ours_is_not_blamed_on_the_disk(tmp_path: Path) -> None:
    """It shows as what it is."""
    with closing(SqliteStorage(tmp_path)) as storage:
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"):
            storage.save_trial(99, a_trial(0))
        assert storage.create(a_record()).id == 1


def interrupted_after(_: object) -> None:
    """Be interrupted as soon as the argument is there."""
    raise KeyboardInterrupt("the stop button")


def test_an_interrupt_undoes_the_transaction(tmp_path: Path) -> None:
    """The next write finds the file free."""
    with closing(Database(tmp_path / "studies.sqlite")) as database:
        with (
            pytest.raises(KeyboardInterrupt, match="the stop button"),
            database.write() as db,
        ):
            interrupted_after(db.execute("INSERT INTO looks (look) VALUES ('half')"))
        with database.write() as db:
            assert db.execute("SELECT count(*) FROM looks").fetchone() == (0,)


def with_upgrade(*statements: str) -> Schema:
    """Return the next format, which these statements make of the present one."""
    upgrades = {**SCHEMA.upgrades, SCHEMA.version: statements}
    return replace(SCHEMA, version=SCHEMA.version + 1, upgrades=upgrades)


def test_an_upgrade_runs_once(tmp_path: Path) -> None:
    """An older file is brought to the present format, and keeps what it has."""
    study = with_a_trial(tmp_path)
    file = tmp_path / "studies.sqlite"
    later = with_upgrade("ALTER TABLE studies ADD COLUMN notes TEXT")
    for _ in range(2):
        with closing(Database(file, schema=later)) as database, database.read() as db:
            assert db.execute("PRAGMA user_version").fetchone() == (later.version,)
            assert db.execute("SELECT id, notes FROM studies").fetchall() == [(study, None)]


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """What it did and the record of it are one transaction."""
    study = with_a_trial(tmp_path)
    broken = with_upgrade("DROP TABLE trials", "SELECT nonsense")
    with pytest.raises(sqlite3.OperationalError, match="no such column: nonsense"):
        Database(tmp_path / "studies.sqlite", schema=broken)
    with closing(SqliteStorage(tmp_path)) as storage:
        assert storage.trials(study) == [a_trial(0)]


def journal(database: Database) -> str:
    """Return the kind of journal that the file has."""
    with database.read() as db:
        return str(db.execute("PRAGMA journal_mode").fetchone()[0])


def test_without_shared_memory_there_is_a_plain_journal(tmp_path: Path) -> None:
    """On a file system where SQLite cannot keep a write-ahead log (here: its dot-file locks)."""
    with closing(Database(tmp_path / "local")) as database:
        assert journal(database) == "wal"
    with closing(Database(tmp_path / "remote", vfs="unix-dotfile")) as database:
        assert journal(database) == "delete"
        with database.write() as db:
            db.execute("INSERT INTO looks (look) VALUES ('{}')")


def test_on_a_network_there_is_a_plain_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There SQLite would keep a log that other hosts cannot see."""
    mount = SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype="nfs", opts="rw")
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [mount])
    with closing(Database(tmp_path / "studies.sqlite")) as database:
        assert journal(database) == "delete"


@pytest.mark.parametrize("code", ["IOERR_LOCK", "IOERR_RDLOCK", "IOERR_CHECKRESERVEDLOCK"])
def test_a_file_system_that_cannot_lock_is_refused(tmp_path: Path, code: str) -> None:
    """The sentence names the locks, not a full disk."""
    refused = sqlite3.OperationalError("disk I/O error")
    refused.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{code}")
    with closing(Database(tmp_path / "studies.sqlite")) as database:
        said = "cannot lock files, so two searches at once could damage it. Use a local folder"
        with pytest.raises(StorageError, match=said), database.read():
            raise refused


def test_a_format_that_was_never_released(tmp_path: Path) -> None:
    """A file of a version before 0.1.0 is not touched."""
    with_a_trial(tmp_path)
    with closing(sqlite3.connect(tmp_path / "studies.sqlite")) as file:
        file.execute("PRAGMA user_version = 6")
    said = r"was written by a preliminary version of hpo_magic \(format 6\), which this one cannot"
    with pytest.raises(StorageError, match=said):
        SqliteStorage(tmp_path)
    with closing(sqlite3.connect(tmp_path / "studies.sqlite")) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (6,)
