"""The user's own Dask cluster: connecting to it, and checking the versions of its workers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from distributed import Client

from hpo_magic.errors import ClusterError, OptionError
from hpo_magic.executors import Workers
from hpo_magic.executors.dask import DaskExecutor
from hpo_magic.executors.dask_waiting import WaitingDaskExecutor
from hpo_magic.executors.versions import notes_on, versions
from hpo_magic.views.words.numbers import counted

CONNECT_S = 10


NO_WORKER = "The cluster has no worker yet: the search begins when one has joined."


@contextmanager
def opened(workers: Workers) -> Iterator[DaskExecutor]:
    """Yield the executor on the user's cluster; close the client if it was opened for an address.

    Raises
    ------
    OptionError
        If `on` is nothing that trains.
    """
    on, is_address = workers.on, isinstance(workers.on, str)
    client = connected(on) if is_address else on
    if not hasattr(client, "register_plugin"):
        raise OptionError(
            f"on: expected the address of a Dask scheduler, a Client or a pool with `submit`, got "
            f"{type(client).__name__}."
        )
    with quiet():
        try:
            for text in version_notes(client, [p for f in workers.frameworks for p in f.packages]):
                workers.note(text)
            kind = WaitingDaskExecutor if workers.waits else DaskExecutor
            executor = kind(client, workers.task, workers.names)
            n = executor.n_workers
            at = f"{counted(n, 'worker')} at {client.scheduler.address}."
            workers.note(at if n else NO_WORKER)
            yield executor
        finally:
            if is_address:
                client.close()


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress distributed's log of a lost connection; our own message says what to do."""
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
        If no scheduler answers there.
    """
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address}: {error or type(error).__name__}. Start one "
            f"with `dask scheduler`, or give the variable that holds a Client."
        ) from error


def version_notes(client: Client, packages: Sequence[str]) -> list[str]:
    """Return sentences on workers whose versions of `packages` differ from those here.

    Raises
    ------
    ClusterError
        If a worker has no hpo_magic, another one, or another Python: it cannot read the cell.
    """
    here = versions(packages)
    try:
        there = client.run(versions, packages)
    except Exception as error:
        raise ClusterError(
            f"the workers cannot run hpo_magic ({error}). Install it there, in the same version "
            f"({here.get('hpo_magic', 'as here')})."
        ) from error
    return notes_on(here, there)
