"""Trainings that wait in workers. The worker processes are started once for all tests."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hpo_magic.core.events import Completed, Ended, Event, Noted, Reported, Restarted, Run
from hpo_magic.core.trial import Direction, Kind, State
from hpo_magic.executors.cluster import own_cluster
from hpo_magic.executors.dask_waiting import WaitingDaskExecutor
from hpo_magic.executors.training_task import dumps_task
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.frameworks import all_frameworks
from hpo_magic.language.hp import hp
from hpo_magic.testing.executors import events_until_ended
from hpo_magic.testing.fakes import FakeObjective
from tests.executors.interleaving import ENDS, alone
from tests.executors.test_suspended import changing_the_process, drawing, failing_at_times, outcomes
from tests.executors.test_suspended_libraries import PARAMS as FEW
from tests.executors.test_suspended_libraries import keras_fit, scikit_learn
from tests.search.test_waiting_searches import training, waiting

pytestmark = pytest.mark.slow

PARAMS = [{"x": x} for x in (0.1, 0.3, 0.5, 0.7, 0.9)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return a client of two workers of our own."""
    frameworks = all_frameworks()
    with own_cluster(2, frameworks) as client:
        yield client


def executor_on(client: Any, function: Any) -> WaitingDaskExecutor:
    """Return an executor whose trainings may wait, after a first training that is watched."""
    execution = TrialExecution(FakeObjective(function), all_frameworks(), Direction.MINIMIZE)
    executor = WaitingDaskExecutor(client, dumps_task(execution, waits=True), is_own=True)
    assert executor.room == 0
    executor.submit(Run(0, {}, Kind.START, 7))
    events_until_ended(executor)
    assert executor.room > 0
    return executor


def interleaved_on(
    executor: WaitingDaskExecutor, params: Sequence[dict[str, Any]], seed: int = 0
) -> tuple[list[Event], int]:
    """Return how trainings end that wait at random in two workers, and how often they waited."""
    rng, n_suspended = random.Random(seed), 0
    runs = [Run(n, one, Kind.SEARCH, 7, until=1) for n, one in enumerate(params, start=1)]
    waiting: set[int] = set()
    running: set[int] = set()
    ends: dict[int, Event] = {}

    def feed(event: Event) -> None:
        nonlocal n_suspended
        if isinstance(event, ENDS):
            ends[event.number] = event
            running.discard(event.number)
        if isinstance(event, Reported) and event.room and rng.random() < 0.7:
            executor.suspend(event.number)
            waiting.add(event.number)
            running.discard(event.number)
            n_suspended += 1

    while len(ends) < len(params):
        while len(running) < executor.n_workers:
            near = sorted(executor.at_hand & waiting)
            if runs and (not near or rng.random() < 0.5):
                running.add(runs[0].number)
                executor.submit(runs.pop(0))
            elif near:
                number = rng.choice(near)
                waiting.discard(number)
                running.add(number)
                executor.go_on(number, 1)
            else:
                break
        executor.pump(feed, 0.1)
    executor.close()
    return [ends[number] for number in sorted(ends)], n_suspended


@pytest.mark.parametrize("function", [drawing, changing_the_process, failing_at_times])
def test_a_training_that_waited_in_a_worker_gives_the_same(client, function: Any) -> None:
    """To the last digit, with its own output and its own end, as in the kernel one by one."""
    ends, n_suspended = interleaved_on(executor_on(client, function), PARAMS)
    assert n_suspended >= 5
    assert outcomes(ends) == outcomes(alone(function, PARAMS))


def reporting_much() -> float:
    """Draw between reports of so many numbers that Dask measures some of them, by chance."""
    total = 0.0
    for step in range(1, 40):
        total += random.random()
        hp.report(step, loss=total, **{f"m{k}": total for k in range(60)})
        time.sleep(0.02)
    return total


def test_what_dask_draws_is_none_of_a_trainings(client) -> None:
    """The worker's event loop has a random stream of its own."""
    executor = executor_on(client, reporting_much)
    executor.submit(Run(1, {}, Kind.SEARCH, 7))
    ended = events_until_ended(executor)[-1]
    executor.close()
    assert isinstance(ended, Completed)
    stream = random.Random(7)
    drawn = [stream.random() for _ in range(39)]
    # The same draws, added one by one: since Python 3.12 `sum` rounds once.
    assert ended.outcome.value == pytest.approx(sum(drawn), rel=1e-12)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("function", [scikit_learn, keras_fit])
def test_so_do_trainings_of_libraries(client, function: Any) -> None:
    """In the middle of their own loops."""
    library = {scikit_learn: "sklearn", keras_fit: "keras"}[function]
    pytest.importorskip(library)
    client.run(__import__, library)
    ends, n_suspended = interleaved_on(executor_on(client, function), FEW, 1)
    assert n_suspended >= 2
    assert all(isinstance(end, Completed) for end in ends)
    assert [e.outcome for e in ends] == [e.outcome for e in alone(function, FEW)]


def marking(folder: Path) -> Any:
    """Return a training that names its process in a file of its own, and marks its end."""

    def train() -> float:
        name = str(int(100 * hp.Float("x", 0.0, 1.0)))
        try:
            for step in range(1, 7):
                hp.report(step, loss=1.0)
                time.sleep(0.02)
        finally:
            (folder / name).write_text(str(os.getpid()))
        return 0.5

    return train


def suspended_on(executor: WaitingDaskExecutor, numbers: Sequence[int]) -> None:
    """Begin trainings with these numbers, and have each wait."""
    waiting: set[int] = set()

    def feed(event: Event) -> None:
        if isinstance(event, Reported) and event.room and event.step == 2:
            waiting.add(event.number)
            executor.suspend(event.number)

    for number in numbers:
        executor.submit(Run(number, {"x": number / 100}, Kind.SEARCH, 7, until=2))
        while number not in waiting:
            executor.pump(feed, 0.1)


def test_what_waits_is_stopped_where_it_waits(client, tmp_path: Path, monkeypatch) -> None:
    """Its `finally` runs in its worker; the end of the search ends what waits in the same way."""
    monkeypatch.setattr("hpo_magic.executors.waiting_checks.files_there", lambda strings: {})
    executor = executor_on(client, marking(tmp_path))
    suspended_on(executor, [1, 2, 3])
    executor.stop(2)
    ended = events_until_ended(executor)[-1]
    assert isinstance(ended, Ended)
    assert (ended.number, ended.is_lost) == (2, False)
    assert ended.outcome.params == {"x": 0.02}
    assert {path.name for path in tmp_path.iterdir()} == {"50", "2"}
    executor.close()
    latest = time.monotonic() + 20
    while len(list(tmp_path.iterdir())) < 4 and time.monotonic() < latest:
        time.sleep(0.05)
    assert {path.name for path in tmp_path.iterdir()} == {"50", "1", "2", "3"}


def test_a_lost_worker_takes_what_waited_in_it(client) -> None:
    """It is said; what was at work there begins again, and what waits elsewhere goes on."""

    def long() -> float:
        for step in range(1, 9):
            hp.report(step, loss=float(os.getpid()))
            time.sleep(0.1)
        return float(os.getpid())

    executor = executor_on(client, long)
    suspended_on(executor, [1, 2, 3])
    first = next(iter(executor._waiting.values())).worker
    there = executor._trainings.at([first])
    assert 0 < len(there) < 3  # the workers have about the same number to keep
    at_work, *others = sorted(there)
    executor.go_on(at_work, None)
    pids: list[int] = []

    def kill(event: Event) -> None:
        if isinstance(event, Reported) and event.number == at_work and not pids:
            pids.append(int(event.metrics["loss"]))
            os.kill(pids[0], signal.SIGKILL)

    events: list[Event] = []
    while not any(isinstance(event, Completed) for event in events):
        events += events_until_ended(executor, kill)
    assert [e.number for e in events if isinstance(e, Restarted)] == [at_work]
    lost = [e.number for e in events if isinstance(e, Ended) and e.is_lost]
    assert lost == others
    said = [str(event.notice) for event in events if isinstance(event, Noted)]
    assert any(f"Trial {others[0]} was lost" in text for text in said) == bool(others)
    left = ({1, 2, 3} - there).pop()
    executor.go_on(left, None)
    ended = events_until_ended(executor)[-1]
    assert isinstance(ended, Completed)
    assert ended.number == left
    executor.close()


def test_a_search_on_workers_has_trainings_wait(client, tmp_path: Path) -> None:
    """More begin than the budget has, and what is complete has the value that it has here."""
    study = waiting(training, tmp_path, on=client)
    here = waiting(training, tmp_path / "here", trials=1)
    assert {trial.state for trial in study.trials} == {State.COMPLETE, State.PRUNED}
    assert len(study.trials) > 10
    assert study.trials[0].value == here.trials[0].value
    complete = [trial for trial in study.trials if trial.state is State.COMPLETE]
    assert all(len(trial.curve) == 12 for trial in complete)
    assert study.best_trial.value == min(trial.value for trial in complete)


def test_a_stop_ends_what_waits_in_workers(client, tmp_path: Path) -> None:
    """Finished trials stay; the search ends with the time, not when all have been trained."""
    study = waiting(training, tmp_path, trials=500, on=client, time="3s")
    states = {trial.state for trial in study.trials}
    assert State.COMPLETE in states
    assert states <= {State.COMPLETE, State.PRUNED, State.STOPPED}
