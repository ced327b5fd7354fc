"""Running a search: the code, the options and a storage in, a study's record and snapshot out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hpo_magic.core.events import Finish
from hpo_magic.core.log import caught, note_event
from hpo_magic.core.ports import Storage
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Ranges
from hpo_magic.core.trial import Trial
from hpo_magic.errors import StorageError
from hpo_magic.exports import require_log
from hpo_magic.inputs.state import without
from hpo_magic.samplers import require_library
from hpo_magic.search.anonymous import anonymous
from hpo_magic.search.options import Options
from hpo_magic.search.prepare import MakeListeners, SearchedCode, prepare
from hpo_magic.search.where import require_workers
from hpo_magic.study.models import ModelStore
from hpo_magic.tools.interception import intercepted


@dataclass(frozen=True)
class SearchResult:
    """How a search ended.

    Attributes
    ----------
    record
        The study's, as it is stored now.
    finish
        Why the search ended.
    snapshot
        The search at its end.
    model_store
        Has the models of the best trials, and makes others again.
    error
        The exception of the last failed trial, if the search failed as a whole and its trials ran
        in this process; else None.
    unsaved
        The trials by number that the disk did not take.
    is_narrowing_wanted
        Whether the user asked for a cell with narrower ranges.
    ranges
        The user's own ranges for it; None: those around the best trials.
    """

    record: StudyRecord
    finish: Finish
    snapshot: Snapshot
    model_store: ModelStore
    error: BaseException | None
    unsaved: dict[int, Trial]
    is_narrowing_wanted: bool
    ranges: Ranges | None = None


def require_extras(options: Options) -> None:
    """Check that the packages that the options need are installed, before a study is opened.

    Raises
    ------
    HpoError
        If one is not, with the command that installs it.
    """
    require_library(options.sampler)
    if options.log is not None:
        require_log(options.log)
    require_workers(options)


def run_search(
    code: SearchedCode,
    options: Options,
    storage: Storage,
    models: Path | None,
    make_listeners: MakeListeners,
) -> SearchResult:
    """Run a search to its end, and return how it ended. The parameters are those of `prepare`.

    An interrupt ends the search, and a failed trial is stored; neither is raised.

    Raises
    ------
    StudyNotFound
        If there is no study to start from.
    NotPortable, ClusterError, OptionError
        If the trainings cannot run where the options say; no trial has run then.
    """
    note_event(f"Search with {anonymous(options)}", None)
    with (
        intercepted(code.modules),  # a search of another tool inside a trial is refused
        prepare(code, options, storage, models, make_listeners) as prepared,
    ):
        runner, here = prepared.runner, prepared.here
        finish = runner.run()
    record = _without_refitted(runner.record, code.inputs.refitted, storage)
    has_error = here is not None and finish.failure is not None
    return SearchResult(
        record,
        finish,
        runner.snapshot(),
        replace(prepared.model_store, record=record),
        here.last_error if here is not None and has_error else None,
        runner.unsaved,
        prepared.requests.is_narrowing_wanted,
        prepared.requests.ranges,
    )


def _without_refitted(record: StudyRecord, variables: set[str], storage: Storage) -> StudyRecord:
    """Return the record, which no longer compares estimators that each trial fits anew.

    What the last trial left in them differs from what the first trial found.
    """
    if not variables:
        return record
    changed = replace(record, data=without(record.data, variables))
    try:
        storage.update(changed)
    except StorageError:  # the runner has told the user
        caught("the fingerprint of the data could not be stored")
        return record
    return changed
