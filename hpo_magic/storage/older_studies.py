"""The stored studies that guide a revision, as they were when it began."""

from __future__ import annotations

from hpo_magic.core.log import log
from hpo_magic.core.ports import Storage
from hpo_magic.core.records import OlderStudy, StudyRecord
from hpo_magic.core.trial import History, Kind, Trial, goals_or_value


def older_studies(storage: Storage, record: StudyRecord) -> tuple[OlderStudy, ...]:
    """Return the studies that guide a revision.

    Only trials that had ended when it began are taken, so that a search that continues has the same
    ones. A study that is gone is left out.
    """
    found = []
    for name, revision in record.guides:
        older = next((r for r in storage.revisions(name) if r.revision == revision), None)
        if older is None:
            log.debug("the study %s, revision %s, that guides this one is gone", name, revision)
            continue
        found.append(OlderStudy(name, revision, history_until(storage, older, record.created)))
    return tuple(found)


def history_until(storage: Storage, record: StudyRecord, at: float) -> History:
    """Return the trials of a revision that had ended at the time `at`, without re-runs.

    `at` is in seconds since 1970.
    """
    trials = storage.trials(record.id)
    ended = (t for t in trials if t.kind is not Kind.RECHECK and _had_ended(t, at))
    return History(tuple(ended), goals_or_value(record.goals))


def _had_ended(trial: Trial, at: float) -> bool:
    if trial.state.is_open:
        return False
    return trial.started is None or trial.started + (trial.duration_s or 0.0) <= at
