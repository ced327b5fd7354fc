"""The runner: carries out what the engine decides, and tells it what happened. The only loop.

It also is what the panel's buttons and the interrupt talk to: they may come from any thread, so
they only leave a wish behind, which the loop takes up at the next batch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Command,
    Enqueued,
    Event,
    Finish,
    Freed,
    Joined,
    Noted,
    Resumed,
    Run,
    Save,
    SaveChoice,
    SaveGoal,
    SaveSpace,
    StopTrial,
    Ticked,
)
from hpo_magic.core.log import note_event
from hpo_magic.core.ports import Executor, Listener, Storage
from hpo_magic.core.records import StudyRecord, TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import StorageError
from hpo_magic.search.requests import UserRequests

# How long the loop waits for a worker before it looks at the wishes and the time again.
PUMP_S = 0.2
# How long a paused search takes to notice that it may go on.
PAUSE_S = 0.05


@dataclass
class Runner:
    """Runs one search to its end.

    A storage that fails in mid-search does not end it: what could not be stored waits, is tried
    again with each further trial, and the user is told once. `unsaved` are the trials that wait.
    """

    engine: Engine
    executor: Executor
    storage: Storage
    record: StudyRecord
    listeners: Sequence[Listener] = ()
    requests: UserRequests = field(default_factory=UserRequests)
    clock: Callable[[], float] = time.time
    names: Callable[[], Mapping[str, str]] = dict  # of the cell's unnamed parameters, by place
    unsaved: dict[int, Trial] = field(default_factory=dict)
    evaluations: tuple[
        TestEvaluation, ...
    ] = ()  # at a test set, with this study's choice, before this run
    _late: dict[str, Callable[[], None]] = field(default_factory=dict)  # what else waits, by kind
    _seen: int = 0
    _preliminary: set[int] = field(default_factory=set)  # numbers that no storage gave out
    _stored_as: dict[int, int] = field(default_factory=dict)
    _finish: Finish | None = None
    _told: set[str] = field(default_factory=set)

    def run(self) -> Finish:
        """Run until the engine says that it is finished; return why."""
        self._tell(None)
        try:
            while self._finish is None:
                self.obey()
                self._offer_workers()
                if self._finish is None:
                    self.executor.pump(self.feed, PUMP_S)
        finally:
            self.executor.close()
            self._give_back()
            snapshot = self.snapshot()
            for listener in self.listeners:
                listener.close(snapshot)
        return self._finish

    def snapshot(self) -> Snapshot:
        """Return the search as it is now."""
        return replace(self.engine.snapshot(self.clock()), evaluations=self.evaluations)

    def obey(self, *, in_training: bool = False) -> None:
        """Take up what the user wished since the last call, and look at the time.

        `in_training`: a training of this thread waits meanwhile, so that a pause is none of its
        time. One that runs elsewhere goes on.
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
        """Let the engine handle an event, and do what it says."""
        for command in self.engine.handle(event):
            self._carry_out(command)
        if not isinstance(event, Ticked):
            note_event(type(event).__name__, getattr(event, "number", None))
            self._tell(event)

    def _tell(self, event: Event | None) -> None:
        for listener in self.listeners:
            listener.notice(event, self.snapshot)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Run():
                self.requests.running.add(command.number)
                self.executor.submit(command)
            case StopTrial():
                self.executor.stop(command.number)
            case Save():
                if command.trial.state is not State.RUNNING:
                    self.requests.running.discard(command.trial.number)
                    self._remember_names()
                self.unsaved[command.trial.number] = command.trial
                self._store_waiting()
            case SaveSpace():
                self._late["space"] = partial(
                    self.storage.save_space, self.record.id, command.space
                )
                self._store_waiting()
            case SaveGoal():
                self.record = replace(self.record, goals=(command.goal,))
                self._late["record"] = partial(self.storage.update, self.record)
                self._store_waiting()
            case SaveChoice():
                self.record = replace(self.record, chosen=command.number)
                self._late["choice"] = partial(self.storage.choose, self.record.id, command.number)
                self._store_waiting()
            case Finish():
                self._finish = command

    def _offer_workers(self) -> None:
        """Offer each free worker to the engine, until it has no use for one."""
        while self._finish is None and len(self.requests.running) < self.executor.n_workers:
            self._join_others()
            number = self._claimed()
            try:
                self.feed(Freed(number, self.clock()))
            finally:
                if number not in self.requests.running:
                    self._release(number)
            if number not in self.requests.running:
                return

    # The disk may fail; the search does not.

    def _claimed(self) -> int:
        """Return the number of the next trial; one of our own where the storage gives none.

        A storage that is back again does not know of the trials that still wait to be stored.
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
        """Take in what other processes saved to the same study."""

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
        """Leave nothing behind: what waits to be stored, and the settings that were not run."""
        self._store_waiting()
        self.requests.resume()
        self._poll()
        for request in self.requests.taken():
            if isinstance(request, Enqueued):
                self.feed(request)
        for params in self.engine.waiting:
            self._try(partial(self.storage.enqueue, self.record.id, params))

    def _remember_names(self) -> None:
        """Put the names of the cell's unnamed parameters on disk; `freeze` goes by them."""
        names = dict(self.names())
        if names != self.record.names:
            self.record = replace(self.record, names=names)
            self._late["record"] = partial(self.storage.update, self.record)

    def _save(self, trial: Trial) -> None:
        """Store a trial; one with a preliminary number under a claimed one, as others may have it.

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
        """Return whether the storage could be used; tell the user once why it could not."""
        try:
            use()
        except StorageError as error:
            if str(error) not in self._told:
                self._told.add(str(error))
                self.feed(Noted(f"{error} The search goes on; nothing finished is lost."))
            return False
        return True
