"""Where the trainings of a search run: in this thread, on workers of our own, or on the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor as Pool
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

from hpo_magic.core.ports import Executor, Framework
from hpo_magic.core.wording import counted
from hpo_magic.errors import OptionError
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.search.options import Options

# The task is sent once to each worker; a larger one takes seconds on a slow network.
MUCH_BYTES = 1_000_000_000


def is_remote(options: Options) -> bool:
    """Return whether the trainings run in other processes than this one."""
    return options.jobs > 1 or options.isolate or options.on is not None


def require_workers(options: Options) -> None:
    """Check that Dask is installed if the options ask for its workers.

    Raises
    ------
    OptionError
        If it is not installed.
    """
    is_pool = isinstance(options.on, Pool) and not _is_dask(options.on)
    if is_remote(options) and not is_pool and find_spec("distributed") is None:
        raise OptionError(
            "jobs, isolate and on need Dask's distributed, which is not installed: pip install "
            '"hpo_magic[dask]"'
        )


@contextmanager
def worker_executor(
    options: Options, execution: TrialExecution, note: Callable[[str], None]
) -> Iterator[Executor]:
    """Open the executor that `options` ask for, and close what was opened for it.

    Parameters
    ----------
    options
        They ask for workers: `is_remote` is true.
    execution
        Runs the user's code; it is pickled and sent. `names` is added to.
    note
        Shows the user a sentence.

    Raises
    ------
    NotPortable
        If the code reads a value that cannot be pickled.
    ClusterError
        If the workers do not start, do not answer, or cannot load the code.
    OptionError
        If `on` is neither an address nor a client nor a pool, or the extra is not installed.
    """
    task = dumps_task(execution)
    if len(task) > MUCH_BYTES:
        note(
            f"The cell and what it reads are {len(task) / 1e9:.1f} GB, which go to every worker. "
            f"Read the data inside the cell if the workers have it."
        )
    if isinstance(options.on, Pool) and not _is_dask(options.on):
        yield _pool_executor(options.on, task, execution.names, note)
        return
    try:
        from hpo_magic.executors import cluster, dask
    except ImportError as error:
        raise OptionError(
            f"--jobs, --isolate and --on need Dask's distributed ({error}): "
            f'pip install "hpo_magic[dask]"'
        ) from error
    make = partial(dask.DaskExecutor, task=task, names=execution.names)
    del task
    if options.on is None:
        with cluster.own_cluster(options.jobs, execution.frameworks) as client:
            yield make(client, is_own=True, is_renewed=options.isolate)
    else:
        with _connected(options.on, execution.frameworks, note) as client:
            executor = make(client)
            n = executor.n_workers
            note(f"{counted(n, 'worker')} at {client.scheduler.address}." if n else _NO_WORKER)
            yield executor


_NO_WORKER = "The cluster has no worker yet: the search begins when one has joined."


def _pool_executor(
    pool: Pool, task: bytes, names: dict[str, str], note: Callable[[str], None]
) -> Executor:
    """Return the executor on a pool, and tell the user what it cannot do."""
    from hpo_magic.executors.pool import PoolExecutor

    note(
        "This pool sends no reports while a training runs: there are no curves until it has ended, "
        "nothing is pruned, and a training that has begun cannot be stopped. A Dask client can."
    )
    return PoolExecutor(pool, task, names)


@contextmanager
def _connected(
    on: Any, frameworks: Sequence[Framework], note: Callable[[str], None]
) -> Iterator[Any]:
    """Yield the client of the user's cluster, and close it if it was opened for an address."""
    from hpo_magic.executors import connection

    is_address = isinstance(on, str)
    client = connection.connected(on) if is_address else on
    if not hasattr(client, "register_plugin"):
        raise OptionError(
            f"on: expected the address of a Dask scheduler, a Client or a pool with `submit`, got "
            f"{type(client).__name__}."
        )
    with connection.quiet():
        try:
            packages = [name for f in frameworks for name in f.packages]
            for text in connection.version_notes(client, packages):
                note(text)
            yield client
        finally:
            if is_address:
                client.close()


def _is_dask(pool: Any) -> bool:
    return hasattr(pool, "register_plugin")
