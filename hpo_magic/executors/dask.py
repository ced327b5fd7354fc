"""The executor that trains on the workers of a Dask cluster, ours or the user's.

    kernel ── the search's task, once for each worker (a plugin) ──▶ worker
           ── a trial, as one task of Dask's ──────────────────────▶ train
           ◀─ reports, as events of a topic ────────────────────────
           ── a stop, as a call in the worker's event loop ────────▶ read at its next batch
           ◀─ the result of the trial's task ───────────────────────

`dask_worker` has the code that runs on the worker.

The scheduler installs a plugin on every worker, also on one that joins later or restarts. So the
cell's data is not sent again when a worker dies, and is not lost with a single worker.

The kernel's loop never waits for an answer of the cluster. Requests that have one (a result, the
list of workers, a restart) run in threads; a thread puts the answer into the queue `_messages`,
behind the messages of the workers.
"""

from __future__ import annotations

import queue
import threading
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
    Outcome,
    Reported,
    Restarted,
    Run,
    StopAsked,
)
from hpo_magic.core.log import suppressed
from hpo_magic.core.trial import Failure
from hpo_magic.errors import ClusterError
from hpo_magic.executors.dask_messages import (
    Message,
    ReportsSent,
    ResultFetched,
    TrainingBegan,
    WorkerRestarted,
    WorkersListed,
    message_of,
)
from hpo_magic.executors.dask_worker import Site, WorkersDied, stop_here, train_here
from hpo_magic.executors.training_task import TaskResult

# How long a training may go on after a stop. It stops at its next batch; a training that reaches no
# batch is then given up, and a worker of our own is killed. Building and tracing a usual network
# takes about so long.
GRACE_S = 5.0
# How often the cluster is asked for its workers: on queues and clouds they come and go.
LOOK_EVERY_S = 2.0
# A worker of ours restarts within seconds; after so long without any, the search ends.
ALONE_S = 120.0
LOOK_WHILE_WAITING_S = 0.05  # while a worker restarts, or before the first one is there
# When a worker is restarted under `--isolate`. Loading TensorFlow again takes some seconds: a tenth
# of a second per trial.
RENEW_AFTER_TRIALS = 50
RENEW_AFTER_BYTES = 512 * 2**20


@dataclass
class _Underway:
    """A training that was submitted to the cluster.

    Attributes
    ----------
    run
        The trial's values and seed.
    future
        Of the task; None until it is submitted.
    worker
        The address of the worker that runs it; "" before it began.
    stop_asked_at
        When it was asked to stop, by `time.monotonic`; None if it was not.
    """

    run: Run
    future: Any = None
    worker: str = ""
    stop_asked_at: float | None = None


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
        grown by more than `renew_after_bytes` since its first trial.
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
        self._underway: dict[int, _Underway] = {}
        self._addresses: list[str] = []
        self._first_bytes: dict[str, int] = {}
        self._leaving: set[str] = set()  # workers that are being started again
        self._looked_at = time.monotonic()
        self._is_looking = False
        self._seen_at = self._looked_at  # when there was a worker, the last time
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
        self._addresses = self._present() or []

    @property
    def n_workers(self) -> int:
        """How many trainings can run at once: the number of workers now.

        While a worker restarts, no more than already run: the scheduler does not know about the
        restart, and could give the next training to that worker.
        """
        return len(self._underway) if self._leaving else len(self._addresses)

    def submit(self, run: Run) -> None:
        """Send a training to the cluster; the scheduler chooses the worker.

        A task that names a worker waits for ever if that worker has died and was the only one.
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

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Feed the events that have come from the workers, up to the end of one training."""
        self._look()
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
        if one is None or one.stop_asked_at is not None:
            return
        one.stop_asked_at = time.monotonic()
        self._tell_to_stop(one)

    def close(self) -> None:
        """Cancel what runs, and take the search's plugin and topic off the cluster."""
        for one in self._underway.values():
            self._tell_to_stop(one)
            self._quietly(one.future.cancel)
        self._underway.clear()
        if not self._is_gone and self.client.status == "running":
            self._quietly(lambda: self.client.unsubscribe_topic(self._name))
            self._quietly(lambda: self.client.unregister_worker_plugin(self._name))

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
                self._take_note_of(message.addresses)
            case WorkerRestarted():
                self._leaving.discard(message.worker)
            case TrainingBegan():
                self._started(message, feed)
            case ReportsSent():
                self._reported(message, feed)
        return False

    def _started(self, message: TrainingBegan, feed: Callable[[Event], None]) -> None:
        """Remember where a training runs; if it ran before, tell the engine that it restarted."""
        one = self._underway.get(message.number)
        if one is None:
            return
        if one.worker:
            text = f"Trial {one.run.number} was restarted: its worker died during the training."
            feed(Noted(text))
            feed(Restarted(one.run.number, self.clock()))
        one.worker = message.worker
        if one.stop_asked_at is not None:
            self._tell_to_stop(one)

    def _reported(self, message: ReportsSent, feed: Callable[[Event], None]) -> None:
        """Feed reports, unless they are of a worker that was thought dead and lost its training."""
        one = self._underway.get(message.number)
        if one is not None and one.worker == message.worker:
            for step, metrics, n_steps in message.reports:
                feed(Reported(message.number, step, dict(metrics), self.clock(), n_steps))

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

        self._aside(fetch)

    def _done(self, message: ResultFetched, feed: Callable[[Event], None]) -> bool:
        """Feed how a training ended, unless it was given up before; return whether it ended."""
        one, result = self._underway.get(message.number), message.result
        if one is None or one.future is not message.future:
            return False
        if isinstance(result, tuple):
            self._ended(one, *result, feed)
            return True
        if isinstance(result, KilledWorker | WorkersDied):
            return self._lost(one, feed)
        if result is None or isinstance(result, CancelledError) or self.client.status != "running":
            self._is_lost = True
            return False
        del self._underway[message.number]
        reason = f"{type(result).__name__}: {result}"
        text = f"the worker could not run the cell: {reason}. Install there what is installed here."
        failure = Failure("", text)
        feed(Failed(message.number, failure, self._unknown(one), self.clock(), fatal=True))
        return True

    def _ended(
        self, one: _Underway, result: TaskResult, n_bytes: int, feed: Callable[[Event], None]
    ) -> None:
        """Feed the event of a training that ended on its worker, and the worker's notice."""
        del self._underway[one.run.number]
        one.future.release()
        self.names |= result.names
        # The clocks of two machines differ.
        feed(replace(result.event, at=self.clock()))
        if result.notice:
            feed(Noted(result.notice))
        if self.is_renewed:
            self._renew(one.worker, result.n_trained, n_bytes)

    def _lost(self, one: _Underway, feed: Callable[[Event], None]) -> bool:
        """Feed the failure of a training whose workers died twice."""
        self._underway.pop(one.run.number, None)
        text = (
            "two workers died while they ran it. They were killed from outside, or by a crash in "
            "native code, or ran out of memory"
        )
        feed(Failed(one.run.number, Failure("WorkerDied", text), self._unknown(one), self.clock()))
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
        for one in list(self._underway.values()):
            del self._underway[one.run.number]
            feed(Ended(one.run.number, self._unknown(one), self.clock()))

    def _unknown(self, one: _Underway) -> Outcome:
        """Return the outcome of a training without a result: its values alone."""
        return Outcome(dict(one.run.params))

    # Requests to workers.

    def _tell_to_stop(self, one: _Underway) -> None:
        """Ask the worker to stop a training; a worker in native code may not answer."""
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
            if one.stop_asked_at is None or now - one.stop_asked_at < self.grace_s:
                continue
            del self._underway[one.run.number]
            self._quietly(one.future.cancel)
            if self.is_own and one.worker:
                self._restart(one.worker)
            elif one.worker:
                feed(
                    Noted(
                        f"Trial {one.run.number} did not stop, as it reached no batch within "
                        f"{self.grace_s:.0f} s. It was given up; its worker is busy until it ends."
                    )
                )
            feed(Ended(one.run.number, self._unknown(one), self.clock()))
            return True
        return False

    def _renew(self, worker: str, n_trained: int, used: int) -> None:
        """Restart an idle worker if it has run enough trials, or its memory has grown."""
        first = self._first_bytes.setdefault(worker, used)
        if n_trained >= self.renew_after_trials or used - first > self.renew_after_bytes:
            self._restart(worker)

    def _restart(self, worker: str) -> None:
        """Replace a worker of ours by a new process; the other workers go on meanwhile."""
        self._leaving.add(worker)

        def restart() -> None:
            self._quietly(
                lambda: self.client.restart_workers([worker], timeout=30, raise_for_error=False)
            )
            self._messages.put(WorkersListed(self._present()))
            self._messages.put(WorkerRestarted(worker))

        self._aside(restart)

    def _look(self) -> None:
        """Ask for the list of workers, every few seconds."""
        is_waiting = self._leaving or not self._addresses
        every_s = LOOK_WHILE_WAITING_S if is_waiting else LOOK_EVERY_S
        if self._is_gone or self._is_looking or time.monotonic() - self._looked_at < every_s:
            return
        self._looked_at, self._is_looking = time.monotonic(), True
        self._aside(lambda: self._messages.put(WorkersListed(self._present())))

    def _present(self) -> list[str] | None:
        """Return the addresses of the workers that take tasks; None where nobody answers."""
        with suppressed("the cluster did not say which workers it has"):
            known = self.client.scheduler_info(n_workers=-1)["workers"]
            return [worker for worker, facts in known.items() if facts["status"] == "running"]
        return None

    def _take_note_of(self, addresses: list[str] | None) -> None:
        """Remember which workers there are now."""
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
        """Call `ask` in a thread: the cluster may be slow, or gone."""
        threading.Thread(target=self._quietly, args=(ask,), daemon=True, name="hpo-ask").start()

    def _quietly(self, ask: Callable[[], Any]) -> None:
        """Call `ask`, and ignore its errors: the cluster may be gone."""
        with suppressed("the cluster did not answer"):
            ask()
