"""The storage on disk: one SQLite file per folder, safe for several processes and against kills.

    hpo_studies/
        studies.sqlite      studies, trials, spaces, the ledger
        models/             the kept models (written by `study.models`)

A claimed trial number belongs to the process that claimed it until the trial has ended. If that
process ends before, its running trials become stopped trials.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, replace
from pathlib import Path

import numpy as np

from hpo_magic.core.domains import Plain, plain
from hpo_magic.core.ledger import Ledger, fault_of, heads_of
from hpo_magic.core.records import StudyRecord, TestEvaluation, UsedRows
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import (
    Trial,
)
from hpo_magic.storage.database import Connection, Database
from hpo_magic.storage.process import Process
from hpo_magic.storage.stored_forms import (
    record_of,
    record_text,
    save_row_scores,
    stopped_trial,
    trial_of,
)
from hpo_magic.storage.strict_json import from_text, to_text

FILE = "studies.sqlite"
ROWS = "<u8"  # how fingerprints of rows are stored

# The columns of a trial that are not in its JSON, and their tables.
OUTCOMES = "data, dtype, rows, about, units FROM trials LEFT JOIN outcomes USING (study, number)"

# Whether a process on another host runs is unknown. A training that wrote nothing for a day is
# taken for dead; if it ends later, its result is stored nevertheless.
DEAD_AFTER_S = 24 * 3600


def study_file(path: Path) -> Path:
    """Return the study file of a path: the path itself if it is or looks like a file.

    >>> study_file(Path("hpo_studies")).as_posix()
    'hpo_studies/studies.sqlite'
    """
    is_file = path.is_file() or (path.suffix in {".sqlite", ".db"} and not path.is_dir())
    return path if is_file else path / FILE


class SqliteStorage:
    """Studies in a file or in memory; for several threads, but not across a fork.

    Parameters
    ----------
    path
        The folder, or the file itself. Both are created if missing. None: the studies are in memory
        until this object is deleted; `close` keeps them.
    timeout_s
        How long to wait for another process that writes.

    Raises
    ------
    StorageError
        By each method, if the file cannot be read or written.
    """

    def __init__(self, path: Path | str | None, timeout_s: float = 5.0) -> None:
        file = None if path is None else study_file(Path(path))
        self._database = Database(file, timeout_s)
        self._owner = to_text(astuple(Process.this()))

    @staticmethod
    def exists(path: Path | str) -> bool:
        """Return whether there is a study file; it is not opened."""
        return study_file(Path(path)).exists()

    @property
    def file(self) -> Path | None:
        """The study file; None if the studies are in memory."""
        return self._database.file

    @property
    def models(self) -> Path | None:
        """The folder for kept models; None if the studies are in memory. It may not exist yet.

        Two study files in one folder have different folders of models.
        """
        if self.file is None:
            return None
        is_usual = self.file.name == FILE
        return self.file.with_name("models" if is_usual else f"{self.file.stem}_models")

    def names(self) -> list[str]:
        """Return the names of the studies, the latest used last."""
        with self._database.read() as db:
            rows = db.execute(
                """
                SELECT name, max(changed, coalesce(
                    (SELECT max(changed) FROM trials WHERE study = studies.id), 0)) AS used
                FROM studies ORDER BY used
                """
            ).fetchall()
        last_used = dict(rows)  # of a name's revisions, the latest used comes last
        return sorted(last_used, key=lambda name: last_used[name])

    def create(self, record: StudyRecord) -> StudyRecord:
        """Store a new revision; return it, or the one that another process stored first."""
        with self._changing() as (db, tick):
            there = db.execute(
                "SELECT id, name, revision, record FROM studies WHERE name = ? AND revision = ?",
                [record.name, record.revision],
            ).fetchone()
            if there:
                return record_of(*there)
            last = db.execute("SELECT max(revision) FROM studies WHERE name = ?", [record.name])
            revision = (last.fetchone()[0] or 0) + 1
            created = db.execute(
                "INSERT INTO studies (name, revision, record, changed) VALUES (?, ?, ?, ?)",
                [record.name, revision, record_text(record), tick],
            )
        return replace(record, id=created.lastrowid or 0, revision=revision)

    def update(self, record: StudyRecord) -> None:
        """Store the record's source, line, fingerprints and goals again, by its id."""
        fields = ("source", "line", "code", "ranges", "data", "goals", "names")
        with self._changing() as (db, tick):
            row = db.execute(
                "SELECT id, name, revision, record FROM studies WHERE id = ?", [record.id]
            ).fetchone()
            stored = replace(record_of(*row), **{name: getattr(record, name) for name in fields})
            db.execute(
                "UPDATE studies SET record = ?, changed = ? WHERE id = ?",
                [record_text(stored), tick, record.id],
            )

    def choose(self, study: int, number: int | None) -> None:
        """Store which trial the user chose of several objectives' front; None: none."""
        with self._changing() as (db, tick):
            row = db.execute(
                "SELECT id, name, revision, record FROM studies WHERE id = ?", [study]
            ).fetchone()
            text = record_text(replace(record_of(*row), chosen=number))
            db.execute(
                "UPDATE studies SET record = ?, changed = ? WHERE id = ?", [text, tick, study]
            )

    def revisions(self, name: str) -> list[StudyRecord]:
        """Return the revisions of a study, oldest first; none if there is no such study."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, name, revision, record FROM studies WHERE name = ? ORDER BY revision",
                [name],
            ).fetchall()
        return [record_of(*row) for row in rows]

    def claim(self, study: int) -> int:
        """Return the study's next trial number, which no other call of any process gets."""
        with self._database.write() as db:
            last = db.execute("SELECT max(number) FROM trials WHERE study = ?", [study])
            (highest,) = last.fetchone()
            number = 0 if highest is None else int(highest) + 1
            db.execute(
                "INSERT INTO trials (study, number, owner, seen) VALUES (?, ?, ?, ?)",
                [study, number, self._owner, time.time()],
            )
        return number

    def release(self, study: int, number: int) -> None:
        """Give back a claimed number for which no trial was saved."""
        with self._database.write() as db:
            db.execute(
                "DELETE FROM trials WHERE study = ? AND number = ? AND owner = ? AND trial IS NULL",
                [study, number, self._owner],
            )

    def save_trial(self, study: int, trial: Trial) -> None:
        """Store a trial, in place of what was stored under its number."""
        text = to_text(trial.to_json())
        owner = self._owner if trial.state.is_open else None
        with self._changing() as (db, tick):
            db.execute(
                "INSERT OR REPLACE INTO trials (study, number, trial, owner, seen, changed) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [study, trial.number, text, owner, time.time(), tick],
            )
            save_row_scores(db, study, trial)

    def trials(self, study: int) -> list[Trial]:
        """Return the trials by number.

        A running trial whose process is gone is returned as stopped.
        """
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT trial, owner, seen, {OUTCOMES} "
                "WHERE study = ? AND trial IS NOT NULL ORDER BY number",
                [study],
            ).fetchall()
        return [
            stopped_trial(text) if owner and _is_dead(owner, seen) else trial_of(text, *row_scores)
            for text, owner, seen, *row_scores in rows
        ]

    def changes(self, study: int, since: int) -> tuple[int, list[Trial]]:
        """Return the trials that were saved after `since`, and the mark for the next call."""
        self._stop_orphans(study)
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT changed, trial, {OUTCOMES} "
                "WHERE study = ? AND changed > ? ORDER BY changed",
                [study, since],
            ).fetchall()
        return (rows[-1][0] if rows else since), [trial_of(*found) for _, *found in rows]

    def save_space(self, study: int, space: Space) -> None:
        """Store the space, in place of the one before."""
        text = to_text(space.to_json())
        with self._database.write() as db:
            db.execute("UPDATE studies SET space = ? WHERE id = ?", [text, study])

    def space(self, study: int) -> Space:
        """Return the stored space; an empty one if there is none."""
        with self._database.read() as db:
            (text,) = db.execute("SELECT space FROM studies WHERE id = ?", [study]).fetchone()
        return Space.from_json(from_text(text))

    def enqueue(self, study: int, params: Params) -> None:
        """Store a setting to be tried, behind those that wait."""
        row = [study, to_text(dict(params))]
        with self._database.write() as db:
            db.execute("INSERT INTO enqueued (study, params) VALUES (?, ?)", row)

    def take_enqueued(self, study: int) -> list[dict[str, Plain]]:
        """Return the waiting settings, oldest first, and forget them."""
        with self._database.write() as db:
            query = "SELECT params FROM enqueued WHERE study = ? ORDER BY id"
            waiting = [from_text(text) for (text,) in db.execute(query, [study])]
            db.execute("DELETE FROM enqueued WHERE study = ?", [study])
        return [{name: plain(value) for name, value in params.items()} for params in waiting]

    def add_evaluation(self, evaluation: TestEvaluation) -> str:
        """Append to the ledger; return the entry's head, which its study keeps, too.

        In a ledger that was changed the study keeps the head that it has: it shows the change.
        """
        text = to_text(asdict(evaluation))
        with self._changing() as (db, tick):
            texts, stored, kept = _ledger(db)
            head = heads_of([*texts, text])[-1]
            db.execute("INSERT INTO looks (look, head) VALUES (?, ?)", [text, head])
            row = db.execute(
                "SELECT id, name, revision, record FROM studies WHERE name = ? AND revision = ?",
                [evaluation.study, evaluation.revision],
            ).fetchone()
            if row and fault_of(texts, stored, kept) is None:
                record = record_text(replace(record_of(*row), ledger=head))
                db.execute(
                    "UPDATE studies SET record = ?, changed = ? WHERE id = ?",
                    [record, tick, row[0]],
                )
        return head

    def ledger(self) -> Ledger:
        """Return the ledger, with what was changed in it after it was written."""
        with self._database.read() as db:
            texts, stored, kept = _ledger(db)
        return Ledger(
            tuple(TestEvaluation(**from_text(text)) for text in texts),
            tuple(heads_of(texts)),
            fault_of(texts, stored, kept),
        )

    def evaluations(self) -> list[TestEvaluation]:
        """Return the entries of the ledger, oldest first."""
        return list(self.ledger().evaluations)

    def add_used(self, study: int, used: UsedRows) -> None:
        """Store rows that the study used, once."""
        data = used.rows.astype(ROWS).tobytes()
        mark = hashlib.blake2b(data, digest_size=16).hexdigest()
        with self._database.write() as db:
            db.execute(
                "INSERT OR IGNORE INTO used (study, mark, is_fitted, data) VALUES (?, ?, ?, ?)",
                [study, mark, used.is_fitted, data],
            )

    def used(self, study: int) -> list[UsedRows]:
        """Return the rows that the study used, oldest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT data, is_fitted FROM used WHERE study = ? ORDER BY id", [study]
            ).fetchall()
        return [
            UsedRows(np.frombuffer(data, ROWS).astype(np.uint64), bool(is_fitted))
            for data, is_fitted in rows
        ]

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def _changing(self) -> Iterator[tuple[Connection, int]]:
        """Yield a transaction, and the tick for the rows that are changed in it."""
        with self._database.write() as db:
            db.execute("UPDATE clock SET tick = tick + 1")
            (tick,) = db.execute("SELECT tick FROM clock").fetchone()
            yield db, tick

    def _stop_orphans(self, study: int) -> None:
        """Store the running trials of dead processes as stopped; release their unused numbers."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT number, trial, owner, seen FROM trials "
                "WHERE study = ? AND owner IS NOT NULL",
                [study],
            ).fetchall()
        for number, text, owner, seen in rows:
            if _is_dead(owner, seen):
                stopped = to_text(stopped_trial(text).to_json()) if text else None
                self._end(study, number, owner, stopped)

    def _end(self, study: int, number: int, owner: str, text: str | None) -> None:
        """Remove the owner of a number, unless its trial has ended in the meantime."""
        with self._changing() as (db, tick):
            db.execute(
                "UPDATE trials SET trial = ?, owner = NULL, changed = ? "
                "WHERE study = ? AND number = ? AND owner = ?",
                [text, tick if text else 0, study, number, owner],
            )


def _ledger(db: Connection) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """Return the entries' texts and heads, and by study the head that each revision keeps."""
    rows = db.execute("SELECT look, head FROM looks ORDER BY id").fetchall()
    studies = db.execute("SELECT id, name, revision, record FROM studies ORDER BY id").fetchall()
    kept = [(record.name, record.ledger) for record in (record_of(*row) for row in studies)]
    return [text for text, _ in rows], [head for _, head in rows], kept


def _is_dead(owner: str, seen: float) -> bool:
    is_alive = Process(*from_text(owner)).is_alive()
    return time.time() - seen > DEAD_AFTER_S if is_alive is None else not is_alive
