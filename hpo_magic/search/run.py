"""Conducting a search: an objective, options and a storage in, a study out.

The magic and `hpo_magic.search` differ in what they train and where they show it; this is the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Finish, Noted, Run
from hpo_magic.core.log import note_event
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Executor, Framework, Listener, Storage
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Trial, named_goals
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.training_task import TaskResult
from hpo_magic.executors.trial_execution import Objective, TrialExecution
from hpo_magic.exports import require_log
from hpo_magic.frameworks import kept_random_state
from hpo_magic.honesty.by_row import enough_of
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.pruners import make_pruner
from hpo_magic.samplers import make_sampler, require_library
from hpo_magic.search.anonymous import anonymous
from hpo_magic.search.interrupt import RemoteTraining, interruptible
from hpo_magic.search.open_study import Opened
from hpo_magic.search.options import Options
from hpo_magic.search.requests import UserRequests
from hpo_magic.search.runner import Runner
from hpo_magic.search.used_rows import RowsRecorder, fitted_rows
from hpo_magic.search.where import WorkerHooks, is_remote, require_workers, worker_executor
from hpo_magic.storage.snapshots import evaluations_of
from hpo_magic.study.models import ModelStore


@dataclass(frozen=True)
class SearchResult:
    """How a search ended.

    Attributes
    ----------
    error
        The exception of the last failed trial, where the search failed as a whole and its trials
        ran in this process; else None.
    unsaved
        The trials by number that the disk did not take.
    is_narrowing_wanted
        Whether the user asked for a cell with narrower ranges.
    """

    record: StudyRecord
    finish: Finish
    snapshot: Snapshot
    error: BaseException | None
    unsaved: dict[int, Trial]
    is_narrowing_wanted: bool


def require_extras(options: Options) -> None:
    """Check that what the options need is installed, before a study is begun.

    Raises
    ------
    HpoError
        If something is not, with the command that installs it.
    """
    require_library(options.sampler)
    if options.log is not None:
        require_log(options.log)
    require_workers(options)


def run_search(
    objective: Objective,
    opened: Opened,
    options: Options,
    storage: Storage,
    *,
    frameworks: Sequence[Framework],
    listeners: Callable[[UserRequests], Sequence[Listener]],
    model_store: ModelStore,
    recorder: RowsRecorder,
    can_narrow: bool = False,
) -> SearchResult:
    """Run a search to its end; interrupts end it, whatever fails inside it is recorded.

    Parameters
    ----------
    objective
        What is trained.
    opened
        The revision of the study to go on with.
    listeners
        Makes those that show the search, given what the user's buttons talk to.
    restorer
        Puts the models of the leading trials on disk.
    recorder
        Takes note of the data that each training fitted.

    Raises
    ------
    NotPortable, ClusterError, OptionError
        If the trainings are to run elsewhere, and cannot; nothing has run then.
    """
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
    return SearchResult(
        runner.record,
        finish,
        runner.snapshot(),
        error,
        runner.unsaved,
        requests.is_narrowing_wanted,
    )


@contextmanager
def _executor(
    here: SerialExecutor | None,
    options: Options,
    execution: TrialExecution,
    things: WorkerHooks,
    note: Callable[[str], None],
) -> Iterator[Executor]:
    """Return where the trainings run: here, or away."""
    if here is not None:
        yield here
        return
    with worker_executor(options, execution, things, note) as executor:
        yield executor


def _taking_in(
    engine: Engine, model_store: ModelStore, recorder: RowsRecorder, note: Callable[[str], None]
) -> Callable[[Run, TaskResult], None]:
    """Return what takes in what a training brought home.

    Others have ended since it began: whether its model stays is asked again. What several workers
    remark is told once.
    """
    told = {""}

    def take_in(run: Run, arrived: TaskResult) -> None:
        if arrived.remark not in told:
            told.add(arrived.remark)
            note(arrived.remark)
        if arrived.rows is not None:
            recorder.record(run.seed, arrived.rows)
        value = arrived.ended.outcome.value
        if arrived.model is not None and value is not None:
            to_beat, kept_too = engine.to_keep(run.number)
            goal = arrived.ended.outcome.goal
            sign = 1 if goal is None else goal.direction.sign
            if to_beat is None or sign * value < sign * to_beat:
                model_store.put(run.number, arrived.model, kept_too)

    return take_in


def _engine(opened: Opened, options: Options) -> Engine:
    """Return the engine of this run, which knows what the runs before found."""
    record = opened.record
    goals = named_goals(record.goals) or options.goals
    is_multi_objective = len(named_goals(goals)) > 1
    rechecker = Rechecking(options.recheck)
    plan = Plan(
        name=record.name,
        sampler=make_sampler(options.sampler, several=is_multi_objective),
        goals=goals,
        n_trials=options.trials,
        time_s=options.time,
        timeout_s=options.timeout,
        patience=options.patience,
        seed=options.seed,
        stop_at_failure=options.errors == "raise",
        n_keep=options.keep,
        enough=(lambda history: None) if is_multi_objective else enough_of,
        stop_at_noise=options.stop == "noise",
        pruner=None if is_multi_objective else make_pruner(options.pruner),
        rechecker=rechecker,
    )
    engine = Engine(
        plan,
        opened.space,
        opened.trials,
        opened.queue,
        chosen=record.chosen,
        ranges_changed=opened.ranges_changed,
        at=time.time(),
    )
    if opened.sentence:
        engine.handle(Noted(opened.sentence))
    n_done = sum(trial.state.is_finished for trial in opened.trials)
    announced = rechecker.announcement(
        options.trials, is_timed=options.time is not None, of_front=is_multi_objective
    )
    if announced and n_done < options.trials:
        engine.handle(Noted(announced))
    return engine
