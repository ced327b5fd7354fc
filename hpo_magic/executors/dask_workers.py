"""The workers of a cluster, as the kernel knows them: which there are, and which start again.

Requests to the cluster run in threads, and their answers come through the queue of messages.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.executors.dask_messages import Message, WorkerRestarted, WorkersListed

# How often the cluster is asked for its workers: on queues and clouds they come and go.
LOOK_EVERY_S = 2.0
LOOK_WHILE_WAITING_S = 0.05  # while a worker restarts, or before the first one is there
# When a worker is restarted under `--isolate`. Loading TensorFlow again takes some seconds: a tenth
# of a second per trial.
RENEW_AFTER_TRIALS = 50
RENEW_AFTER_BYTES = 512 * 2**20


class ClusterWorkers:
    """The workers of one cluster.

    Parameters
    ----------
    client
        A `distributed.Client` that is connected to it.
    messages
        Gets the answers.

    Attributes
    ----------
    addresses
        Of those that take tasks.
    leaving
        Those that are being started again.
    seen_at
        When there was one, the last time, by `time.monotonic`.
    """

    def __init__(self, client: Any, messages: queue.SimpleQueue[Message]) -> None:
        self._client = client
        self._messages = messages
        self._first_bytes: dict[str, int] = {}
        self._missing: set[str] = set()  # those that the last list did not have any more
        self._known: set[str] = set()
        self._looked_at = self.seen_at = time.monotonic()
        self._is_looking = False
        self.addresses = self._present().addresses or []
        self._known.update(self.addresses)
        self.leaving: set[str] = set()

    @property
    def ready(self) -> list[str]:
        """The addresses of those that take tasks and are not started again."""
        return [worker for worker in self.addresses if worker not in self.leaving]

    def look(self) -> None:
        """Ask for the list of workers, every few seconds."""
        is_waiting = self.leaving or self._missing or not self.addresses
        every_s = LOOK_WHILE_WAITING_S if is_waiting else LOOK_EVERY_S
        if self._is_looking or time.monotonic() - self._looked_at < every_s:
            return
        self._looked_at, self._is_looking = time.monotonic(), True
        self.aside(lambda: self._messages.put(self._present()))

    def take_note_of(self, listed: WorkersListed) -> set[str]:
        """Remember which workers there are now, and return those that are gone since.

        Lists may come in another order than they were made in: gone is what two of them lack.
        """
        self._is_looking, addresses = False, listed.addresses
        if addresses is None:
            return set()
        self.leaving.intersection_update(addresses)
        self.addresses = addresses
        if addresses:
            self.seen_at = time.monotonic()
        self._known |= listed.known
        missing = self._known - listed.known
        gone = missing & self._missing
        self._known -= gone
        self._missing = missing - gone
        for worker in gone:
            self._first_bytes.pop(worker, None)
        return gone

    def has_grown(self, worker: str, used: int, most_bytes: int) -> bool:
        """Return whether a worker that uses so many bytes has grown by more than `most_bytes`."""
        return used - self._first_bytes.setdefault(worker, used) > most_bytes

    def restart(self, worker: str) -> None:
        """Replace a worker of ours by a new process; the other workers go on meanwhile."""
        self.leaving.add(worker)

        def restart() -> None:
            quietly(
                lambda: self._client.restart_workers([worker], timeout=30, raise_for_error=False)
            )
            self._messages.put(self._present())
            self._messages.put(WorkerRestarted(worker))

        self.aside(restart)

    def _present(self) -> WorkersListed:
        """Return which workers there are, as far as somebody answers."""
        with suppressed("the cluster did not say which workers it has"):
            known = self._client.scheduler_info(n_workers=-1)["workers"]
            found = [worker for worker, facts in known.items() if facts["status"] == "running"]
            return WorkersListed(found, frozenset(known))
        return WorkersListed(None)

    def aside(self, ask: Callable[[], Any]) -> None:
        """Call `ask` in a thread: the cluster may be slow, or gone."""
        threading.Thread(target=quietly, args=(ask,), daemon=True, name="hpo-ask").start()


def quietly(ask: Callable[[], Any]) -> None:
    """Call `ask`, and ignore its errors: the cluster may be gone."""
    with suppressed("the cluster did not answer"):
        ask()
