"""What a worker does with a training; what happened to it before stands with the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hpo_magic.core.events import Completed, Failed
from hpo_magic.core.trial import Direction
from hpo_magic.executors.cluster import own_cluster
from hpo_magic.executors.dask import DaskExecutor
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.testing.executors import a_run, events_until_ended
from hpo_magic.testing.fakes import FakeObjective

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return a client of one worker of our own."""
    with own_cluster(1, []) as client:
        yield client


@pytest.mark.parametrize(
    ("before", "ending"),
    [
        (["begins"], Completed),
        (["begins", "begins"], Failed),
        (["begins", "ends", "begins", "ends"], Completed),
    ],
)
def test_a_training_whose_workers_died_is_not_begun_a_third_time(
    client, before: list[str], ending: type
) -> None:
    """Where it had ended, its result was lost with a worker that died of something else."""
    task = dumps_task(TrialExecution(FakeObjective(lambda: 0.5), (), Direction.MINIMIZE))
    executor = DaskExecutor(client, task, is_own=True)
    for what in before:
        client.log_event(f"{executor._name}-7", {"number": 7, what: True})
    executor.submit(a_run(7))
    assert isinstance(events_until_ended(executor)[-1], ending)
    executor.close()


def test_what_a_cell_imports_is_there_before_a_training_begins(client) -> None:
    """It is no part of a trial's time, and a worker that lacks it is told of at once."""
    from hpo_magic.errors import ClusterError

    class Unreadable:
        def __reduce__(self) -> tuple[Any, ...]:
            return __import__, ("a_package_that_no_worker_has",)

    missing = Unreadable()
    task = dumps_task(TrialExecution(FakeObjective(lambda: missing)))
    with pytest.raises(
        ClusterError, match=r"No module named 'a_package.*Install the same packages"
    ):
        DaskExecutor(client, task, is_own=True)
