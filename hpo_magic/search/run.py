"""Running a search: the code, the options and a storage in, a study's record and snapshot out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

<<<<<<< HEAD
from hpo_magic.core.events import Finish
from hpo_magic.core.ports import Storage
||||||| 6dfa3d9
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Finish, Noted, Run
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Executor, Framework, Listener, Storage
=======
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Finish, Noted, Run
from hpo_magic.core.log import note_event
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Executor, Framework, Listener, Storage
>>>>>>> main
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Trial
from hpo_magic.exports import require_log
<<<<<<< HEAD
from hpo_magic.samplers import require_library
||||||| 6dfa3d9
from hpo_magic.frameworks import kept_random_state
from hpo_magic.honesty.by_row import enough_of
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.pruners import make_pruner
from hpo_magic.samplers import make_sampler, require_library
from hpo_magic.search.interrupt import RemoteTraining, interruptible
from hpo_magic.search.open_study import Opened
=======
from hpo_magic.frameworks import kept_random_state
from hpo_magic.honesty.by_row import enough_of
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.pruners import make_pruner
from hpo_magic.samplers import make_sampler, require_library
from hpo_magic.search.anonymous import anonymous
from hpo_magic.search.interrupt import RemoteTraining, interruptible
from hpo_magic.search.open_study import Opened
>>>>>>> main
from hpo_magic.search.options import Options
from hpo_magic.search.prepare import MakeListeners, SearchedCode, prepare
from hpo_magic.search.where import require_workers
from hpo_magic.study.models import ModelStore


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
    """

    record: StudyRecord
    finish: Finish
    snapshot: Snapshot
    model_store: ModelStore
    error: BaseException | None
    unsaved: dict[int, Trial]
    is_narrowing_wanted: bool


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
<<<<<<< HEAD
    with prepare(code, options, storage, models, make_listeners) as prepared:
        runner, here = prepared.runner, prepared.here
        finish = runner.run()
    has_error = here is not None and finish.failure is not None
||||||| 6dfa3d9
    requests = UserRequests(can_narrow=can_narrow)
    execution = TrialExecution(objective, frameworks, keep=model_store.keep, seen=recorder.fitted)
    execution.names = dict(opened.record.names)
    here = None if is_remote(options) else SerialExecutor(execution)
    # What a sampler imports takes a second, in which the user may interrupt, and draws at random.
    with kept_random_state(), interruptible(requests, here or RemoteTraining()):
        engine = _engine(opened, options)
        execution.goals = engine.plan.goals
        taking_in = _taking_in(engine, model_store, recorder, requests.note)
        things = WorkerHooks(model_store.model_of, fitted_rows, taking_in)
        with _executor(here, options, execution, things, requests.note) as executor:
            runner = Runner(engine, executor, storage, opened.record, requests=requests)
            runner.names = lambda: execution.names
            runner.evaluations = tuple(evaluations_of(storage, opened.record))
            runner.listeners = listeners(requests)
            if here is not None:
                here.between = partial(runner.obey, in_training=True)
            finish = runner.run()
    error = execution.last_error if finish.failure else None
=======
    note_event(f"Search with {anonymous(options)}", None)
    requests = UserRequests(can_narrow=can_narrow)
    execution = TrialExecution(objective, frameworks, keep=model_store.keep, seen=recorder.fitted)
    execution.names = dict(opened.record.names)
    here = None if is_remote(options) else SerialExecutor(execution)
    # What a sampler imports takes a second, in which the user may interrupt, and draws at random.
    with kept_random_state(), interruptible(requests, here or RemoteTraining()):
        engine = _engine(opened, options)
        execution.goals = engine.plan.goals
        taking_in = _taking_in(engine, model_store, recorder, requests.note)
        things = WorkerHooks(model_store.model_of, fitted_rows, taking_in)
        with _executor(here, options, execution, things, requests.note) as executor:
            runner = Runner(engine, executor, storage, opened.record, requests=requests)
            runner.names = lambda: execution.names
            runner.evaluations = tuple(evaluations_of(storage, opened.record))
            runner.listeners = listeners(requests)
            if here is not None:
                here.between = partial(runner.obey, in_training=True)
            finish = runner.run()
    error = execution.last_error if finish.failure else None
>>>>>>> main
    return SearchResult(
        runner.record,
        finish,
        runner.snapshot(),
        replace(prepared.model_store, record=runner.record),
        here.last_error if here is not None and has_error else None,
        runner.unsaved,
        prepared.requests.is_narrowing_wanted,
    )
