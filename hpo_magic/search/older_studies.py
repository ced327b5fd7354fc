"""Which older studies guide a new revision: the revisions before it, or those of `--from`."""

from __future__ import annotations

from collections.abc import Sequence

from hpo_magic.core.notices import NewRevision, StudyChange
from hpo_magic.core.ports import Storage
from hpo_magic.core.records import StudyRecord
from hpo_magic.errors import StudyNotFound, did_you_mean
from hpo_magic.search.options import Options
from hpo_magic.storage.older_studies import history_until

# These samplers learn from trials, so the revisions before guide them unasked. The others, of which
# nobody expects more than random settings or a grid, begin with older settings if `--from` says so.
LEARNING = frozenset({"bayes", "tpe", "genetic"})
# Revisions are taken back from the latest, until there are so many complete trials. The surrogate
# learns from no more of each.
ENOUGH_TRIALS, MOST_REVISIONS = 60, 3

Reference = tuple[str, int]  # name and revision


def references(
    storage: Storage, options: Options, new: StudyRecord, reason: NewRevision | None
) -> tuple[Reference, ...]:
    """Return the revisions of older studies that guide a new one.

    Parameters
    ----------
    new
        The revision that is about to begin. It is not stored yet.
    reason
        Why it begins. Another seed asks for an independent search: nothing guides that unasked.

    Raises
    ------
    StudyNotFound
        If a study of `--from` is not there, or has no complete trial.
    """
    names = options.from_studies
    if names is None:
        is_repeat = reason is not None and reason.change is StudyChange.SEED
        is_guided = options.sampler in LEARNING and not is_repeat
        return _latest(storage, new.name, new) if is_guided else ()
    found: list[Reference] = []
    for name in names:
        of_name = _latest(storage, name, new)
        if not of_name:
            raise _nothing_to_take(storage, name, new)
        found += of_name
    return tuple(found)


def _latest(storage: Storage, name: str, new: StudyRecord) -> tuple[Reference, ...]:
    """Return the latest revisions of a study that have a complete trial, the latest first."""
    found: list[Reference] = []
    n_trials, has_read = 0, False
    for record in reversed(_revisions_before(storage, name, new)):
        if record.is_read and has_read:  # of the same files, read again with more trials
            continue
        n = len(history_until(storage, record, new.created).complete)
        if n:
            found.append((name, record.revision))
            n_trials += n
            has_read = has_read or record.is_read
        if n_trials >= ENOUGH_TRIALS or len(found) == MOST_REVISIONS:
            break
    return tuple(found)


def _revisions_before(storage: Storage, name: str, new: StudyRecord) -> Sequence[StudyRecord]:
    revisions = storage.revisions(name)
    return [r for r in revisions if name != new.name or r.revision < new.revision]


def _nothing_to_take(storage: Storage, name: str, new: StudyRecord) -> StudyNotFound:
    if _revisions_before(storage, name, new):
        return StudyNotFound(f"--from: study {name!r} has no complete trial to begin from.")
    names = storage.names()
    listed = f" There are: {', '.join(names)}." if names else " There is none yet."
    return StudyNotFound(f"--from: no study {name!r} here.{did_you_mean(name, names)}{listed}")
