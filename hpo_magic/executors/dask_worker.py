"""The code that runs on a Dask worker: it loads a search's task and runs its trainings.

Distributed pickles functions and plugins by the name of their module, so a worker imports this one.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
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
# Dask draws from Python's global random stream in a worker's event loop (which items of a large
# message are measured, how long to wait for a retry), between any two lines of a training.
DRAWING = ("dask.sizeof", "distributed.comm.core", "distributed.utils_comm")


class Site(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """The task of one search on a worker, and the numbers of its trainings that shall stop.

    The task has the trainings that wait here, which are lost with the process.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data
        self.task: TrainingTask | None = None
        self.stopping: set[int] = set()

    async def setup(self, worker: Any) -> None:
        """Load the task, with its imports, before the worker gets a training."""
        _give_streams()
        self.task = await asyncio.to_thread(loads_task, self._data)
        self._data = b""

    async def teardown(self, worker: Any) -> None:
        """End the trainings that wait here, as the search is over."""
        if self.task is not None and self.task.waits:
            threading.Thread(target=_end_waiting, args=(self.task,), daemon=True).start()


def _give_streams() -> None:
    """Give the modules of Dask that draw a random stream of their own."""
    for name in DRAWING:
        module = sys.modules.get(name)
        if getattr(module, "random", None) is random:
            module.random = random.Random()  # type: ignore[union-attr]  # noqa: S311


def _end_waiting(task: TrainingTask) -> None:
    with ONE_AT_A_TIME:  # a training may be at work, and ignore its stop
        task.executor.close()


class WorkersDied(Exception):
    """The workers of a training died `MOST_STARTS` times."""


def train_here(
    name: str,
    run: Run,
    names: Mapping[str, str],
    refusal: str | None = None,
    *,
    is_to_end: bool = False,
) -> tuple[TaskResult, int]:
    """Train on this worker; return the result, and the memory of the process in bytes.

    One training runs at a time, however many threads the worker has. One that waits here goes on.

    Parameters
    ----------
    name
        The search's plugin.
    run, names, refusal
        See `training_task.train`.
    is_to_end
        Whether the training is to be stopped where it waits.

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

    def again() -> None:
        worker.log_event(name, {**training, "again": True})

    def send(reports: Sequence[StepReport]) -> None:
        worker.log_event(name, {**training, "reports": reports})

    def died_too_often() -> bool:
        logged = [message for _, message in sync(worker.loop, worker.scheduler.events, topic=own)]
        # A start that has an end is not counted: its worker died later, of something else.
        n_begun = sum("begins" in m or "goes on" in m for m in logged)
        return n_begun - sum("ends" in m for m in logged) >= MOST_STARTS

    with ONE_AT_A_TIME:
        assert site.task is not None  # a worker has no task before its plugins are set up
        waited = site.task.executor.holds(run.number)
        if not waited and died_too_often():
            raise WorkersDied
        log("goes on" if waited else "begins")
        try:
            if is_to_end:
                site.stopping.add(run.number)
            result = train(
                site.task,
                run,
                names,
                send,
                lambda: run.number in site.stopping,
                again=again,
                refusal=refusal,
            )
            log("ends")
            return result, int(psutil.Process().memory_info().rss)
        finally:
            site.stopping.discard(run.number)


def stop_here(name: str, number: int, dask_worker: Any = None) -> None:
    """Have a training of this worker stopped at its next batch."""
    site = dask_worker.plugins.get(name)
    if site is not None:
        site.stopping.add(number)
