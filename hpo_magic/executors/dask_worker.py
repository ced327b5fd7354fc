"""What runs on a Dask worker: the parcel of a search, and its trainings one after another.

Distributed sends functions and plugins of a module by name, so a worker imports this one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import psutil
from distributed import WorkerPlugin, get_worker
from distributed.utils import sync

from hpo_magic.core.events import Run
from hpo_magic.executors.training_task import (
    StepReport,
    TaskResult,
    TrainingTask,
    loads_task,
    train,
)

# A training whose worker dies runs once more: the worker may have died of something else.
MOST_STARTS = 2

_ONE_AT_A_TIME = threading.Lock()  # seeds, printing and sessions belong to the whole process


class Site(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """The parcel of one search on a worker, and which of its trainings are to stop."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data
        self.task: TrainingTask | None = None
        self.stopping: set[int] = set()

    async def setup(self, worker: Any) -> None:
        """Unpack the parcel before the worker is given anything: its imports are no training."""
        self.task = await asyncio.to_thread(loads_task, self._data)
        self._data = b""


class WorkersDied(Exception):
    """A training took as many workers with it as it may."""


def train_here(name: str, run: Run, names: Mapping[str, str]) -> tuple[TaskResult, int]:
    """Train on this worker; return what came of it, and the bytes that the process now holds.

    One training at a time, however many threads the worker has.

    Raises
    ------
    WorkersDied
        If the training began `MOST_STARTS` times before, and its workers died of it.
    """
    worker = get_worker()
    site: Site = worker.plugins[name]
    own = f"{name}-{run.number}"
    told = {"number": run.number, "at": worker.address}

    def say(what: str) -> None:
        # Answered before anything else is done: native code may let no other thread run, or crash.
        message = {**told, what: True}
        sync(worker.loop, worker.scheduler.log_event, topic=[name, own], msg=message)

    def send(reports: Sequence[StepReport]) -> None:
        worker.log_event(name, {**told, "reports": reports})

    with _ONE_AT_A_TIME:
        said = [message for _, message in sync(worker.loop, worker.scheduler.events, topic=own)]
        # One that ended had its result lost with a worker that died of something else.
        if sum("begins" in m for m in said) - sum("ends" in m for m in said) >= MOST_STARTS:
            raise WorkersDied
        say("begins")
        assert site.task is not None  # a worker has no task before its plugins are set up
        try:
            arrived = train(site.task, run, names, send, lambda: run.number in site.stopping)
            say("ends")
            return arrived, int(psutil.Process().memory_info().rss)
        finally:
            site.stopping.discard(run.number)


def stop_here(name: str, number: int, dask_worker: Any = None) -> None:
    """Have a training of this worker stopped at its next batch."""
    site = dask_worker.plugins.get(name)
    if site is not None:
        site.stopping.add(number)
