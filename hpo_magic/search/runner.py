"""The runner: carries out what the engine decides, and tells it what happened. The only loop.

It also is what the panel's buttons and the interrupt talk to: they may come from any thread, so
they only leave a wish behind, which the loop takes up at the next batch.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Chosen,
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
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.ports import Executor, Listener, Storage
from hpo_magic.core.records import StudyRecord, TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import StorageError

# How long the loop waits for a worker before it looks at the wishes and the time again.
PUMP_S = 0.2
# How long a paused search takes to notice that it may go on.
PAUSE_S = 0.05


class UserRequests:
    """What the user wants of a running search; from any thread.

    `obey` is called by the loop, in its own thread.
    """

    def __init__(self) -> None:
        self._requests: deque[Event] = deque()
        # No lock: `stop` is called by a signal handler too, which may have interrupted its holder.
        self._is_paused = False
        self.skip_current: Callable[[], int | None] = lambda: None
        self.idle: Callable[[], None] = lambda: None  # called while paused and at every batch
        self.narrow: Callable[[], None] | None = None  # where there is a cell

    def stop(self) -> None:
        """End the search, with what there is."""
        self._requests.append(StopAsked(time.time()))
        self._is_paused = False

    def pause(self) -> None:
        """Hold the training at its next batch."""
        self._is_paused = True

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False

    @property
    def is_paused(self) -> bool:
        """Whether the search is held."""
        return self._is_paused

    def skip(self) -> None:
        """End the current trial, and go on with the next."""
        number = self.skip_current()
        if number is not None:
            self._requests.append(Skipped(number))
            self._is_paused = False

    def enqueue(self, params: Params) -> None:
        """Try this setting next."""
        self._requests.append(Enqueued(dict(params)))

    def choose(self, number: int | None) -> None:
        """Take this trial of several objectives' front; None: none."""
        self._requests.append(Chosen(number))

    def note(self, text: str) -> None:
        """Tell the user, in one sentence."""
        self._requests.append(Noted(text))

    def taken(self) -> list[Event]:
        """Return the wishes since the last call, oldest first; while paused, wait for more."""
        self.idle()
        while self.is_paused:
            time.sleep(PAUSE_S)
            self.idle()
        taken = []
        while self._requests:
            taken.append(self._requests.popleft())
        return taken


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
    _running: set[int] = field(default_factory=set)
    _seen: int = 0
    _preliminary: set[int] = field(default_factory=set)  # numbers that no storage gave out
    _stored_as: dict[int, int] = field(default_factory=dict)
    _finish: Finish | None = None
    _told: set[str] = field(default_factory=set)

    def run(self) -> Finish:
        """Run until the engine says that it is finished; return why."""
        self.requests.skip_current = self._current
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
        requests = self.requests.taken()
        held_s = self.clock() - began
        if in_training and held_s >= PAUSE_S:
            self.feed(Resumed(held_s))
        for request in requests:
            self.feed(request)
        self.feed(Ticked(self.clock()))

    def feed(self, event: Event) -> None:
        """Let the engine handle an event, and do what it says."""
        for command in self.engine.handle(event):
            self._carry_out(command)
        if not isinstance(event, Ticked):
            self._tell(event)

    def _tell(self, event: Event | None) -> None:
        for listener in self.listeners:
            listener.notice(event, self.snapshot)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Run():
                self._running.add(command.number)
                self.executor.submit(command)
            case StopTrial():
                self.executor.stop(command.number)
            case Save():
                if command.trial.state is not State.RUNNING:
                    self._running.discard(command.trial.number)
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
        while self._finish is None and len(self._running) < self.executor.n_workers:
            self._join_others()
            number = self._claimed()
            try:
                self.feed(Freed(number, self.clock()))
            finally:
                if number not in self._running:
                    self._release(number)
            if number not in self._running:
                return

    def _current(self) -> int | None:
        """Return the number of the trial that was started last and still runs; from any thread."""
        return max(tuple(self._running), default=None)

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
