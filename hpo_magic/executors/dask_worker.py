"""The code that runs on a Dask worker: it loads a search's task and runs its trainings.

Distributed pickles functions and plugins by the name of their module, so a worker imports this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
from distributed import WorkerPlugin, get_worker
from distributed.utils import sync

from hpo_magic.core.events import Run
from hpo_magic.executors.training_task import (
    ONE_AT_A_TIME,
    StepReport,
    TaskResult,
    TrainingTask,
    loads_task,
    train,
)

# A training whose worker dies runs a second time: something else may have killed the worker.
MOST_STARTS = 2


class Site(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """The task of one search on a worker, and the numbers of its trainings that shall stop."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data
        self.task: TrainingTask | None = None
        self.stopping: set[int] = set()

    async def setup(self, worker: Any) -> None:
        """Load the task, with its imports, before the worker gets a training."""
        self.task = await asyncio.to_thread(loads_task, self._data)
        self._data = b""


class WorkersDied(Exception):
    """The workers of a training died `MOST_STARTS` times."""


def train_here(name: str, run: Run, names: Mapping[str, str]) -> tuple[TaskResult, int]:
    """Train on this worker; return the result, and the memory of the process in bytes.

    One training runs at a time, however many threads the worker has.

    Raises
    ------
    WorkersDied
        If the training began `MOST_STARTS` times before, and did not end.
    """
    worker = get_worker()
    site: Site = worker.plugins[name]
    own = f"{name}-{run.number}"
    training = {"number": run.number, "at": worker.address}

    def log(what: str) -> None:
        # Wait for the answer: the training may crash, or hold the interpreter in native code.
        message = {**training, what: True}
        sync(worker.loop, worker.scheduler.log_event, topic=[name, own], msg=message)

    def send(reports: Sequence[StepReport]) -> None:
        worker.log_event(name, {**training, "reports": reports})

    with ONE_AT_A_TIME:
        logged = [message for _, message in sync(worker.loop, worker.scheduler.events, topic=own)]
        # A start that has an end is not counted: its worker died later, of something else.
        if sum("begins" in m for m in logged) - sum("ends" in m for m in logged) >= MOST_STARTS:
            raise WorkersDied
        log("begins")
        assert site.task is not None  # a worker has no task before its plugins are set up
        try:
            result = train(site.task, run, names, send, lambda: run.number in site.stopping)
            log("ends")
            return result, int(psutil.Process().memory_info().rss)
        finally:
            site.stopping.discard(run.number)


def stop_here(name: str, number: int, dask_worker: Any = None) -> None:
    """Have a training of this worker stopped at its next batch."""
    site = dask_worker.plugins.get(name)
    if site is not None:
        site.stopping.add(number)
