"""The storage of searches without a name: gone with the process, and so never in need of care."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from itertools import takewhile

from hpo_magic.core.domains import Plain
from hpo_magic.core.records import StudyRecord, TestEvaluation, UsedRows
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import Trial


@dataclass
class _Study:
    """One revision. `changed` has the tick of each trial's last save, `used` of anything's."""

    record: StudyRecord
    used: int
    space: Space = field(default_factory=Space)
    numbers: set[int] = field(default_factory=set)
    trials: dict[int, Trial] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)
    enqueued: list[dict[str, Plain]] = field(default_factory=list)
    used_rows: dict[tuple[bytes, bool], UsedRows] = field(default_factory=dict)


class MemoryStorage:
    """Studies in memory; may be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._studies: dict[int, _Study] = {}
        self._looks: list[TestEvaluation] = []
        self._tick = 0

    def names(self) -> list[str]:
        """Return the names of the studies, the latest used last."""
        with self._lock:
            by_use = sorted(self._studies.values(), key=lambda study: study.used, reverse=True)
        return list(dict.fromkeys(study.record.name for study in by_use))[::-1]

    def create(self, record: StudyRecord) -> StudyRecord:
        """Store a new revision; return it, or the one that is there already."""
        with self._lock:
            records = [s.record for s in self._studies.values() if s.record.name == record.name]
            n_before = len(records)
            if 0 < record.revision <= n_before:
                return records[record.revision - 1]
            created = replace(record, id=len(self._studies) + 1, revision=n_before + 1)
            self._studies[created.id] = _Study(created, self._next_tick())
        return created

    def update(self, record: StudyRecord) -> None:
        """Store the record's source, line, fingerprints and goals again, by its id."""
        with self._lock:
            study = self._studies[record.id]
            stored = study.record
            study.record = replace(
                record,
                name=stored.name,
                revision=stored.revision,
                seed=stored.seed,
                created=stored.created,
                chosen=stored.chosen,
            )
            study.used = self._next_tick()

    def choose(self, study: int, number: int | None) -> None:
        """Store which trial the user chose of several objectives' front; None: none."""
        with self._lock:
            kept = self._studies[study]
            kept.record = replace(kept.record, chosen=number)
            kept.used = self._next_tick()

    def revisions(self, name: str) -> list[StudyRecord]:
        """Return the revisions of a study, oldest first; none if there is no such study."""
        with self._lock:
            records = [study.record for study in self._studies.values()]
        return [record for record in records if record.name == name]

    def claim(self, study: int) -> int:
        """Return the study's next trial number, which no other call of any thread gets."""
        with self._lock:
            numbers = self._studies[study].numbers
            number = max(numbers, default=-1) + 1
            numbers.add(number)
        return number

    def release(self, study: int, number: int) -> None:
        """Give back a claimed number for which no trial was saved."""
        with self._lock:
            if number not in self._studies[study].trials:
                self._studies[study].numbers.discard(number)

    def save_trial(self, study: int, trial: Trial) -> None:
        """Store a trial, in place of what was stored under its number."""
        with self._lock:
            kept = self._studies[study]
            kept.numbers.add(trial.number)
            kept.trials[trial.number] = trial
            kept.changed.pop(trial.number, None)  # the latest change stands last
            kept.used = kept.changed[trial.number] = self._next_tick()

    def trials(self, study: int) -> list[Trial]:
        """Return the trials by number."""
        with self._lock:
            return sorted(self._studies[study].trials.values(), key=lambda trial: trial.number)

    def changes(self, study: int, since: int) -> tuple[int, list[Trial]]:
        """Return the trials that were saved after `since`, and the mark for the next call."""
        with self._lock:
            kept = self._studies[study]
            latest_first = reversed(kept.changed.items())
            new = list(takewhile(lambda change: change[1] > since, latest_first))
            trials = [kept.trials[number] for number, _ in reversed(new)]
            return (new[0][1] if new else since), trials

    def save_space(self, study: int, space: Space) -> None:
        """Store the space, in place of the one before."""
        with self._lock:
            self._studies[study].space = space

    def space(self, study: int) -> Space:
        """Return the stored space; an empty one if there is none."""
        with self._lock:
            return self._studies[study].space

    def enqueue(self, study: int, params: Params) -> None:
        """Store a setting to be tried, behind those that wait."""
        with self._lock:
            self._studies[study].enqueued.append(dict(params))

    def take_enqueued(self, study: int) -> list[dict[str, Plain]]:
        """Return the waiting settings, oldest first, and forget them."""
        with self._lock:
            kept = self._studies[study]
            taken, kept.enqueued = kept.enqueued, []
        return taken

    def add_evaluation(self, evaluation: TestEvaluation) -> None:
        """Append to the ledger."""
        with self._lock:
            self._looks.append(evaluation)

    def evaluations(self) -> list[TestEvaluation]:
        """Return the whole ledger, oldest first."""
        with self._lock:
            return list(self._looks)

    def add_used(self, study: int, used: UsedRows) -> None:
        """Store rows that the study used, once."""
        with self._lock:
            self._studies[study].used_rows[used.rows.tobytes(), used.is_fitted] = used

    def used(self, study: int) -> list[UsedRows]:
        """Return the rows that the study used, oldest first."""
        with self._lock:
            return list(self._studies[study].used_rows.values())

    def close(self) -> None:
        """Keep everything: there is no file to let go of."""

    def _next_tick(self) -> int:
        self._tick += 1
        return self._tick
