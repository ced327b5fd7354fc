"""Everything that a search needs, made whole: `prepare` opens it, `run_search` uses it.

`%%hpo` and `hpo_magic.search` differ in the code that they search and in who shows the search. Both
describe that in a `SearchedCode` and a function that makes the listeners; the rest is here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hpo_magic.core.engine import Engine
from hpo_magic.core.epochs_spent import trainings_worth
from hpo_magic.core.events import Noted
from hpo_magic.core.log import suppressed
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Executor, Listener, Pruner, Storage, WaitingExecutor, WaitingPruner
from hpo_magic.core.trial import AskedGoals, named_goals
from hpo_magic.errors import StorageError
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.trial_execution import Objective, TrialExecution
from hpo_magic.exports import make_log
from hpo_magic.frameworks import all_frameworks, kept_models, kept_random_state
from hpo_magic.honesty.by_row import enough_of
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.honesty.used_rows import fitted_rows, rows_read
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.pruners import make_pruner
from hpo_magic.samplers import make_sampler
from hpo_magic.search.fingerprint import Fingerprint
from hpo_magic.search.interrupt import RemoteTraining, interruptible
from hpo_magic.search.open_study import Opened, open_study
from hpo_magic.search.options import Options
from hpo_magic.search.requests import UserRequests
from hpo_magic.search.runner import Runner
from hpo_magic.search.temporary import temporary_folder
from hpo_magic.search.where import is_remote, worker_executor
from hpo_magic.storage.snapshots import evaluations_of
from hpo_magic.study.models import ModelStore

NONE_WAITS = (
    "Trainings do not wait where these run: what would wait is stopped there. "
    "--trials counts whole trainings' worth of epochs."
)

MakeListeners = Callable[[UserRequests], Sequence[Listener]]


@dataclass(frozen=True)
class SearchedCode:
    """The code that is searched, and what is known about it before the first trial.

    Attributes
    ----------
    name
        The study's.
    objective
        Runs the code.
    fingerprint
        Says whether a stored study is of the same code and data.
    inputs
        What the code reads from outside.
    line
        The text behind `%%hpo`; "" for a function.
    names
        Names of unnamed `hp` calls by place, known without running the code.
    notes
        Sentences that the user is shown when the search begins.
    is_cell
        Whether it is a cell, whose ranges can be narrowed in its text.
    modules
        Top-level names of the modules that it imports.
    """

    name: str
    objective: Objective
    fingerprint: Fingerprint
    inputs: InputsWatch
    line: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    is_cell: bool = False
    modules: Collection[str] = ()


@dataclass(frozen=True)
class Prepared:
    """A search that is ready to run.

    Attributes
    ----------
    runner
        Runs it.
    requests
        The user's requests to it.
    model_store
        Keeps the models of its best trials.
    here
        The executor in this thread; None if the trainings run in other processes.
    """

    runner: Runner
    requests: UserRequests
    model_store: ModelStore
    here: SerialExecutor | None


@contextmanager
def prepare(
    code: SearchedCode,
    options: Options,
    storage: Storage,
    models: Path | None,
    make_listeners: MakeListeners,
) -> Iterator[Prepared]:
    """Open the study, and make the engine, the executor and the runner that work on it.

    While the context is open, an interrupt ends the search. At its end, workers are stopped, and
    the random streams are as they were before.

    Parameters
    ----------
    code
        What is searched.
    options
        How it is searched.
    storage
        Where the study is stored.
    models
        The folder in which models are kept; None: none is kept.
    make_listeners
        Returns who shows the search. Gets the user's requests, for its buttons.

    Raises
    ------
    StudyNotFound
        If there is no study to start from.
    NotPortable, ClusterError, OptionError
        If the trainings cannot run where the options say; no trial has run then.
    """
    opened = _opened(code, options, storage)
    requests = UserRequests(can_narrow=code.is_cell)
    model_store = ModelStore(models, opened.record, code.objective, all_frameworks(), kept_models())
    goals = named_goals(opened.record.goals) or options.goals
    execution = _execution(model_store, code.objective, goals, is_remote=is_remote(options))
    waits = isinstance(_pruner(options, goals), WaitingPruner)
    here = None if is_remote(options) else SerialExecutor(execution, waits=waits)
    # Importing a sampler's library takes a second, in which the user may interrupt, and may draw
    # from the random streams.
    with kept_random_state(), interruptible(requests, here or RemoteTraining()):
        engine = _engine(opened, options, goals)
        if opened.is_new and models is not None:
            _tell_if_temporary(engine, models.parent)
        with _executor(here, options, execution, requests, waits=waits) as executor:
            if waits and not isinstance(executor, WaitingExecutor):
                engine.handle(Noted(NONE_WAITS))
            for text in code.notes:
                requests.note(text)
            runner = Runner(
                engine,
                executor,
                storage,
                opened.record,
                _listeners(opened.record.name, options, requests, make_listeners),
                requests,
                names=execution.names,
                models=model_store,
                evaluations=tuple(evaluations_of(storage.evaluations(), opened.record)),
            )
            yield Prepared(runner, requests, model_store, here)


def _opened(code: SearchedCode, options: Options, storage: Storage) -> Opened:
    """Return the study's revision to work on; the rows that the code reads are stored with it."""
    opened = open_study(storage, code.name, options, code.fingerprint, code.line)
    names = {**code.names, **opened.record.names}
    opened = replace(opened, record=replace(opened.record, names=names))
    # The runner tells the user if the disk fails again.
    with suppressed("the rows that the code reads could not be stored", StorageError):
        for rows in rows_read(code.inputs.values):
            storage.add_used(opened.record.id, rows)
    return opened


def _execution(
    model_store: ModelStore, objective: Objective, goals: AskedGoals, *, is_remote: bool
) -> TrialExecution:
    """Return the execution of the code; on a worker it returns models as files."""
    return TrialExecution(
        objective,
        model_store.frameworks,
        goals,
        model_of=model_store.files_of if is_remote else model_store.model_of,
        rows_of=fitted_rows,
        names=dict(model_store.record.names),
    )


@contextmanager
def _executor(
    here: SerialExecutor | None,
    options: Options,
    execution: TrialExecution,
    requests: UserRequests,
    *,
    waits: bool,
) -> Iterator[Executor]:
    """Yield the executor in this thread, else the one on workers that the options ask for."""
    if here is not None:
        yield here
        return
    with worker_executor(options, execution, requests.note, waits=waits) as executor:
        yield executor


def _listeners(
    name: str, options: Options, requests: UserRequests, make_listeners: MakeListeners
) -> list[Listener]:
    """Return the live log of the option `log`, if there is one, and who shows the search."""
    logs = [] if options.log is None else [make_log(options.log, name, requests.note)]
    return [*logs, *make_listeners(requests)]


def _engine(opened: Opened, options: Options, goals: AskedGoals) -> Engine:
    """Return the engine of this run; it has the trials of earlier runs."""
    record = opened.record
    plan = _plan(record.name, options, goals)
    engine = Engine(
        plan,
        opened.space,
        opened.trials,
        opened.queue,
        chosen=record.chosen,
        guides=opened.guides,
        ranges_changed=opened.ranges_changed,
        at=time.time(),
    )
    if opened.sentence:
        engine.handle(Noted(opened.sentence))
    n_done = (
        trainings_worth(opened.trials)
        if isinstance(plan.pruner, WaitingPruner)
        else sum(trial.state.is_finished for trial in opened.trials)
    )
    announced = Rechecking(str(options.recheck)).announcement(
        options.trials,
        is_timed=options.time is not None,
        of_front=len(named_goals(goals)) > 1,
    )
    if announced and n_done < options.trials:
        engine.handle(Noted(announced))
    return engine


def _tell_if_temporary(engine: Engine, folder: Path) -> None:
    """Tell the user if a notebook service deletes the folder of the studies."""
    found = temporary_folder(folder, os.environ)
    if found is not None:
        engine.handle(Noted(found))


def _plan(name: str, options: Options, goals: AskedGoals) -> Plan:
    """Return the options as the engine needs them."""
    is_multi_objective = len(named_goals(goals)) > 1
    return Plan(
        name=name,
        sampler=make_sampler(options.sampler, several=is_multi_objective),
        goals=goals,
        n_trials=options.trials,
        time_s=options.time_s,
        timeout_s=options.timeout_s,
        patience=options.patience,
        seed=options.seed,
        stop_at_failure=options.errors == "raise",
        n_keep=options.keep,
        enough=(lambda history: None) if is_multi_objective else enough_of,
        stop_at_noise=options.stop == "noise",
        pruner=_pruner(options, goals),
        rechecker=Rechecking(str(options.recheck)),
    )


def _pruner(options: Options, goals: AskedGoals) -> Pruner | None:
    """Return the pruner; None also where there are several objectives."""
    return None if len(named_goals(goals)) > 1 else make_pruner(options.pruner)
