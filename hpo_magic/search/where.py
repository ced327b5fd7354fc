"""Where the trainings of a search run: in this thread, on workers of our own, or on the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec

from hpo_magic.core.ports import Executor
from hpo_magic.errors import OptionError
from hpo_magic.executors import Workers, kind_of, open_executor
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.search.options import Options

# The task is sent once to each worker; a larger one takes seconds on a slow network.
MUCH_BYTES = 1_000_000_000
OF_DASK = ("own", "dask")


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
    is_dask = is_remote(options) and kind_of(options.on) in OF_DASK
    if is_dask and find_spec("distributed") is None:
        raise OptionError(
            f"jobs, isolate and on need Dask's distributed, which is not installed: "
            f"{installing_distributed()}"
        )


def installing_distributed() -> str:
    """Return the command that installs distributed, and keeps the Dask that is installed.

    Each release of distributed needs the Dask of the same version: the newest one would replace the
    Dask of a hosted notebook.
    """
    command = 'pip install "hpo_magic[dask]"'
    try:
        return f'{command} "distributed=={metadata.version("dask")}"'
    except metadata.PackageNotFoundError:
        return command


@contextmanager
def worker_executor(
    options: Options,
    execution: TrialExecution,
    note: Callable[[str], None],
    *,
    waits: bool = False,
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
    waits
        Whether trainings shall be able to wait.

    Raises
    ------
    NotPortable
        If the code reads a value that cannot be pickled.
    ClusterError
        If the workers do not start, do not answer, or cannot load the code.
    OptionError
        If `on` is neither an address nor a client nor a pool, or the extra is not installed.
    """
    workers = Workers(
        task=dumps_task(execution, waits=waits),
        names=execution.names,
        frameworks=execution.frameworks,
        note=note,
        on=options.on,
        n_workers=options.jobs,
        is_renewed=options.isolate,
        waits=waits,
    )
    n_bytes = len(workers.task)
    if n_bytes > MUCH_BYTES:
        note(
            f"The cell and what it reads are {n_bytes / 1e9:.1f} GB, which go to every worker. "
            f"Read the data inside the cell if the workers have it."
        )
    try:
        opening = open_executor(workers)
    except ImportError as error:
        if workers.kind not in OF_DASK:
            raise
        raise OptionError(
            f"--jobs, --isolate and --on need Dask's distributed ({error}): "
            f"{installing_distributed()}"
        ) from error
    with opening as executor:
        yield executor
