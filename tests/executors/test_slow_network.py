"""A cluster behind a slow network: reports and verdicts arrive late, and nothing else changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from slow_networks import SlowNetwork, slow_network

from hpo_magic.core.events import Completed, Ended, Event, Reported
from hpo_magic.core.trial import Direction
from hpo_magic.executors import dask_workers
from hpo_magic.executors.cluster import own_cluster
from hpo_magic.executors.dask import DaskExecutor
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.hp import hp
from hpo_magic.testing.executors import a_run, events_until_ended
from hpo_magic.testing.fakes import FakeObjective

pytestmark = pytest.mark.slow

N_REPORTS = 100


@pytest.fixture(scope="module")
def far() -> Iterator[tuple[Client, SlowNetwork]]:
    """Return a client of two workers, and the network that is between."""
    with (
        own_cluster(2, []) as near,
        slow_network(near.scheduler.address) as network,
        Client(network.address, set_as_default=False) as client,
    ):
        yield client, network


def an_executor(client: Client, function: Callable[[], Any]) -> DaskExecutor:
    """Return an executor that trains `function`; its value is minimized."""
    task = dumps_task(TrialExecution(FakeObjective(function), (), Direction.MINIMIZE))
    return DaskExecutor(client, task, grace_s=60.0)


def reporting() -> float:
    """Report often, for some time."""
    for step in range(1, N_REPORTS + 1):
        time.sleep(0.01)
        hp.report(step, loss=1 / step)
    return 0.5


def test_every_report_arrives_in_its_order(far: tuple[Client, SlowNetwork]) -> None:
    """Seconds late, of two trainings at once, and each before the end of its training."""
    client, network = far
    executor = an_executor(client, reporting)
    network.delay_s = 1.0
    for number in (0, 1):
        executor.submit(a_run(number))
    events = [*events_until_ended(executor), *events_until_ended(executor)]
    network.delay_s = 0.0
    executor.close()
    for number in (0, 1):
        own = [e for e in events if isinstance(e, Reported | Completed) and e.number == number]
        assert [e.step for e in own if isinstance(e, Reported)] == [*range(1, N_REPORTS + 1)]
        assert isinstance(own[-1], Completed)


def test_a_verdict_that_comes_late_stops_the_training(
    far: tuple[Client, SlowNetwork],
) -> None:
    """At the batch after its arrival; what was reported meanwhile is there."""
    client, network = far

    def endless() -> None:
        for step in range(1, 1_000_000):
            time.sleep(0.01)
            hp.report(step, loss=1.0)

    executor = an_executor(client, endless)
    executor.submit(a_run(0))
    steps: list[int] = []

    def feed(event: Event) -> None:
        if isinstance(event, Reported):
            steps.append(event.step)
            network.delay_s = 1.0
            executor.stop(0)

    ended = events_until_ended(executor, feed)[-1]
    network.delay_s = 0.0
    executor.close()
    assert isinstance(ended, Ended)
    assert steps == [*range(1, len(steps) + 1)]


def test_a_verdict_on_what_has_ended_meanwhile(
    far: tuple[Client, SlowNetwork], tmp_path: Path
) -> None:
    """The training had its value before the word to stop got there: it has it, and every report."""
    client, network = far
    mark = tmp_path / "mark"

    def marking() -> float:
        value = reporting()
        mark.touch()
        return value

    executor = an_executor(client, marking)
    executor.submit(a_run(0))
    steps: list[int] = []

    def feed(event: Event) -> None:
        if isinstance(event, Reported):
            steps.append(event.step)

    while not steps:
        executor.pump(feed, 0.1)
    with network.held():
        executor.stop(0)
        while not mark.exists():
            executor.pump(feed, 0.1)
    ended = events_until_ended(executor, feed)[-1]
    executor.close()
    assert isinstance(ended, Completed)
    assert steps == [*range(1, N_REPORTS + 1)]


def test_the_loop_goes_on_while_nothing_arrives(
    far: tuple[Client, SlowNetwork], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither looking for workers, nor a result that is under way, nor a stop holds the kernel."""
    monkeypatch.setattr(dask_workers, "LOOK_EVERY_S", 0.0)
    client, network = far
    mark = tmp_path / "mark"

    def marking() -> float:
        hp.report(1, loss=1.0)
        mark.touch()
        return 0.5

    executor = an_executor(client, marking)
    with network.held():
        for number in (0, 1):
            executor.submit(a_run(number))
        turning = threading.Thread(target=turn, args=(executor,), daemon=True)
        turning.start()
        turning.join(timeout=60)
        assert not turning.is_alive()
        assert not mark.exists()  # nothing result there, either
    ended = events_until_ended(executor)[-1]
    executor.close()
    assert isinstance(ended, Ended | Completed)


def turn(executor: DaskExecutor) -> None:
    """Do what the kernel's loop does, some times."""
    for _ in range(10):
        executor.pump(lambda event: None, 0.05)
        assert executor.n_workers == 2
    executor.stop(0)
    executor.pump(lambda event: None, 0.05)
