"""One SQLite file: opened, brought to the present format, shared by threads, with clear faults.

The only module that knows `sqlite3`. What the tables are is in `schema`; what is asked of them, in
`sqlite`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hpo_magic.errors import StorageError
from hpo_magic.storage.mounts import is_on_network
from hpo_magic.storage.schema import APPLICATION_ID, MIGRATIONS

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
GONE = (
    "The study file {file} was deleted or replaced while it was in use. Put it back, or run the "
    "cell again to start a new one."
)
# The length of a file that SQLite takes for empty although it is not.
TAKEN_FOR_EMPTY = 1
FOREIGN = "The file {file} is another program's SQLite file. Move it away, {elsewhere}."
NEWER = (
    "The study file {file} was written by a newer hpo_magic (format {version}; this one knows up "
    "to {known}). Update hpo_magic, {elsewhere}."
)
NO_FOLDER = "The folder {folder} cannot be created ({words}). Create it, {elsewhere}."


class Database:
    """An open SQLite file.

    Threads share one connection under a lock: a call takes less than a millisecond, so that waiting
    is cheaper than what a connection per thread would hold open until the thread is gone.

    Parameters
    ----------
    file
        Created, with its folder, if it is not there.
    timeout_s
        How long to wait for another process that writes.
    vfs
        SQLite's name of the way to reach the disk; "" is the system's usual one.
    migrations
        The formats, as in `schema`.
    """

    def __init__(
        self,
        file: Path,
        timeout_s: float = 5.0,
        vfs: str = "",
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        self.file = file.resolve()
        self.timeout_s = timeout_s
        self._migrations = migrations
        self._lock = threading.RLock()
        self._create_folder()
        with self._faults_in_words():
            self._connection = self._connect(vfs)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise
        self._opened = self.file.stat()
        # A closed file stands alone, without its log beside it: fit to be copied or committed. So
        # it is closed at the latest when Python ends.
        self._close = weakref.finalize(self, self._connection.close)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give the connection, to one thread at a time; each statement sees what is stored now."""
        with self._lock, self._faults_in_words():
            self._check_file()
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the connection in a transaction: all of it is on disk at the end, or nothing."""
        with self.read() as connection, self._transaction():
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._close()

    # Opening

    def _create_folder(self) -> None:
        folder = self.file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            words = {"folder": folder, "words": error.strerror, "elsewhere": ELSEWHERE}
            raise StorageError(NO_FOLDER.format(**words)) from error

    def _connect(self, vfs: str) -> Connection:
        options = [f"vfs={vfs}"] if vfs else []
        if self._is_in_read_only_folder():
            # A write-ahead log needs a file beside it even to read. Where none can be made, none is
            # being written either, and the file may be taken as it lies.
            is_logged = self.file.with_name(f"{self.file.name}-wal").exists()
            options.append("mode=ro" if is_logged else "immutable=1")
        return sqlite3.connect(
            f"{self.file.as_uri()}?{'&'.join(options)}",
            timeout=self.timeout_s,
            isolation_level=None,  # transactions are ours to begin
            check_same_thread=False,  # we have a lock
            uri=True,
        )

    def _is_in_read_only_folder(self) -> bool:
        by_effective_user = os.access in os.supports_effective_ids
        return self.file.exists() and not os.access(
            self.file.parent, os.W_OK, effective_ids=by_effective_user
        )

    def _set_up(self) -> None:
        self._check_application()
        if not self._is_in_read_only_folder():
            self._set_journal()
        self._connection.execute("PRAGMA foreign_keys = ON")
        if self._version() != len(self._migrations):
            with self._transaction():
                self._migrate()

    def _check_application(self) -> None:
        if self.file.exists() and self.file.stat().st_size == TAKEN_FOR_EMPTY:
            words = "it has one byte"
            raise StorageError(self._sentence(FAULTS[sqlite3.SQLITE_NOTADB], words=words))
        # In this order: another process may be making the tables, and the mark comes with them.
        has_tables = self._number("SELECT count(*) FROM sqlite_master") > 0
        if has_tables and self._number("PRAGMA application_id") != APPLICATION_ID:
            raise StorageError(self._sentence(FOREIGN))

    def _set_journal(self) -> None:
        # WAL with NORMAL: a commit is in the operating system's hands, which no `kill -9` undoes. A
        # power cut may take the last commits; it never damages the file. Waiting for the disk at
        # each commit (FULL) would cost milliseconds a trial against that.
        if not is_on_network(self.file.parent) and self._is_logged_ahead():
            self._connection.execute("PRAGMA synchronous = NORMAL")
        else:
            # With a rollback journal, NORMAL may damage the file at a power cut.
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA synchronous = FULL")

    def _is_logged_ahead(self) -> bool:
        """Turn the write-ahead log on; return whether the file system is good for it."""
        deadline = time.monotonic() + self.timeout_s
        while True:
            try:
                mode = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY:
                    return False
                # Two processes that open a new file at once: here SQLite does not wait by itself.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return bool(mode == "wal")

    def _migrate(self) -> None:
        # Asked again: another process may have done it while we waited for the lock.
        version, known = self._version(), len(self._migrations)
        if version > known:
            raise StorageError(self._sentence(NEWER, version=version, known=known))
        for migration in self._migrations[version:]:
            for statement in migration:
                self._connection.execute(statement)
        # The record of a migration is part of its transaction. (A pragma takes no parameters.)
        self._connection.execute(f"PRAGMA user_version = {known}")
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")

    def _version(self) -> int:
        return self._number("PRAGMA user_version")

    def _number(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    # Using

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            # IMMEDIATE takes the write lock now: what is read within cannot change before the end.
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        finally:
            # An error or an interrupt came in between. (SQLite itself rolls back on a full disk.)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _check_file(self) -> None:
        """Raise if the file is no longer there: SQLite would go on writing to nowhere."""
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
                raise  # not the disk's fault but ours
            raise StorageError(self._sentence(FAULTS[_code(error)], words=str(error))) from error

    def _sentence(self, template: str, **words: object) -> str:
        return template.format(
            file=self.file, timeout_s=self.timeout_s, elsewhere=ELSEWHERE, **words
        )


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for what the `sqlite3` module itself raises."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
