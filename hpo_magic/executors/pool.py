"""The executor that trains in any `concurrent.futures.Executor`: ipyparallel's, MPI's, a pool.

Such a pool knows calls and results, nothing in between: no live reports, so nothing is pruned, and
a training that has begun cannot be stopped.
"""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import Executor as Pool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from hpo_magic.core.events import Ended, Event, Failed, Noted, Outcome, Run
from hpo_magic.core.trial import Failure
from hpo_magic.executors import Workers
from hpo_magic.executors.training_task import (
    ONE_AT_A_TIME,
    TaskResult,
    TrainingTask,
    loads_task,
    train,
)

# In a process of the pool: the task of the latest search by its name, unpickled once. (A cached
# function would hash the pickled data at each call.)
_LATEST: dict[str, TrainingTask] = {}


def _train_here(name: str, data: bytes, run: Run, names: Mapping[str, str]) -> TaskResult:
    """Train in this process of the pool; the task comes with each training."""
    with ONE_AT_A_TIME:
        if name not in _LATEST:
            _LATEST.clear()
            _LATEST[name] = loads_task(data)
        return train(_LATEST[name], run, names)


@contextmanager
def opened(workers: Workers) -> Iterator[PoolExecutor]:
    """Yield the executor on the user's pool, and tell the user what it cannot do."""
    workers.note(
        "This pool sends no reports while a training runs: there are no curves until it has ended, "
        "nothing is pruned, and a training that has begun cannot be stopped. A Dask client can."
    )
    yield PoolExecutor(workers.on, workers.task, workers.names)


@dataclass
class PoolExecutor:
    """Trains in a pool, which stays open.

    Parameters
    ----------
    pool
        Takes calls of module-level functions with picklable arguments.
    task
        The pickled task of the search; it is sent with each training.
    names
        The names of unnamed `hp` calls by place; every trial adds to it.
    clock
        Returns seconds since 1970.
    """

    pool: Pool
    task: bytes
    names: dict[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._name = f"{os.getpid()}-{id(self)}-{time.time_ns()}"
        self._ended: queue.SimpleQueue[tuple[Run, Future[TaskResult]]] = queue.SimpleQueue()
        self._underway: dict[int, Future[TaskResult]] = {}

    @property
    def n_workers(self) -> int:
        """How many trainings the pool runs at once; the cores where it does not say."""
        return int(getattr(self.pool, "_max_workers", 0) or os.cpu_count() or 1)

    def submit(self, run: Run) -> None:
        """Give a training to the pool."""
        future = self.pool.submit(_train_here, self._name, self.task, run, dict(self.names))
        self._underway[run.number] = future
        future.add_done_callback(lambda future: self._ended.put((run, future)))

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Feed the end of one training, or wait for it."""
        try:
            run, future = self._ended.get(timeout=timeout_s)
        except queue.Empty:
            return
        if self._underway.pop(run.number, None) is not future:
            return
        known = Outcome(dict(run.params))
        try:
            result = future.result()
        except CancelledError:
            feed(Ended(run.number, known, self.clock()))
            return
        except Exception as error:  # noqa: BLE001  (a broken pool, a worker that cannot unpack)
            text = f"the pool could not run the training: {type(error).__name__}: {error}"
            feed(Failed(run.number, Failure("", text), known, self.clock(), fatal=True))
            return
        self.names |= result.names
        assert result.event is not None  # no training waits in a pool
        feed(replace(result.event, at=self.clock()))
        if result.notice:
            feed(Noted(result.notice))

    def stop(self, number: int) -> None:
        """Take back a training that has not begun; one that has goes on to its end."""
        future = self._underway.get(number)
        if future is not None:
            future.cancel()

    def close(self) -> None:
        """Take back what has not begun."""
        for future in self._underway.values():
            future.cancel()
        self._underway.clear()
