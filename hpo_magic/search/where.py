"""Where the trainings of a search run: in this thread, on workers of our own, on the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor as Pool
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

from hpo_magic.core.events import Run
from hpo_magic.core.ports import Executor, Fit
from hpo_magic.errors import OptionError
from hpo_magic.executors.training_task import TaskResult, TrainingTask, dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.search.options import Options
from hpo_magic.views.words.numbers import counted

# Sent once to each worker; more than this takes seconds on a slow network.
MUCH_BYTES = 1_000_000_000


@dataclass(frozen=True)
class WorkerHooks:
    """What is made of a training where it runs, as something to be pickled, and used at home."""

    model_of: Callable[[Sequence[Fit]], Any]
    rows_of: Callable[[Sequence[Fit]], Any]
    arrived: Callable[[Run, TaskResult], None] = field(default=lambda run, arrived: None)


def is_remote(options: Options) -> bool:
    """Return whether trainings run in other processes than this one."""
    return options.jobs > 1 or options.isolate or options.on is not None


def require_workers(options: Options) -> None:
    """Check that Dask is there where its workers are asked for.

    Raises
    ------
    OptionError
        If it is not.
    """
    is_pool = isinstance(options.on, Pool) and not _is_dask(options.on)
    if is_remote(options) and not is_pool and find_spec("distributed") is None:
        raise OptionError(
            "jobs, isolate and on need Dask's distributed, which is not here: pip install "
            '"hpo_magic[dask]"'
        )


@contextmanager
def worker_executor(
    options: Options, execution: TrialExecution, things: WorkerHooks, note: Callable[[str], None]
) -> Iterator[Executor]:
    """Open the executor that `options` ask for, and close what was opened for it.

    Parameters
    ----------
    attempt
        What a training is at home; its names are added to.
    note
        Tells the user, in one sentence.

    Raises
    ------
    NotPortable
        If the code cannot be sent.
    ClusterError
        If the workers cannot be had.
    OptionError
        If `on` is nothing that trains, or the extra is not installed.
    """
    task = dumps_task(
        TrainingTask(
            execution.objective,
            execution.frameworks,
            execution.goals,
            things.model_of,
            things.rows_of,
        )
    )
    if len(task) > MUCH_BYTES:
        note(
            f"The cell and what it reads are {len(task) / 1e9:.1f} GB, which go to every worker. "
            f"Read the data inside the cell if the workers have it."
        )
    if isinstance(options.on, Pool) and not _is_dask(options.on):
        note(
            "This pool has no live reports: no curves until a training has ended, nothing is "
            "pruned, and what has begun is not stopped. A Dask client has them."
        )
        from hpo_magic.executors.pool import PoolExecutor

        yield PoolExecutor(options.on, task, execution.names, things.arrived)
        return
    try:
        from hpo_magic.executors import cluster, connection, dask
    except ImportError as error:
        raise OptionError(
            f"--jobs, --isolate and --on need Dask's distributed ({error}): "
            f'pip install "hpo_magic[dask]"'
        ) from error
    make = partial(dask.DaskExecutor, task=task, names=execution.names, arrived=things.arrived)
    del task
    if options.on is None:
        with cluster.own_cluster(options.jobs, execution.frameworks) as client:
            yield make(client, is_own=True, is_renewed=options.isolate)
        return
    is_address = isinstance(options.on, str)
    client = connection.connected(options.on) if is_address else options.on
    if not hasattr(client, "register_plugin"):
        raise OptionError(
            f"on: expected the address of a Dask scheduler, a Client or a pool with `submit`, got "
            f"{type(client).__name__}."
        )
    with connection.quiet():
        try:
            packages = [name for f in execution.frameworks for name in f.packages]
            for text in connection.version_notes(client, packages):
                note(text)
            executor = make(client)
            n = executor.n_workers
            note(f"{counted(n, 'worker')} at {client.scheduler.address}." if n else _WAITING)
            yield executor
        finally:
            if is_address:
                client.close()


_WAITING = "The cluster has no worker yet: the search begins when one has joined."


def _is_dask(pool: Any) -> bool:
    return hasattr(pool, "register_plugin")
