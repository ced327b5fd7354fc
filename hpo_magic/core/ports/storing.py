"""Protocol of what keeps studies."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from hpo_magic.core.domains import Plain
from hpo_magic.core.ledger import Ledger
from hpo_magic.core.records import StudyRecord, TestEvaluation, UsedRows
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import Trial


class Storage(Protocol):
    """Keeps studies, trials and the ledger.

    Every call is complete on disk when it returns. Several processes may work on one study: numbers
    are handed out once. A disk that fails raises `StorageError` with the file's name and the cure,
    and leaves what was stored before as it was.
    """

    @property
    def models(self) -> Path | None:
        """The folder for kept models, which need not exist yet; None: they are not kept."""
        ...

    def names(self) -> list[str]:
        """Return the names of the studies, the latest used last."""
        ...

    def create(self, record: StudyRecord) -> StudyRecord:
        """Store a new revision of `record.name`; return it with `id` and `revision` (from 1).

        If another process has stored that revision meanwhile (`record.revision` says which one is
        meant, 0 the next), the one that is there is returned.
        """
        ...

    def update(self, record: StudyRecord) -> None:
        """Store the record's source, line, fingerprints, metric and direction again, by its id."""
        ...

    def choose(self, study: int, number: int | None) -> None:
        """Store which trial the user chose of several objectives' front; None: none."""
        ...

    def revisions(self, name: str) -> list[StudyRecord]:
        """Return the revisions of a study, oldest first; none if there is no such study."""
        ...

    def claim(self, study: int) -> int:
        """Return the study's next trial number, which no other call of any process gets."""
        ...

    def release(self, study: int, number: int) -> None:
        """Give back a claimed number for which no trial was saved."""
        ...

    def save_trial(self, study: int, trial: Trial) -> None:
        """Store a trial, in place of what was stored under its number."""
        ...

    def trials(self, study: int) -> list[Trial]:
        """Return the trials by number.

        A running trial whose process is gone is returned as stopped.
        """
        ...

    def changes(self, study: int, since: int) -> tuple[int, list[Trial]]:
        """Return what was saved after `since`, by this process too, and the mark for the next call.

        Cheap, however many trials there are. 0 is before the first trial; a trial saved twice comes
        once, as it is now, in the order of the saves. Running trials whose process is gone are
        stored as stopped first, and so come along.
        """
        ...

    def save_space(self, study: int, space: Space) -> None:
        """Store the space, in place of the one before."""
        ...

    def space(self, study: int) -> Space:
        """Return the stored space; an empty one if there is none."""
        ...

    def enqueue(self, study: int, params: Params) -> None:
        """Store a setting to be tried, behind those that wait."""
        ...

    def take_enqueued(self, study: int) -> list[dict[str, Plain]]:
        """Return the waiting settings, oldest first, and forget them."""
        ...

    def add_evaluation(self, evaluation: TestEvaluation) -> str:
        """Append to the ledger; return the entry's head, and keep it with the entry's study."""
        ...

    def ledger(self) -> Ledger:
        """Return the ledger, with what was changed in it after it was written."""
        ...

    def evaluations(self) -> list[TestEvaluation]:
        """Return the whole ledger, oldest first."""
        ...

    def add_used(self, study: int, used: UsedRows) -> None:
        """Store rows that the study used; those that are stored already are not stored twice."""
        ...

    def used(self, study: int) -> list[UsedRows]:
        """Return the rows that the study used, oldest first."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...
