"""A Dask cluster of our own on this machine: worker processes that share its cores.

Each worker is a child process that ends itself when its parent is gone, also if that was killed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Framework
from hpo_magic.errors import ClusterError
from hpo_magic.executors import Workers
from hpo_magic.executors.dask import DaskExecutor
from hpo_magic.executors.dask_waiting import WaitingDaskExecutor

START_S = 60


def environment(frameworks: Sequence[Framework], n_workers: int, n_cores: int) -> dict[str, str]:
    """Return the environment variables of one of `n_workers` workers that share `n_cores`."""
    made = {"MPLBACKEND": "Agg"}  # a worker has no screen
    for framework in frameworks:
        made |= framework.worker_environment(max(1, n_cores // n_workers))
    return made


@contextmanager
def opened(workers: Workers) -> Iterator[DaskExecutor]:
    """Start the worker processes, yield the executor on them, and end them."""
    with own_cluster(workers.n_workers, workers.frameworks) as client:
        kind = WaitingDaskExecutor if workers.waits else DaskExecutor
        yield kind(client, workers.task, workers.names, is_own=True, is_renewed=workers.is_renewed)


@contextmanager
def own_cluster(n_workers: int, frameworks: Sequence[Framework]) -> Iterator[Client]:
    """Start worker processes, yield a client of them, and end them.

    Parameters
    ----------
    frameworks
        Say what the environment of a worker must have.

    Raises
    ------
    ClusterError
        If they do not start.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    wanted = environment(frameworks, n_workers, cores or 1)
    settings = {
        # Set before a worker's Python starts: NumPy reads it when it is imported.
        "distributed.nanny.pre-spawn-environ": wanted,
        # Dask also counts a worker's death against trainings that only waited on it. We count how
        # often a training began instead (`dask_worker.MOST_STARTS`).
        "distributed.scheduler.allowed-failures": 5,
        "distributed.scheduler.worker-ttl": None,  # native code may hold the interpreter for long
        # Else a worker that is not back 15 s after its death would be given up.
        "distributed.deploy.lost-worker-timeout": "30 days",
        # A training has no data of Dask's that could be moved to disk; a paused worker would hang.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
    }
    with _environment(wanted), dask.config.set(settings):
        try:
            cluster = LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        except (OSError, RuntimeError, TimeoutError) as error:
            raise ClusterError(
                f"the worker processes did not start: {error}. In a script, call search(…) under "
                f'`if __name__ == "__main__":`, as workers import the script.'
            ) from error
        try:
            with Client(cluster, set_as_default=False, timeout=START_S) as client:
                client.wait_for_workers(n_workers, timeout=START_S)
                yield client
        finally:
            # A busy machine may need longer; the workers end with this process at the latest.
            with suppressed("the worker processes did not end in time", TimeoutError):
                cluster.close(timeout=5)


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Set environment variables that workers inherit, and restore them at the end.

    Distributed sets some in this process before it starts a worker, and leaves them set.
    """
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in {*wanted, "PYTHONHASHSEED", "__DASK_PARENT_PID"}:
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)
