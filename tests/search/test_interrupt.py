"""The interrupt: it ends the search, at the next batch, or where user code passes none.

These send themselves real signals; pytest runs in the main thread, where they arrive.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Finish, Reason
from hpo_magic.core.plan import Plan
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.trial import Direction, Goal, State
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.hp import hp
from hpo_magic.search import interrupt
from hpo_magic.search.interrupt import interruptible
from hpo_magic.search.requests import UserRequests
from hpo_magic.search.runner import Runner
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.fakes import FakeListener, FakeObjective, FakeSampler


def press() -> None:
    """Press the kernel's stop button."""
    os.kill(os.getpid(), signal.SIGINT)


def searched(
    train: Callable[[], object], listener: FakeListener | None = None
) -> tuple[Finish, list[State], SerialExecutor]:
    """Search `train` as a notebook does; return the end, and the states of the trials."""
    requests, storage = UserRequests(), SqliteStorage(None)
    record = storage.create(StudyRecord(0, "s", 0, (Goal("value", Direction.MINIMIZE),), 0))
    executor = SerialExecutor(TrialExecution(FakeObjective(train), goals=Direction.MINIMIZE))
    plan = Plan("s", FakeSampler(), (Goal("value", Direction.MINIMIZE),), n_trials=5)
    listeners = [listener] if listener else []
    runner = Runner(Engine(plan), executor, storage, record, listeners, requests)
    before = signal.getsignal(signal.SIGINT)
    with interruptible(requests, executor):
        finish = runner.run()
    assert signal.getsignal(signal.SIGINT) is before
    return finish, [trial.state for trial in storage.trials(record.id)], executor


def test_an_interrupt_ends_the_search_at_the_next_report() -> None:
    """A training that passes batches is not torn apart: no exception but at a batch."""
    torn: list[str] = []
    n_runs = 0

    def train() -> float:
        nonlocal n_runs
        n_runs += 1
        hp.Float("lr", 0, 1)
        hp.report(loss=1.0)
        if n_runs == 2:
            try:
                press()
            except KeyboardInterrupt:
                torn.append("between two batches")
            hp.report(loss=0.5)
            torn.append("after the batch")
        return 0.5

    finish, states, _ = searched(train)
    assert finish.reason is Reason.STOPPED
    assert states == [State.COMPLETE, State.STOPPED]
    assert torn == []


def test_code_that_passes_no_batch_is_interrupted_where_it_is() -> None:
    """A cell that fits a scikit-learn model gets Python's own exception."""
    reached: list[str] = []

    def train() -> float:
        hp.Float("lr", 0, 1)
        press()
        reached.append("the next line")
        return 0.5

    finish, states, _ = searched(train)
    assert (finish.reason, states, reached) == (Reason.STOPPED, [State.STOPPED], [])


def test_the_second_press_does_not_wait_for_a_batch() -> None:
    """Who presses twice means it."""
    reached: list[str] = []

    def train() -> float:
        hp.report(loss=1.0)
        press()
        reached.append("the line after the first")
        press()
        reached.append("the line after the second")
        return 0.5

    finish, states, _ = searched(train)
    assert (finish.reason, states) == (Reason.STOPPED, [State.STOPPED])
    assert reached == ["the line after the first"]


def test_a_press_without_effect_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that passes no further batch gets the exception after a while."""
    monkeypatch.setattr(interrupt, "PATIENCE_S", 0.05)
    reached: list[str] = []

    def train() -> float:
        hp.report(loss=1.0)
        press()
        reached.append("the line after")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            time.sleep(0.01)
        reached.append("the end")
        return 0.5

    finish, states, _ = searched(train)
    assert (finish.reason, states) == (Reason.STOPPED, [State.STOPPED])
    assert reached == ["the line after"]


def test_an_interrupt_that_the_code_swallows_ends_the_trial_all_the_same() -> None:
    """TensorFlow turns it into an error of its own."""

    def train() -> float:
        try:
            press()
        except KeyboardInterrupt:
            raise ValueError("cancelled") from None
        return 0.5

    finish, states, _ = searched(train)
    assert (finish.reason, states) == (Reason.STOPPED, [State.STOPPED])


def test_no_code_of_ours_is_interrupted() -> None:
    """A press while the panel draws is taken up after it."""
    drawn: list[bool] = []

    class Panel(FakeListener):
        def notice(self, event: object, snapshot: object) -> None:
            if not drawn:
                press()
            drawn.append(True)

    finish, states, _ = searched(lambda: hp.Float("lr", 0, 1), Panel())
    assert (finish.reason, states) == (Reason.STOPPED, [])
    assert drawn


def test_no_interrupt_comes_after_the_search() -> None:
    """The repetition that was due is called off with the search."""

    def train() -> float:
        hp.Float("lr", 0, 1)
        press()
        return 0.5

    searched(train)
    timers = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    assert all(timer.finished.is_set() for timer in timers)


def test_the_handler_is_put_back_after_an_error() -> None:
    """Whatever ends the block."""
    before = signal.getsignal(signal.SIGINT)
    executor = SerialExecutor(TrialExecution(FakeObjective(lambda: 0.5)))
    with pytest.raises(ValueError, match="no"), interruptible(UserRequests(), executor):
        raise ValueError("no")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_search_in_another_thread_leaves_the_signal_alone() -> None:
    """Only the main thread receives signals, so there is nothing to handle."""
    before = signal.getsignal(signal.SIGINT)
    found: list[object] = []

    def run() -> None:
        executor = SerialExecutor(TrialExecution(FakeObjective(lambda: 0.5)))
        with interruptible(UserRequests(), executor):
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert found == [before]
