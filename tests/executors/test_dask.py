"""The executor on Dask, and what may go wrong there. Worker processes take seconds to start."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo_magic.core.events import Completed, Ended, Failed, Noted, Restarted, StopAsked
from hpo_magic.core.trial import Direction
from hpo_magic.executors.cluster import own_cluster
from hpo_magic.executors.dask import DaskExecutor
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.hp import hp
from hpo_magic.testing.executors import a_run, events_until_ended
from hpo_magic.testing.fakes import FakeObjective

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return a client of two workers of our own."""
    with own_cluster(2, []) as client:
        yield client


def an_executor(client: Any, function: Any, **options: Any) -> DaskExecutor:
    """Return an executor that trains `function`; its value is minimized."""
    task = dumps_task(TrialExecution(FakeObjective(function), (), Direction.MINIMIZE))
    return DaskExecutor(client, task, is_own=True, **options)


def dying_once(mark: Path) -> Any:
    """Return what kills its worker the first time, after a report."""

    def train() -> float:
        hp.report(loss=1.0)
        time.sleep(0.3)  # the report is on its way
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 0.5

    return train


def test_a_training_whose_worker_dies_runs_once_more(client, tmp_path: Path) -> None:
    """On another worker; the user is told, and what the lost one reported is forgotten."""
    executor = an_executor(client, dying_once(tmp_path / "mark"))
    executor.submit(a_run(3))
    events = events_until_ended(executor)
    executor.close()
    assert isinstance(events[-1], Completed)
    assert [e.number for e in events if isinstance(e, Restarted)] == [3]
    (told,) = [e.notice for e in events if isinstance(e, Noted)]
    assert told == "Trial 3 was restarted: its worker died during the training."


def test_a_training_that_kills_two_workers_has_failed(client) -> None:
    """It does not take the others, too."""

    def deadly() -> float:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0.5

    executor = an_executor(client, deadly)
    executor.submit(a_run(4))
    ended = events_until_ended(executor)[-1]
    executor.close()
    assert isinstance(ended, Failed)
    assert (ended.number, ended.failure.error) == (4, "WorkerDied")
    assert "out of memory" in ended.failure.message


@pytest.mark.parametrize("library", [ctypes.CDLL, ctypes.PyDLL])
def test_a_training_that_passes_no_batch_is_taken_off(client, tmp_path: Path, library) -> None:
    """Its worker is killed; another one comes, and trains.

    Code that holds the interpreter (`PyDLL`) lets its worker not even say that it has begun.
    """
    mark = tmp_path / "mark"

    def hanging() -> float:
        if hp.Float("x", 0.0, 1.0) > 0.5:
            mark.touch()
            library(None).sleep(1000)
        return 0.5

    executor = an_executor(client, hanging, grace_s=1.0)
    executor.submit(a_run(0, x=0.9))
    while not mark.exists():
        executor.pump(lambda event: None, 0.1)
    executor.stop(0)
    assert isinstance(events_until_ended(executor)[-1], Ended)
    while executor.n_workers < 2:  # the killed one is gone, and another one is there
        executor.pump(lambda event: None, 0.1)
    for number in (1, 2):
        executor.submit(a_run(number, x=0.1))
    assert isinstance(events_until_ended(executor)[-1], Completed)
    assert isinstance(events_until_ended(executor)[-1], Completed)
    executor.close()


def test_names_of_one_training_are_known_to_the_next(client) -> None:
    """What a worker finds out of unnamed calls comes home."""
    executor = an_executor(client, lambda: 0.5, names={"a": "b"})
    executor.submit(a_run(0))
    events_until_ended(executor)
    executor.close()
    assert executor.names == {"a": "b"}


def pids_of(client: Any, n_trainings: int, function: Any, **options: Any) -> list[int]:
    """Return the processes that trained one after another, with workers that are renewed."""
    executor = an_executor(client, function, is_renewed=True, **options)
    pids = []
    for number in range(n_trainings):
        while not executor.n_workers:  # the only one is on its way
            executor.pump(lambda event: None, 0.1)
        executor.submit(a_run(number))
        ended = events_until_ended(executor)[-1]
        assert isinstance(ended, Completed), ended
        pids.append(int(ended.outcome.value or 0))
    executor.close()
    return pids


@pytest.fixture(scope="module")
def alone() -> Iterator[Any]:
    """Return a client of one worker of our own."""
    with own_cluster(1, []) as client:
        yield client


def test_a_worker_is_renewed_after_so_many_trainings(alone) -> None:
    """Its process is another one then, and not before."""
    pids = pids_of(alone, 5, lambda: float(os.getpid()), renew_after_trials=2)
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_a_worker_is_renewed_when_its_memory_has_grown(alone) -> None:
    """Trainings that leak 50 MB each; what the first one took is the worker's own."""
    held = "held_by_the_test_of_leaks"

    def leaking() -> float:
        import sys

        kept = sys.modules.setdefault(held, [])  # type: ignore[arg-type]
        kept.append(b"x" * 50 * 2**20)
        return float(os.getpid())

    pids = pids_of(alone, 7, leaking, renew_after_bytes=120 * 2**20)
    # 50 MB after the first, the base; 150 MB more after the fourth.
    assert pids[0] == pids[3] != pids[4] == pids[6]


def test_a_worker_that_does_not_grow_is_kept(alone) -> None:
    """A renewal costs seconds."""
    assert len(set(pids_of(alone, 5, lambda: float(os.getpid())))) == 1


def test_a_cluster_that_is_gone_ends_the_search() -> None:
    """In one sentence; the training counts as stopped, so it is run again."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        executor = an_executor(client, lambda: time.sleep(1000))
        executor.submit(a_run(0))
        cluster.close()
        events = events_until_ended(executor)
        executor.close()
    assert [type(event) for event in events[-3:]] == [Noted, StopAsked, Ended]
    assert "Finished trials are stored; run the cell again to continue." in events[-3].notice


def test_workers_that_never_come_again_end_the_search(monkeypatch) -> None:
    """It would wait for ever; the sentence says what to do."""
    monkeypatch.setattr("hpo_magic.executors.dask.ALONE_S", 0.2)
    with own_cluster(1, []) as client:
        executor = an_executor(client, lambda: time.sleep(1000))
        executor.submit(a_run(0))
        client.cluster.scale(0)
        events = events_until_ended(executor)
        executor.close()
    assert [type(event) for event in events[-3:]] == [Noted, StopAsked, Ended]
    assert events[-3].notice == (
        "No worker process has started for 0 s. Finished trials are stored; run the cell again to "
        "continue."
    )


def test_all_workers_are_back(client) -> None:
    """However many were killed and renewed."""
    client.wait_for_workers(2, timeout=200)
