"""The executor that trains on the workers of a Dask cluster, ours or the user's.

    kernel ── the search's task, once for each worker (a plugin) ──▶ worker
           ── a trial, as one task of Dask's ──────────────────────▶ train
           ◀─ reports, as events of a topic ────────────────────────
           ── a stop, as a call in the worker's event loop ────────▶ read at its next batch
           ◀─ the result of the trial's task ───────────────────────

Where trainings wait (`dask_waiting`), a task is one turn of a training.

`dask_worker` has the code that runs on the worker.

The scheduler installs a plugin on every worker, also on one that joins later or restarts. So the
cell's data is not sent again when a worker dies, and is not lost with a single worker.

The kernel's loop never waits for an answer of the cluster. Requests that have one (a result, the
list of workers, a restart) run in threads; a thread puts the answer into the queue `_messages`,
behind the messages of the workers.
"""

from __future__ import annotations

import queue
import time
import uuid
from asyncio import CancelledError
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from distributed import Client, KilledWorker

from hpo_magic.core.events import (
    Ended,
    Event,
    Failed,
    Noted,
    Reported,
    Restarted,
    Run,
    StopAsked,
)
from hpo_magic.core.trial import Failure
from hpo_magic.errors import ClusterError
from hpo_magic.executors.dask_messages import (
    Message,
    ReportsSent,
    ResultFetched,
    TrainingBegan,
    TrainingBeganAgain,
    WorkerRestarted,
    WorkersListed,
    message_of,
)
from hpo_magic.executors.dask_trainings import ClusterTraining, ClusterTrainings
from hpo_magic.executors.dask_worker import Site, WorkersDied, stop_here, train_here
from hpo_magic.executors.dask_workers import (
    RENEW_AFTER_BYTES,
    RENEW_AFTER_TRIALS,
    ClusterWorkers,
    quietly,
)
from hpo_magic.executors.training_task import TaskResult

# How long a training may go on after a stop. It stops at its next batch; a training that reaches no
# batch is then given up, and a worker of our own is killed. Building and tracing a usual network
# takes about so long.
GRACE_S = 5.0
# A worker of ours restarts within seconds; after so long without any, the search ends.
ALONE_S = 120.0


@dataclass
class DaskExecutor:
    """Trains on the workers of a cluster, one training at a time on each.

    Parameters
    ----------
    client
        Connected to the cluster. It stays open.
    task
        The pickled task of the search; it goes to each worker once.
    names
        The names of unnamed `hp` calls by place; every trial adds to it.
    is_own
        The workers are ours: one may be killed.
    is_renewed
        A worker of ours is restarted after `renew_after_trials` trials, or when its memory has
        grown by more than `renew_after_bytes` since its first trial; not while trainings wait
        in it.
    clock
        Returns seconds since 1970.
    grace_s
        How many seconds after a stop a training may go on before its worker is taken away.
    renew_after_trials, renew_after_bytes
        See `is_renewed`.

    Raises
    ------
    ClusterError
        If the workers cannot load the task.
    """

    client: Client
    task: bytes
    names: dict[str, str] = field(default_factory=dict)
    is_own: bool = False
    is_renewed: bool = False
    clock: Callable[[], float] = time.time
    grace_s: float = GRACE_S
    renew_after_trials: int = RENEW_AFTER_TRIALS
    renew_after_bytes: int = RENEW_AFTER_BYTES

    def __post_init__(self) -> None:
        self._name = f"hpo-{uuid.uuid4().hex[:12]}"
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._trainings = ClusterTrainings()
        self._underway = self._trainings.underway
        self._refusal: str | None = None  # why no training waits; None: not known
        self._is_lost = False  # trainings were cancelled, not by us: the cluster was restarted
        self._is_gone = False  # the search was ended because of that
        try:
            self.client.register_plugin(Site(self._name, self.task), name=self._name)
        except Exception as error:
            raise ClusterError(
                f"the workers cannot take the cell: {type(error).__name__}: {error}. Install the "
                f"same packages there as here, hpo_magic among them."
            ) from error
        self.task = b""  # the scheduler has it now, and gives it to workers that come later
        self.client.subscribe_topic(self._name, self._hear)
        self._workers = ClusterWorkers(self.client, self._messages)

    @property
    def n_workers(self) -> int:
        """How many trainings can run at once: the number of workers now.

        While a worker restarts, no more than already run: the scheduler does not know about the
        restart, and could give the next training to that worker.
        """
        is_leaving = bool(self._workers.leaving)
        return len(self._underway) if is_leaving else len(self._workers.addresses)

    def submit(self, run: Run) -> None:
        """Send a training to the cluster; the scheduler chooses the worker."""
        self._send(ClusterTraining(run), "")

    def _send(self, one: ClusterTraining, place: str) -> None:
        """Send the next turn of a training to the worker `place`, or to any.

        A task that names a worker waits for ever if that worker has died.
        """
        self._underway[one.number] = one
        one.place, one.n_turns = place, one.n_turns + 1
        one.future = self.client.submit(
            train_here,
            self._name,
            one.run,
            dict(self.names),
            self._refusal,
            is_to_end=one.is_to_end,
            key=f"{self._name}-{one.number}-{one.n_turns}",
            pure=False,
            workers=[place] if place else None,
        )
        one.future.add_done_callback(lambda future: self._fetch(one.number, future))

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Feed the events that have come from the workers, up to the end of one training."""
        if not self._is_gone:
            self._workers.look()
        if self._take_off(feed):
            return
        try:
            message = self._messages.get(timeout=timeout_s)
            while not self._take(message, feed):
                message = self._messages.get_nowait()
        except queue.Empty:  # all results that came before the cluster was lost are fed by now
            if not self._is_gone and (self._is_lost or self.client.status != "running"):
                self._cluster_gone(feed)

    def stop(self, number: int) -> None:
        """Have that training stopped at its next batch."""
        one = self._underway.get(number)
        if one is None or one.stop_asked_at is not None or one.is_to_end:
            return
        one.stop_asked_at = time.monotonic()
        self._tell_to_stop(one)

    def close(self) -> None:
        """Cancel what runs, and take the search's plugin and topic off the cluster."""
        for one in self._underway.values():
            self._tell_to_stop(one)
            quietly(one.future.cancel)
        self._trainings.clear()
        if not self._is_gone and self.client.status == "running":
            quietly(lambda: self.client.unsubscribe_topic(self._name))
            quietly(lambda: self.client.unregister_worker_plugin(self._name))

    def _take_note_of(self, listed: WorkersListed, feed: Callable[[Event], None]) -> set[str]:
        """Remember which workers there are now, and return those that are gone since."""
        gone = self._workers.take_note_of(listed)
        if not self._workers.addresses and self.is_own:
            self._is_lost |= time.monotonic() - self._workers.seen_at > ALONE_S
        return gone

    # Messages from workers.

    def _hear(self, event: tuple[Any, Mapping[str, Any]]) -> None:
        """Queue a message of a worker; distributed calls this in a thread of its own."""
        message = message_of(event[1])
        if message is not None:
            self._messages.put(message)

    def _take(self, message: Message, feed: Callable[[Event], None]) -> bool:
        """Handle a message; return whether it ended a training."""
        match message:
            case ResultFetched():
                return self._done(message, feed)
            case WorkersListed():
                self._take_note_of(message, feed)
            case WorkerRestarted():
                self._workers.leaving.discard(message.worker)
            case TrainingBegan():
                self._started(message, feed)
            case TrainingBeganAgain():
                feed(Restarted(message.number, self.clock()))
            case ReportsSent():
                self._reported(message, feed)
        return False

    def _started(self, message: TrainingBegan, feed: Callable[[Event], None]) -> None:
        """Remember where a training runs; if it ran before, tell the engine that it restarted."""
        one = self._underway.get(message.number)
        if one is None:
            return
        if one.worker and not message.goes_on:
            text = f"Trial {one.number} was restarted: its worker died during the training."
            feed(Noted(text))
            feed(Restarted(one.number, self.clock()))
        one.worker = message.worker
        if one.is_to_end and one.stop_asked_at is None:
            one.stop_asked_at = time.monotonic()
        if one.stop_asked_at is not None:
            self._tell_to_stop(one)

    def _reported(self, message: ReportsSent, feed: Callable[[Event], None]) -> None:
        """Feed reports, unless they are of a worker that was thought dead and lost its training."""
        one = self._underway.get(message.number)
        if one is not None and one.worker == message.worker:
            now = self.clock()
            for step, metrics, n_steps, room, age_s in message.reports:
                feed(Reported(one.number, step, dict(metrics), now - age_s, n_steps, room))

    def _fetch(self, number: int, future: Any) -> None:
        """Fetch the result of a training in a thread."""

        def fetch() -> None:
            result: Any = None
            try:
                if future.status == "finished":
                    result = future.result()  # trains again if its worker has died meanwhile
                elif future.status == "error":
                    result = future.exception()
            except BaseException as error:  # noqa: BLE001  (distributed cancels by a BaseException)
                result = error
            self._messages.put(ResultFetched(number, future, result))

        self._workers.aside(fetch)

    def _done(self, message: ResultFetched, feed: Callable[[Event], None]) -> bool:
        """Feed how a training ended, unless it was given up before; return whether it ended."""
        one, result = self._underway.get(message.number), message.result
        if one is None or one.future is not message.future:
            return False
        if isinstance(result, tuple):
            return self._took_turn(one, *result, feed)
        if isinstance(result, KilledWorker | WorkersDied):
            return self._lost(one, feed)
        if result is None or isinstance(result, CancelledError) or self.client.status != "running":
            self._is_lost = True
            return False
        del self._underway[message.number]
        reason = f"{type(result).__name__}: {result}"
        text = f"the worker could not run the cell: {reason}. Install there what is installed here."
        failure = Failure("", text)
        feed(Failed(message.number, failure, one.known, self.clock(), fatal=True))
        return True

    def _took_turn(
        self, one: ClusterTraining, result: TaskResult, n_bytes: int, feed: Callable[[Event], None]
    ) -> bool:
        """Feed what a training did in its turn; return whether it ended."""
        self._take_over(one, result)
        self._ended(one, result, n_bytes, feed)
        return True

    def _take_over(self, one: ClusterTraining, result: TaskResult) -> None:
        """Remember what a turn found out besides its training's event."""
        one.future.release()
        self.names |= result.names
        if result.refusal is not None:
            self._refusal = self._refusal or result.refusal

    def _ended(
        self, one: ClusterTraining, result: TaskResult, n_bytes: int, feed: Callable[[Event], None]
    ) -> None:
        """Feed the event of a training that ended on its worker, and the worker's notice."""
        del self._underway[one.number]
        assert result.event is not None  # it does not stand
        # The clocks of two machines differ.
        feed(replace(result.event, at=self.clock()))
        if result.notice:
            feed(Noted(result.notice))
        if self.is_renewed:
            self._renew(one.worker, result.n_trained, n_bytes)

    def _lost(self, one: ClusterTraining, feed: Callable[[Event], None]) -> bool:
        """Feed the failure of a training whose workers died twice."""
        self._underway.pop(one.number, None)
        text = (
            "two workers died while they ran it. They were killed from outside, or by a crash in "
            "native code, or ran out of memory"
        )
        feed(Failed(one.number, Failure("WorkerDied", text), one.known, self.clock()))
        return True

    def _cluster_gone(self, feed: Callable[[Event], None]) -> None:
        """End the search: there is no worker any more."""
        self._is_gone = True
        gone = (
            f"No worker process has started for {ALONE_S:.0f} s."
            if self.is_own and self.client.status == "running"
            else "The Dask cluster does not answer any more, or was restarted."
        )
        feed(Noted(f"{gone} Finished trials are stored; run the cell again to continue."))
        feed(StopAsked(self.clock()))
        for one in self._trainings.all:
            self._trainings.remove(one.number)
            feed(Ended(one.number, one.known, self.clock()))

    # Requests to workers.

    def _tell_to_stop(self, one: ClusterTraining) -> None:
        """Ask the worker to stop a training; a worker in native code may not answer."""
        if not one.worker or self._is_gone:
            return
        name, number, worker = self._name, one.number, one.worker
        self._workers.aside(
            lambda: self.client.run(stop_here, name, number, workers=[worker], on_error="ignore")
        )

    def _take_off(self, feed: Callable[[Event], None]) -> bool:
        """End a training that did not stop in time; return whether there was one."""
        now = time.monotonic()
        for one in list(self._underway.values()):
            if one.stop_asked_at is None or now - one.stop_asked_at < self.grace_s:
                continue
            del self._underway[one.number]
            quietly(one.future.cancel)
            if self.is_own and one.worker:
                self._workers.restart(one.worker)
            elif one.worker:
                feed(
                    Noted(
                        f"Trial {one.number} did not stop, as it reached no batch within "
                        f"{self.grace_s:.0f} s. It was given up; its worker is busy until it ends."
                    )
                )
            feed(Ended(one.number, one.known, self.clock()))
            return True
        return False

    def _renew(self, worker: str, n_trained: int, used: int) -> None:
        """Restart an idle worker if it has run enough trials, or its memory has grown.

        Not while trainings wait in it, or are to be ended there: they would be lost.
        """
        if any(worker in (one.worker, one.place) for one in self._trainings.all):
            return
        has_grown = self._workers.has_grown(worker, used, self.renew_after_bytes)
        if n_trained >= self.renew_after_trials or has_grown:
            self._workers.restart(worker)
