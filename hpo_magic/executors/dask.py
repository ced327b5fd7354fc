"""The executor that trains on the workers of a Dask cluster, ours or the user's.

    kernel ── parcel, once for each worker process (a plugin) ──▶ worker
           ── run, one task for each trial ─────────────────────▶ train
           ◀─ reports, by the events of a topic ─────────────────
           ── stop, straight to the worker's event loop ────────▶ seen at its next batch
           ◀─ what became of it, the result of the task ─────────

What runs on the worker stands in `dask_worker`.

A plugin is installed by the scheduler on every worker, also on one that joins or starts again. So
no data has to be sent again when a worker dies, and none belongs to a single worker.

The kernel's loop waits for no answer: whatever needs one (a result, the list of workers, a stop, a
restart) is asked for in a thread, which puts the answer behind what the workers said.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from asyncio import CancelledError
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from distributed import Client, KilledWorker

from hpo_magic.core.events import (
    Ended,
    Event,
    Failed,
    Noted,
    Outcome,
    Reported,
    Restarted,
    Run,
    StopAsked,
)
from hpo_magic.core.log import suppressed
from hpo_magic.core.trial import Failure
from hpo_magic.errors import ClusterError
from hpo_magic.executors.dask_worker import Site, WorkersDied, stop_here, train_here
from hpo_magic.executors.training_task import TaskResult

# How long a training may go on after it was told to stop. It stops at a batch; code that passes
# none is then taken off its worker, and a worker of our own is killed. As long as building and
# tracing a usual network takes.
GRACE_S = 5.0
# How often the cluster is asked for its workers: they come and go on queues and clouds.
LOOK_EVERY_S = 2.0
# Workers of ours come again, in seconds; where none does for so long, none will.
ALONE_S = 120.0
LOOK_WHILE_WAITING_S = 0.05  # for a worker to be gone, or to be there
# When a worker is renewed under `--isolate`: TensorFlow takes some seconds to load again, which is
# a tenth of a second for each trial then.
RENEW_AFTER_TRIALS = 50
RENEW_AFTER_BYTES = 512 * 2**20


@dataclass
class _Underway:
    """A training that was given to the cluster."""

    run: Run
    future: Any = None
    worker: str = ""  # where it runs; "" before it began
    told_at: float | None = None  # when it was told to stop, by a clock that never jumps


@dataclass
class DaskExecutor:
    """Trains on the workers of a cluster, one training at a time on each.

    Parameters
    ----------
    client
        Connected to the cluster. It stays open.
    parcel
        What goes to each worker, packed.
    names
        Those of the unnamed `hp` calls, which every trial adds to.
    arrived
        Is given what a complete training brought home, before its event is fed.
    is_own
        The workers are ours: one may be killed.
    is_renewed
        Workers of ours are started again after `renew_after_trials` trials each, and when their
        memory has grown by more than `renew_after_bytes` since their first.
    clock
        Seconds since 1970.

    Raises
    ------
    ClusterError
        If the workers cannot take the parcel.
    """

    client: Client
    task: bytes
    names: dict[str, str] = field(default_factory=dict)
    arrived: Callable[[Run, TaskResult], None] = lambda run, arrived: None
    is_own: bool = False
    is_renewed: bool = False
    clock: Callable[[], float] = time.time
    grace_s: float = GRACE_S
    renew_after_trials: int = RENEW_AFTER_TRIALS
    renew_after_bytes: int = RENEW_AFTER_BYTES

    def __post_init__(self) -> None:
        self._name = f"hpo-{uuid.uuid4().hex[:12]}"
        self._said: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._underway: dict[int, _Underway] = {}
        self._addresses: list[str] = []
        self._first_bytes: dict[str, int] = {}
        self._leaving: set[str] = set()  # workers that are being started again
        self._looked_at = time.monotonic()
        self._is_looking = False
        self._seen_at = self._looked_at  # when there was a worker, the last time
        self._is_lost = False  # trainings were taken from us: the cluster was restarted
        self._is_gone = False
        try:
            self.client.register_plugin(Site(self._name, self.task), name=self._name)
        except Exception as error:
            raise ClusterError(
                f"the workers cannot take the cell: {type(error).__name__}: {error}. Install the "
                f"same packages there as here, hpo_magic among them."
            ) from error
        self.task = b""  # the scheduler has it now, and gives it to workers that come later
        self.client.subscribe_topic(self._name, lambda event: self._said.put(("said", event[1])))
        self._addresses = self._present() or []

    @property
    def n_workers(self) -> int:
        """How many trainings can run at once: the workers that there are now.

        No more than already run while a worker is leaving: the scheduler does not know that it is,
        and would give it the next one.
        """
        return len(self._underway) if self._leaving else len(self._addresses)

    def submit(self, run: Run) -> None:
        """Send a training to the cluster; the scheduler knows best which worker is idle.

        None is named: a task that names a worker which has died meanwhile waits for it for ever if
        no other was there at that moment, even one that may run elsewhere.
        """
        one = self._underway[run.number] = _Underway(run)
        one.future = self.client.submit(
            train_here,
            self._name,
            run,
            dict(self.names),
            key=f"{self._name}-{run.number}",
            pure=False,
        )
        one.future.add_done_callback(lambda future: self._fetch(run.number, future))

    def pump(self, feed: Callable[[Event], None], timeout_s: float) -> None:
        """Feed what has come from the workers, up to the end of one training."""
        self._look()
        if self._take_off(feed):
            return
        try:
            said = self._said.get(timeout=timeout_s)
            while not self._take(said, feed):
                said = self._said.get_nowait()
        except queue.Empty:  # what came home before the cluster was lost is safe now
            if not self._is_gone and (self._is_lost or self.client.status != "running"):
                self._cluster_gone(feed)

    def stop(self, number: int) -> None:
        """Have that training stopped at its next batch."""
        one = self._underway.get(number)
        if one is None or one.told_at is not None:
            return
        one.told_at = time.monotonic()
        self._tell_to_stop(one)

    def close(self) -> None:
        """Leave nothing of this search on the cluster."""
        for one in self._underway.values():
            self._tell_to_stop(one)
            self._quietly(one.future.cancel)
        self._underway.clear()
        if not self._is_gone and self.client.status == "running":
            self._quietly(lambda: self.client.unsubscribe_topic(self._name))
            self._quietly(lambda: self.client.unregister_worker_plugin(self._name))

    # What workers say.

    def _take(self, said: tuple[Any, ...], feed: Callable[[Event], None]) -> bool:
        """Feed what a worker said; return whether a training ended with it."""
        match said:
            case ("done", number, future, came):
                return self._done(number, future, came, feed)
            case ("workers", addresses):
                self._take_note_of(addresses)
            case ("back", worker):
                self._leaving.discard(worker)
            case ("said", message) if (one := self._underway.get(message["number"])) is not None:
                if "begins" in message:
                    self._started(one, message["at"], feed)
                elif message["at"] == one.worker:  # one that was thought dead may speak up again
                    for step, metrics, n_steps in message.get("reports", ()):
                        feed(Reported(one.run.number, step, dict(metrics), self.clock(), n_steps))
        return False

    def _started(self, one: _Underway, worker: str, feed: Callable[[Event], None]) -> None:
        """Take note of where a training runs; of a second time that it begins, too."""
        if one.worker:
            feed(Noted(f"Trial {one.run.number} runs once more: the worker that had it died."))
            feed(Restarted(one.run.number, self.clock()))
        one.worker = worker
        if one.told_at is not None:
            self._tell_to_stop(one)

    def _fetch(self, number: int, future: Any) -> None:
        """Bring home what became of a training."""

        def fetch() -> None:
            came: Any = None
            try:
                if future.status == "finished":
                    came = future.result()  # trains again if its worker has died meanwhile
                elif future.status == "error":
                    came = future.exception()
            except BaseException as error:  # noqa: BLE001  (distributed cancels by a BaseException)
                came = error
            self._said.put(("done", number, future, came))

        self._aside(fetch)

    def _done(self, number: int, future: Any, came: Any, feed: Callable[[Event], None]) -> bool:
        """Feed how a training ended; what was given up before is not heard any more."""
        one = self._underway.get(number)
        if one is None or one.future is not future:
            return False
        if isinstance(came, tuple):
            arrived, memory = came
            self._home(one, arrived, memory, feed)
            return True
        if isinstance(came, KilledWorker | WorkersDied):
            return self._lost(one, feed)
        if came is None or isinstance(came, CancelledError) or self.client.status != "running":
            self._is_lost = True
            return False
        del self._underway[number]
        reason = f"{type(came).__name__}: {came}"
        text = f"the worker could not run the cell: {reason}. Install there what is installed here."
        feed(Failed(number, Failure("", text), self._unknown(one), self.clock(), fatal=True))
        return True

    def _home(
        self, one: _Underway, arrived: TaskResult, memory: int, feed: Callable[[Event], None]
    ) -> None:
        del self._underway[one.run.number]
        one.future.release()
        self.names |= arrived.names
        self.arrived(one.run, arrived)
        # The clocks of two machines differ.
        feed(replace(arrived.ended, at=self.clock()))
        if self.is_renewed:
            self._renew(one.worker, arrived.n_trained, memory)

    def _lost(self, one: _Underway, feed: Callable[[Event], None]) -> bool:
        """Feed that a training took two workers with it."""
        self._underway.pop(one.run.number, None)
        text = (
            "its worker died, and so did a second one: killed from outside, by a crash in native "
            "code, or out of memory"
        )
        feed(Failed(one.run.number, Failure("WorkerDied", text), self._unknown(one), self.clock()))
        return True

    def _cluster_gone(self, feed: Callable[[Event], None]) -> None:
        """End the search: nobody is there who could train."""
        self._is_gone = True
        gone = (
            "No worker process comes up any more."
            if self.is_own and self.client.status == "running"
            else "The Dask cluster is gone, or was restarted by somebody else."
        )
        feed(Noted(f"{gone} What has finished is safe; run the cell again to go on."))
        feed(StopAsked(self.clock()))
        for one in list(self._underway.values()):
            del self._underway[one.run.number]
            feed(Ended(one.run.number, self._unknown(one), self.clock()))

    def _unknown(self, one: _Underway) -> Outcome:
        """Return all that is known of a training that did not come home."""
        return Outcome(dict(one.run.params))

    # What workers are told.

    def _tell_to_stop(self, one: _Underway) -> None:
        """Send word to the worker; one that is deep in native code does not answer."""
        if not one.worker or self._is_gone:
            return
        name, number, worker = self._name, one.run.number, one.worker
        self._aside(
            lambda: self.client.run(stop_here, name, number, workers=[worker], on_error="ignore")
        )

    def _take_off(self, feed: Callable[[Event], None]) -> bool:
        """End a training that did not stop in time; return whether there was one."""
        now = time.monotonic()
        for one in list(self._underway.values()):
            if one.told_at is None or now - one.told_at < self.grace_s:
                continue
            del self._underway[one.run.number]
            self._quietly(one.future.cancel)
            if self.is_own and one.worker:
                self._restart(one.worker)
            elif one.worker:
                feed(
                    Noted(
                        f"Trial {one.run.number} passes no batch, so it cannot be stopped: it was "
                        f"given up, and keeps its worker until it ends."
                    )
                )
            feed(Ended(one.run.number, self._unknown(one), self.clock()))
            return True
        return False

    def _renew(self, worker: str, n_trained: int, used: int) -> None:
        """Start a worker again if it has trained enough, or its memory has grown; it is idle."""
        first = self._first_bytes.setdefault(worker, used)
        if n_trained >= self.renew_after_trials or used - first > self.renew_after_bytes:
            self._restart(worker)

    def _restart(self, worker: str) -> None:
        """End a worker of ours, and have another one started; the others go on meanwhile."""
        self._leaving.add(worker)

        def restart() -> None:
            self._quietly(
                lambda: self.client.restart_workers([worker], timeout=30, raise_for_error=False)
            )
            self._said.put(("workers", self._present()))
            self._said.put(("back", worker))

        self._aside(restart)

    def _look(self) -> None:
        """Ask who is there, now and then."""
        is_waiting = self._leaving or not self._addresses
        every_s = LOOK_WHILE_WAITING_S if is_waiting else LOOK_EVERY_S
        if self._is_gone or self._is_looking or time.monotonic() - self._looked_at < every_s:
            return
        self._looked_at, self._is_looking = time.monotonic(), True
        self._aside(lambda: self._said.put(("workers", self._present())))

    def _present(self) -> list[str] | None:
        """Return the addresses of the workers that take tasks; None where nobody answers."""
        with suppressed("the cluster did not say which workers it has"):
            known = self.client.scheduler_info(n_workers=-1)["workers"]
            return [worker for worker, facts in known.items() if facts["status"] == "running"]
        return None

    def _take_note_of(self, addresses: list[str] | None) -> None:
        self._is_looking = False
        if addresses is None:
            return
        self._leaving.intersection_update(addresses)
        self._addresses = addresses
        if addresses:
            self._seen_at = time.monotonic()
        elif self.is_own and time.monotonic() - self._seen_at > ALONE_S:
            self._is_lost = True
        for gone in self._first_bytes.keys() - set(addresses):
            del self._first_bytes[gone]

    def _aside(self, ask: Callable[[], Any]) -> None:
        """Ask something of a cluster that may be slow, or gone."""
        threading.Thread(target=self._quietly, args=(ask,), daemon=True, name="hpo-ask").start()

    def _quietly(self, ask: Callable[[], Any]) -> None:
        """Ask something of a cluster that may be gone."""
        with suppressed("the cluster did not answer"):
            ask()
