"""Every executor does what the seam promises."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hpo_magic.core.trial import Direction
from hpo_magic.executors.pool import PoolExecutor
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.training_task import TrainingTask, dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.frameworks.standard import StandardStreams
from hpo_magic.testing.executors import ExecutorContract, Make
from hpo_magic.testing.fakes import FakeObjective


def a_parcel(function) -> bytes:
    """Return a function's parcel."""
    objective = FakeObjective(function)
    return dumps_task(TrainingTask(objective, [StandardStreams()], Direction.MINIMIZE))


class TestSerial(ExecutorContract):
    @pytest.fixture
    def make(self) -> Make:
        def made(function) -> SerialExecutor:
            execution = TrialExecution(FakeObjective(function), [StandardStreams()])
            execution.goals = Direction.MINIMIZE
            return SerialExecutor(execution)

        return made


class TestPool(ExecutorContract):
    is_live = False

    @pytest.fixture
    def make(self) -> Iterator[Make]:
        with ThreadPoolExecutor(2) as pool:
            yield lambda function: PoolExecutor(pool, a_parcel(function))


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

        return lambda function: DaskExecutor(client, a_parcel(function))
