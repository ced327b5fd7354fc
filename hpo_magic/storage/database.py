"""A SQLite file: opened, upgraded to the present format, and shared by threads.

SQLite's errors become `StorageError`, with a sentence that says what to do.

This is the only module that imports `sqlite3`. `schema` has the tables, `sqlite` the queries.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo_magic.errors import StorageError
from hpo_magic.storage.mounts import is_on_network
from hpo_magic.storage.schema import APPLICATION_ID, SCHEMA, Schema

Connection = sqlite3.Connection

ELSEWHERE = "or choose another folder with --storage PATH"

# By SQLite's primary result code: what happened, and what to do (https://sqlite.org/rescode.html).
LOCKED = (
    "The study file {file} is locked by another process for more than {timeout_s:g} s. "
    "Close it there, {elsewhere}."
)
READ_ONLY = (
    "The study file {file} is read-only: nothing can be added to it. "
    "Make the file and its folder writable, {elsewhere}."
)
UNREADABLE = (
    "The study file {file} cannot be opened. "
    "Check that the file and its folder may be read and written, {elsewhere}."
)
FAULTS = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_PERM: UNREADABLE,
    sqlite3.SQLITE_CANTOPEN: UNREADABLE,
    sqlite3.SQLITE_FULL: (
        "There is no space left for the study file {file}; what was stored before is safe. "
        "Free some space, {elsewhere}."
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk failed or is full at the study file {file} ({words}); what was stored before is "
        "safe. Free some space and check the disk, {elsewhere}."
    ),
    sqlite3.SQLITE_CORRUPT: (
        "The study file {file} is damaged ({words}). Restore it from a backup, {elsewhere}."
    ),
    sqlite3.SQLITE_NOTADB: (
        "The file {file} is not a study file ({words}). Move it away, {elsewhere}."
    ),
}
# SQLite's extended result codes of a lock that the file system refused, other than because another
# process holds it (https://sqlite.org/rescode.html). Their primary code is that of a disk fault.
LOCK_FAULTS = {
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
}
NO_LOCKS = (
    "The file system of the study file {file} cannot lock files, so two searches at once could "
    "damage it. Use a local folder and copy it there afterwards: --storage PATH."
)
GONE = (
    "The study file {file} was deleted, moved or replaced while it was in use. Put it back, open "
    "it where it is now (%hpo NAME --storage FOLDER), or run the cell again to start a new one."
)
# The length of a file that SQLite takes for empty although it is not.
TAKEN_FOR_EMPTY = 1
FOREIGN = "The file {file} is another program's SQLite file. Move it away, {elsewhere}."
NEWER = (
    "The study file {file} was written by a newer hpo_magic (format {version}; this one knows up "
    "to {known}). Update hpo_magic, {elsewhere}."
)
OLDER = (
    "The study file {file} was written by a preliminary version of hpo_magic (format {version}), "
    "which this one cannot read. Move it away, {elsewhere}."
)
NO_FOLDER = "The folder {folder} cannot be created ({words}). Create it, {elsewhere}."


class Database:
    """An open SQLite file, or a database in memory.

    Threads share one connection under a lock. A call takes less than a millisecond, so waiting is
    cheaper than one connection per thread, each of which stays open until its thread ends.

    Parameters
    ----------
    file
        Created, with its folder, if it is not there. None: in memory, as long as this object lives.
    timeout_s
        How long to wait for another process that writes.
    vfs
        The name of SQLite's module for file access ("VFS"); "" is the default of the system.
    schema
        The format that the file has or gets.
    """

    def __init__(
        self,
        file: Path | None,
        timeout_s: float = 5.0,
        vfs: str = "",
        schema: Schema = SCHEMA,
    ) -> None:
        self.file = None if file is None else file.resolve()
        self.timeout_s = timeout_s
        self._schema = schema
        self._lock = threading.RLock()
        if self.file is not None:
            _create_folder(self.file.parent)
        with self._faults_in_words():
            self._connection = self._connect(vfs)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise
        self._opened = None if self.file is None else self.file.stat()
        # Closing merges the write-ahead log into the file, which can then be copied alone. So the
        # file is closed when Python ends, at the latest.
        self._close = weakref.finalize(self, self._connection.close)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield the connection, to one thread at a time. Each statement reads the latest state."""
        with self._lock, self._faults_in_words():
            self._check_file()
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield the connection in a transaction: at the end all of it is on disk, or nothing."""
        with self.read() as connection, self._transaction():
            yield connection

    def close(self) -> None:
        """Close the file; a database in memory stays until this object is deleted."""
        if self.file is not None:
            with self._lock:
                self._close()

    # Opening

    def _connect(self, vfs: str) -> Connection:
        return sqlite3.connect(
            "file::memory:" if self.file is None else _uri(self.file, vfs),
            timeout=self.timeout_s,
            isolation_level=None,  # transactions are ours to begin
            check_same_thread=False,  # we have a lock
            uri=True,
        )

    def _set_up(self) -> None:
        is_read_only = self.file is not None and _is_in_read_only_folder(self.file)
        if self.file is not None:
            self._check_application(self.file)
            if not is_read_only:
                self._set_journal(self.file)
        self._connection.execute("PRAGMA foreign_keys = ON")
        version = self._version()
        if version == self._schema.version:
            return
        is_older = 0 < version < self._schema.version
        if is_read_only and is_older:
            self._read_a_copy()
        with self._transaction():
            self._upgrade()
        if is_read_only and is_older:
            self._connection.execute("PRAGMA query_only = ON")

    def _read_a_copy(self) -> None:
        """Go on with a copy in memory, which can be upgraded where the file cannot."""
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.backup(copy)
        self._connection.close()
        self._connection = copy

    def _check_application(self, file: Path) -> None:
        if file.exists() and file.stat().st_size == TAKEN_FOR_EMPTY:
            words = "it has one byte"
            raise StorageError(self._sentence(FAULTS[sqlite3.SQLITE_NOTADB], words=words))
        # In this order: another process may be creating the tables, and the id comes with them.
        has_tables = self._number("SELECT count(*) FROM sqlite_master") > 0
        if has_tables and self._number("PRAGMA application_id") != APPLICATION_ID:
            raise StorageError(self._sentence(FOREIGN))

    def _set_journal(self, file: Path) -> None:
        # WAL with NORMAL: a commit is handed to the operating system, so `kill -9` loses nothing. A
        # power cut may lose the last commits but never damages the file. Waiting for the disk at
        # each commit (FULL) would cost milliseconds per trial.
        if not is_on_network(file.parent) and self._is_logged_ahead():
            self._connection.execute("PRAGMA synchronous = NORMAL")
        else:
            # With a rollback journal, NORMAL may damage the file at a power cut.
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA synchronous = FULL")

    def _is_logged_ahead(self) -> bool:
        """Turn the write-ahead log on; return whether the file system supports it."""
        deadline = time.monotonic() + self.timeout_s
        while True:
            try:
                mode = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY:
                    return False
                # Another process opens the new file too: SQLite does not wait by itself here.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return bool(mode == "wal")

    def _upgrade(self) -> None:
        """Make the tables of a new file; bring an older one to the present format."""
        # Read again: another process may have upgraded the file while we waited for the lock.
        version, known = self._version(), self._schema.version
        if version > known:
            raise StorageError(self._sentence(NEWER, version=version, known=known))
        for statement in self._steps(version):
            self._connection.execute(statement)
        # The version is written in the same transaction. (A pragma takes no parameters.)
        self._connection.execute(f"PRAGMA user_version = {known}")
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _steps(self, version: int) -> list[str]:
        """Return the statements that bring a file from `version` to the present format."""
        if version == 0:
            return list(self._schema.tables)
        formats = range(version, self._schema.version)
        if not all(number in self._schema.upgrades for number in formats):
            raise StorageError(self._sentence(OLDER, version=version))
        return [statement for number in formats for statement in self._schema.upgrades[number]]

    def _version(self) -> int:
        return self._number("PRAGMA user_version")

    def _number(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    # Using

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            # IMMEDIATE takes the write lock now: what is read cannot change until the end.
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        finally:
            # After an error or an interrupt. (SQLite itself rolls back if the disk is full.)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _check_file(self) -> None:
        """Raise if the file was deleted or replaced: SQLite would go on writing to the old one."""
        if self.file is None or self._opened is None:
            return
        try:
            is_there = os.path.samestat(self._opened, self.file.stat())
        except OSError:
            is_there = False
        if not is_there:
            raise StorageError(self._sentence(GONE))

    @contextmanager
    def _faults_in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if _code(error) not in FAULTS:
                raise  # a bug of ours
            raise StorageError(self._sentence(_fault(error), words=str(error))) from error

    def _sentence(self, template: str, **words: object) -> str:
        return template.format(
            file=self.file, timeout_s=self.timeout_s, elsewhere=ELSEWHERE, **words
        )


def _create_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        words = {"folder": folder, "words": error.strerror, "elsewhere": ELSEWHERE}
        raise StorageError(NO_FOLDER.format(**words)) from error


def _uri(file: Path, vfs: str) -> str:
    options = [f"vfs={vfs}"] if vfs else []
    if _is_in_read_only_folder(file):
        # SQLite reads a write-ahead log with the help of another file beside it. Where that cannot
        # be created, nobody writes either, and the file is read as it is.
        is_logged = file.with_name(f"{file.name}-wal").exists()
        options.append("mode=ro" if is_logged else "immutable=1")
    return f"{file.as_uri()}?{'&'.join(options)}"


def _is_in_read_only_folder(file: Path) -> bool:
    by_effective_user = os.access in os.supports_effective_ids
    return file.exists() and not os.access(file.parent, os.W_OK, effective_ids=by_effective_user)


def _fault(error: sqlite3.Error) -> str:
    """Return the template of the sentence for an error whose primary code is in `FAULTS`."""
    extended = getattr(error, "sqlite_errorcode", 0)
    return NO_LOCKS if extended in LOCK_FAULTS else FAULTS[_code(error)]


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for errors of the `sqlite3` module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
