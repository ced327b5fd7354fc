"""The engine where trainings wait."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hpo_magic.core.domains import Float
from hpo_magic.core.engine import Engine
from hpo_magic.core.epochs_spent import trainings_worth
from hpo_magic.core.events import (
    Completed,
    Continue,
    Ended,
    Failed,
    Finish,
    FinishAsked,
    Freed,
    Outcome,
    Reported,
    Restarted,
    Run,
    Save,
    Skipped,
    StopAsked,
    StopTrial,
    Suspend,
)
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Turn, Verdict
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Failure, Goal, History, State, Trial
from hpo_magic.samplers.random import RandomSampler

GOAL = Goal("loss", Direction.MINIMIZE)
X = Parameter("x", Float(0.0, 1.0), 0.5)
LENGTH = 10
ACTIONS = ["free", "step", "step", "step", "fail", "skip", "want", "stop", "die"]


class TakingTurns:
    """A pruner that gives each training some steps, the one that trained least first."""

    def __init__(self, n_steps: int = 2, most: int = 5) -> None:
        self.n_steps, self.most = n_steps, most

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return that every training goes on."""
        return Verdict.KEEP

    def turn(self, space: Space, history: History, seed: int, n_left: float) -> Turn | None:
        """Return a new training until there are enough, else the one that came the least far."""
        if not history.complete:
            return None
        waiting = [t for t in history.trials if t.state is State.WAITING]
        if len(waiting) < self.most and n_left >= 1:
            return Turn(None, self.n_steps)
        if not waiting:
            return Turn(None, None)
        one = min(waiting, key=lambda t: (len(t.curve), t.number))
        return Turn(one.number, len(one.curve) + self.n_steps)

    def to_drop(self, space: Space, history: History, seed: int) -> int:
        """Return the waiting trial that came the least far."""
        waiting = [t for t in history.trials if t.state is State.WAITING]
        return min(waiting, key=lambda t: (len(t.curve), -t.number)).number


class Driver:
    """An executor and a runner without threads, disk or clock; it checks every command.

    A training waits at the worker where it was at work, and there is `room` at each.
    """

    def __init__(self, engine: Engine, room: int = 3, n_workers: int = 1) -> None:
        self.engine, self.room, self.n_workers = engine, room, n_workers
        self.at = 0.0
        self.running: dict[int, int] = {}  # steps taken, by number
        self.waiting: dict[int, int] = {}
        self.places: dict[int, int] = {}  # the worker of each training
        self.stopping: set[int] = set()
        self.params: dict[int, dict[str, Any]] = {}
        self.saved: dict[int, Trial] = {}
        self.ended: list[int] = []
        self.finish: Finish | None = None
        self.n_next = 0

    def feed(self, event: Any) -> None:
        """Give an event to the engine, and check and carry out its commands."""
        self.at += 1.0
        for command in self.engine.handle(event):
            match command:
                case Run():
                    assert command.number not in self.saved or command.number not in self.ended
                    self.places[command.number] = min(self.idle())
                    self.running[command.number] = 0
                    self.params[command.number] = dict(command.params)
                case Suspend():
                    self.waiting[command.number] = self.running.pop(command.number)
                case Continue() if command.number in self.running:
                    assert isinstance(event, Reported)
                    assert event.number == command.number
                case Continue():
                    assert self.places[command.number] in self.idle()
                    self.running[command.number] = self.waiting.pop(command.number)
                case StopTrial():
                    assert command.number in {*self.running, *self.waiting}
                    self.stopping.add(command.number)
                case Save():
                    self.saved[command.trial.number] = command.trial
                case Finish():
                    assert not self.running
                    assert not self.waiting
                    self.finish = command
        for place in range(self.n_workers):
            waiting = self.at_hand({place})
            assert len(waiting) <= self.room + len(self.stopping & waiting)

    def idle(self) -> set[int]:
        """Return the workers at which no training is at work."""
        return set(range(self.n_workers)) - {self.places[number] for number in self.running}

    def at_hand(self, places: set[int]) -> frozenset[int]:
        """Return the trainings that wait at these workers."""
        return frozenset(number for number in self.waiting if self.places[number] in places)

    def die(self, place: int) -> None:
        """Lose a worker: what waits there is lost, what is at work there begins again."""
        for number in self.at_hand({place}):
            outcome = self.outcome(number, None)
            self.end(number, Ended(number, outcome, self.at, is_lost=True))
        for number in [n for n in self.running if self.places[n] == place]:
            self.running[number] = 0
            self.feed(Restarted(number, self.at))

    def free(self) -> None:
        """Offer a free worker."""
        if len(self.running) < self.n_workers and self.finish is None:
            number = self.n_next
            self.feed(Freed(number, self.at, self.room, self.at_hand(self.idle())))
            self.n_next += number in self.running

    def outcome(self, number: int, value: float | None) -> Outcome:
        """Return what a training measured."""
        params = {"x": 0.5, **self.params[number]}
        return Outcome(params, (X,), value, GOAL if value is not None else None)

    def step(self, number: int, *, fails: bool = False) -> None:
        """Let a training take a step, or end."""
        if number in self.stopping:
            self.end(number, Ended(number, self.outcome(number, None), self.at))
        elif fails:
            outcome = self.outcome(number, None)
            self.end(number, Failed(number, Failure("E", "no"), outcome, self.at))
        elif self.running[number] == LENGTH:
            self.end(number, Completed(number, self.outcome(number, 1.0 / (1 + number)), self.at))
        else:
            self.running[number] += 1
            loss = {"loss": 1.0 / self.running[number]}
            at, params = self.at, {"x": 0.5, **self.params[number]}
            step = self.running[number]
            near = self.at_hand({self.places[number]})
            self.feed(Reported(number, step, loss, at, LENGTH, self.room, params, near))

    def end(self, number: int, event: Any) -> None:
        """Feed the end of a training that runs or waits."""
        self.running.pop(number, None)
        self.waiting.pop(number, None)
        self.stopping.discard(number)
        self.ended.append(number)
        self.feed(event)


def engine_of(n_trials: int = 8, **plan: Any) -> Engine:
    """Return an engine of a search in which trainings take turns."""
    pruner = TakingTurns()
    made = Plan("a", RandomSampler(), (GOAL,), n_trials, pruner=pruner, n_waiting=3, **plan)
    return Engine(made)


def run_to_the_end(driver: Driver) -> None:
    """Run one training at a time until the search has finished."""
    for _ in range(2_000):
        if driver.finish is not None:
            return
        driver.free()
        for number in [*driver.running, *(n for n in driver.waiting if n in driver.stopping)][:1]:
            driver.step(number)
    raise AssertionError("the search does not end")


def test_more_trainings_begin_than_the_budget_has() -> None:
    """The budget is of epochs; only complete trainings have a value; what waits is given up."""
    driver = Driver(engine_of())
    run_to_the_end(driver)
    trials = driver.engine.history().trials
    assert len(trials) > 8
    assert 8 <= trainings_worth(trials) < 9
    assert {t.state for t in trials} == {State.COMPLETE, State.PRUNED}
    assert all((t.value is not None) == (t.state is State.COMPLETE) for t in trials)
    assert all(len(t.curve) == LENGTH for t in trials if t.state is State.COMPLETE)
    assert driver.engine.snapshot(0.0).counts_epochs


def test_a_waiting_trial_is_on_disk_as_it_is() -> None:
    """Its state, its curve so far, and the time that it worked."""
    driver = Driver(engine_of())
    while not driver.waiting:
        driver.free()
        driver.step(next(iter(driver.running)))
    number = next(iter(driver.waiting))
    stored = driver.saved[number]
    assert stored.state is State.WAITING
    assert [point.step for point in stored.curve] == [1, 2]
    assert stored.params == {"x": driver.params[number]["x"]}


def test_waiting_is_no_work() -> None:
    """Neither the time limit of a trial nor its duration counts it."""
    driver = Driver(engine_of(timeout_s=40.0))
    run_to_the_end(driver)
    trials = driver.engine.history().trials
    assert State.FAILED not in {trial.state for trial in trials}
    assert all(t.duration_s <= 30 for t in trials if t.duration_s is not None)
    assert driver.at > 150


def test_the_user_has_one_finished() -> None:
    """It goes on before all others, to its end."""
    driver = Driver(engine_of())
    while len(driver.waiting) < 3:
        driver.free()
        driver.step(next(iter(driver.running)))
    wanted = max(driver.waiting)
    driver.feed(FinishAsked(wanted))
    while wanted not in driver.ended:
        driver.free()
        assert len(driver.running) == 1
        before = set(driver.running)
        driver.step(next(iter(driver.running)))
        if wanted in before:
            assert wanted in driver.running or wanted in driver.ended
    assert driver.saved[wanted].state is State.COMPLETE


def test_a_waiting_one_is_skipped() -> None:
    """It ends as skipped, where it waits."""
    driver = Driver(engine_of())
    while not driver.waiting:
        driver.free()
        driver.step(next(iter(driver.running)))
    number = next(iter(driver.waiting))
    driver.feed(Skipped(number))
    assert driver.stopping == {number}
    driver.step(number)
    assert driver.saved[number].state is State.SKIPPED


def test_a_stop_ends_all() -> None:
    """Those that wait are stopped, and their settings may be tried again."""
    driver = Driver(engine_of())
    while len(driver.waiting) < 3:
        driver.free()
        driver.step(next(iter(driver.running)))
    driver.free()
    driver.feed(StopAsked(driver.at))
    assert driver.stopping == {*driver.running, *driver.waiting}
    stopped = set(driver.stopping)
    run_to_the_end(driver)
    assert {driver.saved[number].state for number in stopped} == {State.STOPPED}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 20)), max_size=100),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_any_order_of_events(actions: list[tuple[str, int]], room: int, n_workers: int) -> None:
    """No trial is lost, none ends twice, no more wait than there is room for, and it ends.

    What waits is taken up where it waits, and only what waited at a lost worker is lost.
    """
    driver = Driver(engine_of(), room, n_workers)
    driver.free()
    while 0 not in driver.ended:
        driver.step(0)
    for action, which in actions:
        if driver.finish is not None:
            break
        live = sorted({*driver.running, *(n for n in driver.waiting if n in driver.stopping)})
        if action == "free":
            driver.free()
        elif action in ("skip", "want"):
            driver.feed((Skipped if action == "skip" else FinishAsked)(which))
        elif action == "die":
            driver.die(which % n_workers)
        elif action == "stop" and which == 0:
            driver.feed(StopAsked(driver.at))
        elif live:
            driver.step(live[which % len(live)], fails=action == "fail")
    run_to_the_end(driver)
    assert len(driver.ended) == len(set(driver.ended))
    assert {n for n, t in driver.saved.items() if t.state.is_open} == set()
    assert set(driver.saved) == set(driver.ended)


def test_what_waited_at_a_lost_worker_may_be_tried_again() -> None:
    """It is stopped, not skipped; its curve stays, and the search goes on."""
    driver = Driver(engine_of(), room=3, n_workers=2)
    driver.free()
    while 0 not in driver.ended:
        driver.step(0)
    while not driver.waiting:
        driver.free()
        driver.step(next(iter(driver.running)))
    number = next(iter(driver.waiting))
    driver.die(driver.places[number])
    assert driver.saved[number].state is State.STOPPED
    assert driver.saved[number].curve
    run_to_the_end(driver)
    assert len(driver.ended) == len(set(driver.ended))
