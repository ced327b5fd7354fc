"""Every executor does what the seam promises."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hpo_magic.core.trial import Direction
from hpo_magic.executors.pool import PoolExecutor
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.frameworks.standard import StandardStreams
from hpo_magic.testing.executors import ExecutorContract, Make
from hpo_magic.testing.fakes import FakeObjective


def an_execution(function) -> TrialExecution:
    """Return the execution of a function whose value is minimized."""
    return TrialExecution(FakeObjective(function), [StandardStreams()], Direction.MINIMIZE)


def a_task(function) -> bytes:
    """Return its pickled task."""
    return dumps_task(an_execution(function))


class TestSerial(ExecutorContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda function: SerialExecutor(an_execution(function))


class TestPool(ExecutorContract):
    is_live = False

    @pytest.fixture
    def make(self) -> Iterator[Make]:
        with ThreadPoolExecutor(2) as pool:
            yield lambda function: PoolExecutor(pool, a_task(function))


@pytest.fixture(scope="module")
def client() -> Iterator[object]:
    """Return a client of one worker of our own."""
    from hpo_magic.executors.cluster import own_cluster

    with own_cluster(1, []) as client:
        yield client


@pytest.mark.slow
class TestDask(ExecutorContract):
    @pytest.fixture
    def make(self, client) -> Make:
        from hpo_magic.executors.dask import DaskExecutor

        return lambda function: DaskExecutor(client, a_task(function))
