"""The tables of a study file, and how a file of an older format becomes one of this.

Fields that SQL selects or sorts by are columns; all others are in strict JSON, which any program
can read. Any change of the tables or of the fields in the JSON makes a new format with an upgrade,
even if the upgrade has no statements: an older hpo_magic must not read fields that it does not
know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

APPLICATION_ID = 0x48504F4D  # "HPOM": tells our files from other programs' SQLite files


@dataclass(frozen=True)
class Schema:
    """A format of the study file.

    Attributes
    ----------
    version
        The number of the format, which a file has as its `user_version`.
    tables
        The SQL statements that make the tables of a new file.
    upgrades
        By the number of an older format, the statements that bring a file to the next one. A format
        that is not among them cannot be opened.
    """

    version: int
    tables: Sequence[str]
    upgrades: Mapping[int, Sequence[str]]


TABLES = (
    # One row. Each change of a study or a trial is numbered by the next tick. So the changes since
    # a tick can be selected, and setting the system's clock back does not change the order.
    "CREATE TABLE clock (tick INTEGER NOT NULL)",
    "INSERT INTO clock VALUES (0)",
    """
    CREATE TABLE studies (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        revision INTEGER NOT NULL,
        record TEXT NOT NULL,
        space TEXT NOT NULL DEFAULT '[]',
        changed INTEGER NOT NULL, -- tick
        UNIQUE (name, revision)
    )
    """,
    # A claimed number is a row without a trial. It has an owner until the trial has ended. If the
    # owner dies before the trial begins, the row stays without both: the number is not used again.
    """
    CREATE TABLE trials (
        study INTEGER NOT NULL REFERENCES studies,
        number INTEGER NOT NULL,
        trial TEXT,
        owner TEXT, -- host, process id, start of the process
        seen REAL NOT NULL, -- when the owner last wrote this row, in seconds since 1970
        changed INTEGER NOT NULL DEFAULT 0, -- tick; 0 before there is a trial
        PRIMARY KEY (study, number)
    )
    """,
    "CREATE INDEX trials_by_change ON trials (study, changed)",
    "CREATE INDEX open_trials ON trials (study) WHERE owner IS NOT NULL",
    """
    CREATE TABLE enqueued (
        id INTEGER PRIMARY KEY,
        study INTEGER NOT NULL REFERENCES studies,
        params TEXT NOT NULL
    )
    """,
    # The ledger: rows are added, never changed or deleted. Replacing a row by its id does not fire
    # the trigger on DELETE, hence the one on INSERT.
    # `head` chains the entries (`core/ledger.py`); '' in those that format 8 or an older one wrote.
    """
    CREATE TABLE looks (
        id INTEGER PRIMARY KEY,
        look TEXT NOT NULL,
        head TEXT NOT NULL DEFAULT ''
    )
    """,
    """
    CREATE TRIGGER looks_stay BEFORE DELETE ON looks
    BEGIN SELECT RAISE(ABORT, 'a look at a test set cannot be removed'); END
    """,
    """
    CREATE TRIGGER looks_stay_the_same BEFORE UPDATE ON looks
    BEGIN SELECT RAISE(ABORT, 'a look at a test set cannot be changed'); END
    """,
    """
    CREATE TRIGGER looks_are_not_replaced BEFORE INSERT ON looks
    WHEN EXISTS (SELECT 1 FROM looks WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a look at a test set cannot be replaced'); END
    """,
    # The score of each trial on each validation row, in the order of the rows. As bytes: text would
    # be ten times as long. `rows` identifies the rows.
    """
    CREATE TABLE outcomes (
        study INTEGER NOT NULL REFERENCES studies,
        number INTEGER NOT NULL,
        rows TEXT NOT NULL,
        dtype TEXT NOT NULL, -- NumPy's name: |b1 or <f4
        n INTEGER NOT NULL,
        data BLOB NOT NULL,
        about TEXT NOT NULL DEFAULT '{}', -- what else is known of the rows, as JSON
        units BLOB NOT NULL DEFAULT x'', -- the group of each row: unsigned, little-endian, 4 bytes
        PRIMARY KEY (study, number)
    ) WITHOUT ROWID
    """,
    # Fingerprints of the rows that a study used, 8 bytes each: compared with those of a test set.
    """
    CREATE TABLE used (
        id INTEGER PRIMARY KEY,
        study INTEGER NOT NULL REFERENCES studies,
        mark TEXT NOT NULL, -- of the rows: the same ones are stored once
        is_fitted INTEGER NOT NULL,
        data BLOB NOT NULL, -- unsigned, little-endian
        UNIQUE (study, mark, is_fitted)
    )
    """,
)

# Format 7 is that of version 0.1.0, the first release. Format 8 has further fields in the JSON, and
# what is known of validation rows beside their scores. Format 9 chains the entries of the ledger.
# Format 10 has the revisions that guide a study, in the JSON; format 11 the groups that splits
# cut, the worst score that a row could have got, and how much its labels tell of the rows; format
# 12 the metric that the rows were scored by; format 13 whether a value is of training rows, in the
# JSON.
SCHEMA = Schema(
    version=13,
    tables=TABLES,
    upgrades={
        7: (
            "ALTER TABLE outcomes ADD COLUMN about TEXT NOT NULL DEFAULT '{}'",
            "ALTER TABLE outcomes ADD COLUMN units BLOB NOT NULL DEFAULT x''",
        ),
        8: ("ALTER TABLE looks ADD COLUMN head TEXT NOT NULL DEFAULT ''",),
        9: (),
        10: (),
        11: (),
        12: (),
    },
)
