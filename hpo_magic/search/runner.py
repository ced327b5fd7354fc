"""The runner: the loop that feeds events to the engine and carries out its commands.

The user's requests come from any thread; the loop takes them between trials and at each batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Command,
    Continue,
    Enqueued,
    Event,
    Finish,
    Freed,
    Joined,
    KeepModel,
    Noted,
    Resumed,
    Run,
    Save,
    SaveChoice,
    SaveGoal,
    SaveRows,
    SaveSpace,
    StopTrial,
    Suspend,
    Ticked,
)
from hpo_magic.core.log import note_event
from hpo_magic.core.ports import Executor, Listener, Storage, WaitingExecutor
from hpo_magic.core.records import StudyRecord, TestEvaluation, UsedRows
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import StorageError
from hpo_magic.search.requests import UserRequests

# How long the loop waits for a worker's event before it handles requests and the time again.
PUMP_S = 0.2
# How often a paused search checks whether it may go on.
PAUSE_S = 0.05


class ModelSink(Protocol):
    """Keeps models on disk; a `ModelStore`."""

    def keep(self, number: int, model: object, others: Sequence[int]) -> None:
        """Save a trial's model; delete those of all other trials but `others`."""
        ...


@dataclass
class Runner:
    """Runs one search to its end.

    A storage that fails does not end the search: a trial that could not be stored is tried again
    with each further trial, and the user is shown the error once.

    Attributes
    ----------
    engine
        Decides.
    executor
        Trains.
    storage, record
        The revision of the study that the trials are stored under.
    listeners
        Show the search; they are called after each event.
    requests
        The user's.
    clock
        Returns seconds since 1970.
    names
        The names of unnamed `hp` calls by place. The executor adds to it while trials run.
    models
        Keeps the models of the best trials; None: no model is kept.
    evaluations
        The test evaluations of this study before this run.
    unsaved
        The trials by number that are not yet written to disk.
    """

    engine: Engine
    executor: Executor
    storage: Storage
    record: StudyRecord
    listeners: Sequence[Listener] = ()
    requests: UserRequests = field(default_factory=UserRequests)
    clock: Callable[[], float] = time.time
    names: Mapping[str, str] = field(default_factory=dict)
    models: ModelSink | None = None
    evaluations: tuple[TestEvaluation, ...] = ()
    unsaved: dict[int, Trial] = field(default_factory=dict)
    _late: dict[str, Callable[[], None]] = field(default_factory=dict)  # what else waits, by kind
    _seen: int = 0  # the storage's change number up to which other processes' trials are joined
    _preliminary: set[int] = field(default_factory=set)  # numbers that no storage gave out
    _stored_as: dict[int, int] = field(default_factory=dict)  # for preliminary numbers
    _finish: Finish | None = None
    _shown_errors: set[str] = field(default_factory=set)

    def run(self) -> Finish:
        """Run until the engine says that it is finished; return why."""
        self._tell(None)
        try:
            while self._finish is None:
                self.obey()
                self._offer_workers()
                if self._finish is None:
                    self.executor.pump(self.feed, PUMP_S, partial(self.obey, in_training=True))
        finally:
            self.executor.close()
            self._give_back()
            snapshot = self.snapshot()
            for listener in self.listeners:
                listener.close(snapshot)
        return self._finish

    def snapshot(self) -> Snapshot:
        """Return the state of the search now."""
        return replace(self.engine.snapshot(self.clock()), evaluations=self.evaluations)

    def obey(self, *, in_training: bool = False) -> None:
        """Handle the user's requests since the last call, and the time budgets.

        Parameters
        ----------
        in_training
            Whether a training of this thread waits for this call. Then a pause does not count as
            its time. A training elsewhere continues during a pause.
        """
        began = self.clock()
        self._wait_while_paused()
        held_s = self.clock() - began
        requests = self.requests.taken()
        if in_training and held_s >= PAUSE_S:
            self.feed(Resumed(held_s))
        for request in requests:
            self.feed(request)
        self.feed(Ticked(self.clock()))

    def _wait_while_paused(self) -> None:
        """Let the listeners fetch clicks once, and again until the search is not paused."""
        self._poll()
        while self.requests.is_paused:
            time.sleep(PAUSE_S)
            self._poll()

    def _poll(self) -> None:
        for listener in self.listeners:
            listener.poll()

    def feed(self, event: Event) -> None:
        """Give an event to the engine, and carry out its commands. May be called recursively."""
        for command in self.engine.handle(event):
            self._carry_out(command)
        if not isinstance(event, Ticked):
            note_event(type(event).__name__, getattr(event, "number", None))
            self._tell(event)

    def _tell(self, event: Event | None) -> None:
        for listener in self.listeners:
            listener.notice(event, self.snapshot)

    def _carry_out(self, command: Command) -> None:
        """Do what one command says."""
        match command:
            case Run():
                self.requests.running.add(command.number)
                self.executor.submit(command)
            case Suspend() | Continue():
                self._hand_over(command)
            case StopTrial():
                self.executor.stop(command.number)
            case KeepModel():
                self._keep(command)
            case Finish():
                self._finish = command
            case _:
                self._put_off(command)
                self._store_waiting()

    def _hand_over(self, command: Suspend | Continue) -> None:
        """Have a training wait, or go on."""
        assert isinstance(self.executor, WaitingExecutor)  # it said that trainings can wait
        if isinstance(command, Continue):
            self.requests.running.add(command.number)
            self.executor.go_on(command.number, command.until)
        else:
            self.requests.running.discard(command.number)
            self.executor.suspend(command.number)

    def _freed(self, number: int) -> Freed:
        """Return the event that a worker is free, with what waits at hand."""
        if not isinstance(self.executor, WaitingExecutor):
            return Freed(number, self.clock())
        return Freed(number, self.clock(), self.executor.room, self.executor.at_hand)

    def _put_off(self, command: Save | SaveRows | SaveSpace | SaveGoal | SaveChoice) -> None:
        """Add what the command stores to what is not yet written to disk."""
        match command:
            case Save():
                if command.trial.state is not State.RUNNING:
                    self.requests.running.discard(command.trial.number)
                    self._remember_names()
                self.unsaved[command.trial.number] = command.trial
            case SaveRows():
                self._late[f"rows of trial {command.number}"] = partial(
                    self._save_rows, command.rows
                )
            case SaveSpace():
                save = partial(self.storage.save_space, self.record.id, command.space)
                self._late["space"] = save
            case SaveGoal():
                self.record = replace(self.record, goals=(command.goal,))
                self._late["record"] = partial(self.storage.update, self.record)
            case SaveChoice():
                self.record = replace(self.record, chosen=command.number)
                self._late["choice"] = partial(self.storage.choose, self.record.id, command.number)

    def _keep(self, command: KeepModel) -> None:
        """Save a model. A trial whose model cannot be saved counts all the same."""
        if self.models is None:
            return
        try:
            self.models.keep(command.number, command.model, command.others)
        except StorageError as error:
            self.feed(Noted(f"{error} Its trial counts; the model can be trained again."))

    def _save_rows(self, rows: Sequence[UsedRows]) -> None:
        for one in rows:
            self.storage.add_used(self.record.id, one)

    def _offer_workers(self) -> None:
        """Offer each free worker to the engine, until the engine starts nothing on it."""
        while self._finish is None and len(self.requests.running) < self.executor.n_workers:
            self._join_others()
            number, n_running = self._claimed(), len(self.requests.running)
            try:
                self.feed(self._freed(number))
            finally:
                if number not in self.requests.running:
                    self._release(number)
            if len(self.requests.running) <= n_running:
                return

    # The disk may fail without an end of the search.

    def _claimed(self) -> int:
        """Return the number of the next trial; a preliminary one if the storage fails.

        After a failure, the storage may give the number of a trial that is not yet written to disk.
        """
        self._store_waiting()
        numbers: list[int] = []
        self._try(lambda: numbers.append(self.storage.claim(self.record.id)))
        if numbers and not self.engine.knows(numbers[0]):
            return numbers[0]
        number = self.engine.next_number()
        self._preliminary.add(number)
        return number

    def _release(self, number: int) -> None:
        if number in self._preliminary:  # another process may have claimed it
            self._preliminary.discard(number)
            return
        self._try(lambda: self.storage.release(self.record.id, number))

    def _join_others(self) -> None:
        """Feed the trials that other processes saved to the same study."""

        def join() -> None:
            self._seen, trials = self.storage.changes(self.record.id, self._seen)
            others = tuple(t for t in trials if not self.engine.started(t.number))
            if others:
                self.feed(Joined(others, self.storage.space(self.record.id)))

        self._try(join)

    def _store_waiting(self) -> None:
        if not self._late and not self.unsaved:
            return
        for kind, store in list(self._late.items()):
            if not self._try(store):
                return
            del self._late[kind]
        for number, trial in sorted(self.unsaved.items()):
            if not self._try(partial(self._save, trial)):
                return
            del self.unsaved[number]

    def _give_back(self) -> None:
        """Store what is not yet written to disk, and the enqueued settings that were not run."""
        self._store_waiting()
        self.requests.resume()
        self._poll()
        for request in self.requests.taken():
            if isinstance(request, Enqueued):
                self.feed(request)
        for params in self.engine.waiting:
            self._try(partial(self.storage.enqueue, self.record.id, params))

    def _remember_names(self) -> None:
        """Store the names of the cell's unnamed parameters; `freeze` needs them."""
        names = dict(self.names)
        if names != self.record.names:
            self.record = replace(self.record, names=names)
            self._late["record"] = partial(self.storage.update, self.record)

    def _save(self, trial: Trial) -> None:
        """Store a trial; one with a preliminary number under a claimed number.

        Raises
        ------
        StorageError
            If the disk fails.
        """
        if trial.number in self._preliminary:
            claimed = self.storage.claim(self.record.id)
            self._preliminary.discard(trial.number)
            self._stored_as[trial.number] = claimed
            self.engine.own(claimed)
        number = self._stored_as.get(trial.number, trial.number)
        self.storage.save_trial(self.record.id, replace(trial, number=number))

    def _try(self, use: Callable[[], None]) -> bool:
        """Use the storage and return whether it worked; show the user each error once."""
        try:
            use()
        except StorageError as error:
            if str(error) not in self._shown_errors:
                self._shown_errors.add(str(error))
                self.feed(Noted(f"{error} The search goes on; nothing finished is lost."))
            return False
        return True
