"""Where trainings run: in this process, on workers of our own, on the user's, or your own way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor as Pool
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from hpo_magic.core.ports import Executor, Framework
from hpo_magic.core.registry import load

__all__ = ["EXECUTORS", "Workers", "kind_of", "open_executor"]

# Where each way to workers is opened: a function that takes `Workers` and returns a context with an
# `Executor`. One of your own is asked for by its name: `--on NAME://PLACE`.
EXECUTORS = {
    "own": "hpo_magic.executors.cluster:opened",
    "pool": "hpo_magic.executors.pool:opened",
    "dask": "hpo_magic.executors.connection:opened",
}


@dataclass(frozen=True)
class Workers:
    """The workers that a search asks for, and what they train.

    Attributes
    ----------
    task
        The pickled code of the search, for `training_task.loads_task`.
    names
        The names of unnamed `hp` calls by place; every trial adds to it.
    frameworks
        The libraries that are watched.
    note
        Shows the user a sentence.
    on
        An address, a client or a pool; None: worker processes on this machine.
    n_workers
        How many of them; without meaning where `on` is given.
    is_renewed
        Whether a worker process is restarted now and then.
    waits
        Whether trainings shall be able to wait; the task says so, too.
    """

    task: bytes
    names: dict[str, str]
    frameworks: Sequence[Framework]
    note: Callable[[str], None]
    on: Any = None
    n_workers: int = 1
    is_renewed: bool = False
    waits: bool = False

    @property
    def kind(self) -> str:
        """The name of the executor, one of `EXECUTORS`."""
        return kind_of(self.on)


def kind_of(on: Any) -> str:
    """Return the name of the executor for a value of the option `on`.

    >>> kind_of(None), kind_of("tcp://10.0.0.1:8786")
    ('own', 'dask')
    """
    if on is None:
        return "own"
    if isinstance(on, str):
        scheme = on.partition("://")[0]
        return scheme if scheme in EXECUTORS else "dask"
    is_client = hasattr(on, "register_plugin")  # a client of Dask's is a pool, too
    return "pool" if isinstance(on, Pool) and not is_client else "dask"


def open_executor(workers: Workers) -> AbstractContextManager[Executor]:
    """Return a context in which the workers are there.

    Raises
    ------
    ImportError
        If the executor's library is not installed.
    """
    opened: AbstractContextManager[Executor] = load(EXECUTORS[workers.kind])(workers)
    return opened
