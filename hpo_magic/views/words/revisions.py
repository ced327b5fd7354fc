"""Why a run begins a new revision of its study, in words."""

from __future__ import annotations

from hpo_magic.core.notices import NewRevision, StudyChange
from hpo_magic.views.words.inputs import data_changed_text


def new_revision_text(reason: NewRevision, revision: int) -> str:
    """Return the notice of a new revision.

    >>> new_revision_text(NewRevision(StudyChange.SEED, "0", "7"), 2)
    'The seed changed from 0 to 7: a new revision (2); the old ones stay.'
    """
    return f"{_reason(reason)}: a new revision ({revision}); the old ones stay."


def _reason(reason: NewRevision) -> str:
    match reason.change:
        case StudyChange.FRESH:
            return "Started over (--fresh)"
        case StudyChange.READ:
            return "The stored trials are another tool's"
        case StudyChange.ONLY_FAILED:
            return "No trial had worked"
        case StudyChange.DATA:
            return data_changed_text(reason.variables)
    before = f" from {reason.before}" if reason.before else ""
    now = f" to {reason.now}" if reason.now else ""
    return f"The {reason.change.value} changed{before}{now}"
