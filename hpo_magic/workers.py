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
from hpo_magic.core.wording import counted
from hpo_magic.errors import OptionError
from hpo_magic.executors.attempt import Attempt
from hpo_magic.executors.parcel import Arrived, Parcel, packed
from hpo_magic.options import Options

__all__ = ["Away", "away", "is_away", "require_workers"]

# Sent once to each worker; more than this takes seconds on a slow network.
MUCH_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Away:
    """What is made of a training where it runs, as something to be pickled, and used at home."""

    model_of: Callable[[Sequence[Fit]], Any]
    rows_of: Callable[[Sequence[Fit]], Any]
    arrived: Callable[[Run, Arrived], None] = field(default=lambda run, arrived: None)


def is_away(options: Options) -> bool:
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
    if is_away(options) and not is_pool and find_spec("distributed") is None:
        raise OptionError(
            "jobs, isolate and on need Dask's distributed, which is not here: pip install "
            '"hpo_magic[dask]"'
        )


@contextmanager
def away(
    options: Options, attempt: Attempt, things: Away, note: Callable[[str], None]
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
    parcel = packed(
        Parcel(
            attempt.objective,
            attempt.frameworks,
            attempt.metric,
            attempt.direction,
            things.model_of,
            things.rows_of,
            attempt.further,
        )
    )
    if len(parcel) > MUCH_BYTES:
        note(
            f"The cell and what it reads are {len(parcel) / 1e9:.1f} GB, which go to every worker. "
            f"Read the data inside the cell if the workers have it."
        )
    if isinstance(options.on, Pool) and not _is_dask(options.on):
        note(
            "This pool has no live reports: no curves until a training has ended, nothing is "
            "pruned, and what has begun is not stopped. A Dask client has them."
        )
        from hpo_magic.executors.pool import PoolExecutor

        yield PoolExecutor(options.on, parcel, attempt.names, things.arrived)
        return
    try:
        from hpo_magic.executors import cluster, connection, dask
    except ImportError as error:
        raise OptionError(
            f"--jobs, --isolate and --on need Dask's distributed ({error}): "
            f'pip install "hpo_magic[dask]"'
        ) from error
    make = partial(dask.DaskExecutor, parcel=parcel, names=attempt.names, arrived=things.arrived)
    del parcel
    if options.on is None:
        with cluster.own_cluster(options.jobs) as client:
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
            for text in connection.version_notes(client):
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
