"""Store a search of another tool as a study."""

from __future__ import annotations

import hashlib
import json
import time

from hpo_magic.core.ports import Storage
from hpo_magic.core.records import READ, StudyRecord
from hpo_magic.errors import OptionError
from hpo_magic.readers.found import Found


def store(found: Found, storage: Storage, name: str) -> StudyRecord:
    """Store the search as a new revision; return its record, or the one that has the same trials.

    Raises
    ------
    OptionError
        If a search of ours has that name.
    """
    mark = READ + _fingerprint(found)
    revisions = storage.revisions(name)
    if any(not record.is_read for record in revisions):
        raise OptionError(
            f"read_study: a search here has the name {name!r}. Give another one: "
            f"read_study(…, {name + '_old'!r})."
        )
    latest = revisions[-1] if revisions else None
    if latest is not None and latest.code == mark:
        is_whole = len(storage.trials(latest.id)) == len(found.trials)  # else it was interrupted
        if is_whole:
            return latest
    wanted = StudyRecord(0, name, 0, found.goals, seed=0, code=mark, created=time.time())
    record = storage.create(wanted)
    storage.save_space(record.id, found.space)
    for trial in found.trials:
        storage.save_trial(record.id, trial)
    return record


def _fingerprint(found: Found) -> str:
    trials = [trial.to_json() for trial in found.trials]
    told = [trials, found.space.to_json(), list(map(str, found.goals))]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()
