"""The executor that trains on the workers of a Dask cluster, ours or the user's.

    kernel ── parcel, once for each worker process (a plugin) ──▶ worker
           ── run, one task for each trial ─────────────────────▶ train
           ◀─ reports, by the events of a topic ─────────────────
           ── stop, straight to the worker's event loop ────────▶ seen at its next batch
           ◀─ what became of it, the result of the task ─────────

A plugin is installed by the scheduler on every worker, also on one that joins or starts again. So
no data has to be sent again when a worker dies, and none belongs to a single worker.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any

import psutil
from distributed import Client, KilledWorker, WorkerPlugin, get_worker

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
from hpo_magic.core.trial import Failure
from hpo_magic.errors import ClusterError
from hpo_magic.executors.parcel import Arrived, Parcel, Said, train, unpacked

__all__ = ["DaskExecutor", "connected", "quiet", "version_notes"]

# How long a training may go on after it was told to stop. It stops at a batch; code that passes
# none is then taken off its worker, and a worker of our own is killed. As long as building and
# tracing a usual network takes.
GRACE_S = 5.0
# A training whose worker dies runs once more: the worker may have died of something else.
MOST_STARTS = 2
# How often the cluster is asked for its workers: they come and go on queues and clouds.
LOOK_EVERY_S = 2.0
# When a worker is renewed under `--isolate`: TensorFlow takes some seconds to load again, which is
# a tenth of a second for each trial then.
RENEW_AFTER_TRIALS = 50
RENEW_AFTER_BYTES = 512 * 2**20  # grown since its first trial
CONNECT_S = 10

# Those whose numbers may differ from version to version.
COMPARED = ("numpy", "keras", "tensorflow", "torch", "jax", "scikit-learn")

_ONE_AT_A_TIME = threading.Lock()  # seeds, printing and sessions belong to the whole process


# On the worker.


class _Site(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """The parcel of one search on a worker, and which of its trainings are to stop."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data
        self._parcel: Parcel | None = None
        self.stopping: set[int] = set()

    def parcel(self) -> Parcel:
        """Return the parcel; unpacked once, and then held as that alone."""
        if self._parcel is None:
            self._parcel = unpacked(self._data)
            self._data = b""
        return self._parcel


def _train_here(name: str, run: Run, names: Mapping[str, str]) -> tuple[Arrived, int]:
    """Train on this worker; return what came of it, and the bytes that the process now holds.

    One training at a time, however many threads the worker has.
    """
    worker = get_worker()
    site: _Site = worker.plugins[name]
    with _ONE_AT_A_TIME:
        worker.log_event(name, {"number": run.number, "begins_at": worker.address})

        def send(reports: Sequence[Said]) -> None:
            worker.log_event(name, {"number": run.number, "reports": reports})

        try:
            parcel = site.parcel()
            arrived = train(parcel, run, names, send, lambda: run.number in site.stopping)
            return arrived, int(psutil.Process().memory_info().rss)
        finally:
            site.stopping.discard(run.number)


def _stop_here(name: str, number: int, dask_worker: Any = None) -> None:
    site = dask_worker.plugins.get(name)
    if site is not None:
        site.stopping.add(number)


def _versions() -> dict[str, str]:
    """Return the versions that count here; what is not installed is left out."""
    found = {"Python": ".".join(map(str, sys.version_info[:2]))}
    for name in ("hpo_magic", *COMPARED):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


# In the kernel.


@dataclass
class _Underway:
    """A training that was given to the cluster."""

    run: Run
    future: Any = None
    worker: str = ""  # where it runs; "" before it began
    n_starts: int = 0
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
        Workers of ours are started again every so many trials, and when their memory has grown.
    clock
        Seconds since 1970.

    Raises
    ------
    ClusterError
        If the workers cannot take the parcel.
    """

    client: Client
    parcel: bytes
    names: dict[str, str] = field(default_factory=dict)
    arrived: Callable[[Run, Arrived], None] = lambda run, arrived: None
    is_own: bool = False
    is_renewed: bool = False
    clock: Callable[[], float] = time.time
    grace_s: float = GRACE_S

    def __post_init__(self) -> None:
        self._name = f"hpo-{uuid.uuid4().hex[:12]}"
        self._said: queue.SimpleQueue[tuple[Any, ...]] = queue.SimpleQueue()
        self._underway: dict[int, _Underway] = {}
        self._addresses: list[str] = []
        self._first_bytes: dict[str, int] = {}
        self._leaving: set[str] = set()  # workers that are being renewed
        self._looked_at = float("-inf")
        self._is_gone = False
        try:
            self.client.register_plugin(_Site(self._name, self.parcel), name=self._name)
        except Exception as error:
            raise ClusterError(
                f"the workers cannot take the cell: {type(error).__name__}: {error}. Install the "
                f"same packages there as here, hpo_magic among them."
            ) from error
        self.parcel = b""  # the scheduler has it now, and gives it to workers that come later
        self.client.subscribe_topic(self._name, lambda event: self._said.put(("said", event[1])))
        self._look()

    @property
    def n_workers(self) -> int:
        """How many trainings can run at once: the workers that there are now."""
        return len(self._addresses)

    def submit(self, run: Run) -> None:
        """Send a training to the cluster; the scheduler knows best which worker is idle.

        None is named: a task that names a worker which has died meanwhile waits for it for ever if
        no other was there at that moment, even one that may run elsewhere.
        """
        one = self._underway[run.number] = _Underway(run)
        one.future = self.client.submit(
            _train_here,
            self._name,
            run,
            dict(self.names),
            key=f"{self._name}-{run.number}",
            pure=False,
        )
        one.future.add_done_callback(lambda future: self._said.put(("done", run.number, future)))

    def pump(self, feed: Callable[[Event], None], timeout_s: float) -> None:
        """Feed what has come from the workers, up to the end of one training."""
        self._look()
        if self._take_off(feed):
            return
        try:
            said = self._said.get(timeout=timeout_s)
            while not self._take(said, feed):
                said = self._said.get_nowait()
        except queue.Empty:
            return

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
        if said[0] == "done":
            return self._done(said[1], said[2], feed)
        message = said[1]
        one = self._underway.get(message["number"])
        if one is None:
            return False
        if "begins_at" in message:
            return self._started(one, message["begins_at"], feed)
        for step, metrics, n_steps in message["reports"]:
            feed(Reported(one.run.number, step, dict(metrics), self.clock(), n_steps))
        return False

    def _started(self, one: _Underway, worker: str, feed: Callable[[Event], None]) -> bool:
        """Take note of where a training runs; of a second time that it begins, too."""
        one.worker, one.n_starts = worker, one.n_starts + 1
        if one.n_starts > MOST_STARTS:
            self._quietly(one.future.cancel)
            self._tell_to_stop(one)
            return self._lost(one, feed)
        if one.n_starts > 1:
            feed(Noted(f"Trial {one.run.number} runs once more: the worker that had it died."))
            feed(Restarted(one.run.number, self.clock()))
        if one.told_at is not None:
            self._tell_to_stop(one)
        return False

    def _done(self, number: int, future: Any, feed: Callable[[Event], None]) -> bool:
        """Feed how a training ended; what was given up before is not heard any more."""
        one = self._underway.get(number)
        if one is None or one.future is not future:
            return False
        if future.status == "finished":
            try:
                arrived, memory = future.result(timeout=60)
            except Exception:  # noqa: BLE001  (it was lost on its way)
                return self._not_finished(one, feed)
            self._home(one, arrived, memory, feed)
            return True
        return self._not_finished(one, feed)

    def _home(
        self, one: _Underway, arrived: Arrived, memory: int, feed: Callable[[Event], None]
    ) -> None:
        del self._underway[one.run.number]
        one.future.release()
        self.names |= arrived.names
        self.arrived(one.run, arrived)
        # The clocks of two machines differ.
        feed(replace(arrived.ended, at=self.clock()))
        if self.is_renewed:
            self._renew(one.worker, arrived.n_trained, memory)

    def _not_finished(self, one: _Underway, feed: Callable[[Event], None]) -> bool:
        status = one.future.status
        if status in ("cancelled", "lost") or self.client.status != "running":
            self._cluster_gone(feed)
            return True
        error = one.future.exception(timeout=60)
        if isinstance(error, KilledWorker):
            return self._lost(one, feed)
        del self._underway[one.run.number]
        reason = f"{type(error).__name__}: {error}"
        text = f"the worker could not run the cell: {reason}. Install there what is installed here."
        failure = Failure("", text)
        feed(Failed(one.run.number, failure, self._unknown(one), self.clock(), fatal=True))
        return True

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
        feed(
            Noted(
                "The Dask cluster is gone, or was restarted by somebody else. What has finished is "
                "safe; run the cell again to go on."
            )
        )
        feed(StopAsked(self.clock()))
        for one in list(self._underway.values()):
            del self._underway[one.run.number]
            feed(Ended(one.run.number, self._unknown(one), self.clock()))

    def _unknown(self, one: _Underway) -> Outcome:
        """Return all that is known of a training that did not come home."""
        return Outcome(dict(one.run.params))

    # What workers are told.

    def _tell_to_stop(self, one: _Underway) -> None:
        """Send word to the worker; in a thread, as a worker deep in native code does not answer."""
        if not one.worker or self._is_gone:
            return
        name, number, worker = self._name, one.run.number, one.worker

        def tell() -> None:
            self._quietly(
                lambda: self.client.run(
                    _stop_here, name, number, workers=[worker], on_error="ignore"
                )
            )

        threading.Thread(target=tell, daemon=True, name="hpo-stop").start()

    def _take_off(self, feed: Callable[[Event], None]) -> bool:
        """End a training that did not stop in time; return whether there was one."""
        now = time.monotonic()
        for one in list(self._underway.values()):
            if one.told_at is None or now - one.told_at < self.grace_s:
                continue
            del self._underway[one.run.number]
            self._quietly(one.future.cancel)
            if self.is_own and one.worker:
                self._kill(one.worker)
            elif one.n_starts:
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
        if n_trained >= RENEW_AFTER_TRIALS or used - first > RENEW_AFTER_BYTES:
            self._restart(worker)
            self._looked_at = float("-inf")

    def _kill(self, worker: str) -> None:
        """Have a worker of ours killed, and another one started; the others go on meanwhile."""
        self._addresses = [address for address in self._addresses if address != worker]
        self._leaving.add(worker)
        thread = threading.Thread(target=self._restart, args=(worker,), name="hpo-kill")
        thread.daemon = True
        thread.start()

    def _restart(self, worker: str) -> None:
        self._first_bytes.pop(worker, None)
        self._quietly(
            lambda: self.client.restart_workers([worker], timeout=30, raise_for_error=False)
        )

    def _look(self) -> None:
        """Ask who is there, now and then."""
        if self._is_gone or time.monotonic() - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        with suppress(OSError, TimeoutError, ValueError):
            found = self.client.scheduler_info(n_workers=-1)["workers"]
            self._addresses = [address for address in found if address not in self._leaving]

    def _quietly(self, use: Callable[[], Any]) -> None:
        """Ask something of a cluster that may be gone."""
        with suppress(Exception):
            use()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep distributed's own log of a lost connection out of the notebook: we have a sentence."""
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def connected(address: str) -> Client:
    """Return a client of the scheduler at `address`.

    Raises
    ------
    ClusterError
        If nobody answers there.
    """
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address}: {error or type(error).__name__}. Start one "
            f"with `dask scheduler`, or give the variable that holds a Client."
        ) from error


def version_notes(client: Client) -> list[str]:
    """Return sentences on workers whose packages differ from ours, where scores may differ too.

    Raises
    ------
    ClusterError
        If a worker has no hpo_magic, another one, or another Python: it cannot read the cell.
    """
    here = _versions()
    try:
        there = client.run(_versions)
    except Exception as error:
        raise ClusterError(
            f"the workers cannot run hpo_magic ({error}). Install it there, in the same version "
            f"({here.get('hpo_magic', 'as here')})."
        ) from error
    notes = []
    for worker, found in there.items():
        differing = [
            f"{name} {found.get(name, 'not at all')} where the notebook has {version}"
            for name, version in here.items()
            if found.get(name) != version
        ]
        if found.get("Python") != here["Python"] or found.get("hpo_magic") != here.get("hpo_magic"):
            raise ClusterError(
                f"the worker at {worker} has {differing[0]}: it cannot read the cell. Install the "
                f"same."
            )
        if differing:
            notes.append(
                f"The worker at {worker} has {', '.join(differing)}: scores may differ from worker "
                f"to worker. Install the same."
            )
    return notes
