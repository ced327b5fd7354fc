"""Stored studies as snapshots, which the views show."""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.ports import Storage
from hpo_magic.core.records import NO_TRIAL, StudyRecord, TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import State, goals_or_value
from hpo_magic.errors import StudyNotFound, did_you_mean
from hpo_magic.storage.older_studies import older_studies


def open_snapshot(storage: Storage, name: str) -> tuple[StudyRecord, Snapshot]:
    """Return the record and the snapshot of the latest revision of a study.

    Raises
    ------
    StudyNotFound
        If there is no study of that name.
    """
    revisions = storage.revisions(name)
    if not revisions:
        names = storage.names()
        listed = f" There are: {', '.join(names)}." if names else " There is none yet."
        raise StudyNotFound(f"no study {name!r} here.{did_you_mean(name, names)}{listed}")
    return revisions[-1], snapshot_of(storage, revisions[-1])


def snapshot_of(storage: Storage, record: StudyRecord) -> Snapshot:
    """Return the snapshot of one stored revision."""
    space = storage.space(record.id)
    trials = storage.trials(record.id)
    ledger = storage.ledger()
    fits = {t.number for t in trials if t.state is State.RUNNING or space.fits(t.params)}
    return Snapshot(
        name=record.name,
        goals=goals_or_value(record.goals),
        chosen=record.chosen,
        space=space,
        trials=tuple(t for t in trials if t.number in fits),
        set_aside=tuple(t for t in trials if t.number not in fits),
        started=record.created,
        at=record.created + sum(trial.duration_s or 0.0 for trial in trials),
        is_live=False,
        evaluations=tuple(evaluations_of(ledger.evaluations, record)),
        ledger_fault=ledger.fault,
        guides=older_studies(storage, record),
        is_read=record.is_read,
    )


def evaluations_of(ledger: Iterable[TestEvaluation], record: StudyRecord) -> list[TestEvaluation]:
    """Return those entries of the ledger that are of this revision's trials, oldest first."""
    key = (record.name, record.revision)
    return [
        evaluation
        for evaluation in ledger
        if (evaluation.study, evaluation.revision) == key and evaluation.trial != NO_TRIAL
    ]
