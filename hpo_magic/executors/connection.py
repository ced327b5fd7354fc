"""Somebody else's Dask cluster: the way to it, and whether its workers can train."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from distributed import Client

from hpo_magic.errors import ClusterError
from hpo_magic.executors.versions import notes_on, versions

CONNECT_S = 10


@contextmanager
def quiet() -> Iterator[None]:
    """Keep distributed's own log of a lost connection out of the notebook: we have a sentence."""
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
        If nobody answers there.
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
