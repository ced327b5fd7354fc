"""The engine under any order of events, and taken up again from disk."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from engine_runs import BROKEN, LR, UNITS, a_plan, a_space, a_trial, an_outcome
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Command,
    Completed,
    Ended,
    Enqueued,
    Failed,
    Finish,
    Freed,
    Joined,
    Noted,
    Outcome,
    Reported,
    Run,
    Save,
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.honesty.rechecking import Rechecking

RECHECKS = st.sampled_from(["0", "auto", "2x2"]).map(Rechecking)


class Search:
    """Does what the engine says, and checks that it may say so."""

    def __init__(self, engine: Engine, n_workers: int) -> None:
        self.engine = engine
        self.n_workers = n_workers
        self.saved = {t.number: t for t in engine.snapshot(0.0).trials}
        self.running: dict[int, Run] = {}
        self.n_starts_of_own = 0
        self.stopped: set[int] = set()
        self.finish: Finish | None = None
        self.at = 0.0

    def feed(self, event: Any) -> None:
        """Hand over an event, and carry out the commands."""
        assert self.finish is None
        self.at += 1.0
        for command in self.engine.handle(event):
            assert self.finish is None, "nothing follows the end"
            self.carry_out(command)
        snapshot = self.engine.snapshot(self.at)
        numbers = [t.number for t in snapshot.trials]
        assert numbers == sorted(numbers)
        assert {t.number for t in snapshot.set_aside}.isdisjoint(numbers)
        mine = {t.number for t in snapshot.trials if t.state is State.RUNNING}
        assert set(self.running) <= mine
        assert snapshot.is_live == (self.finish is None and self.engine.ending is None) or bool(
            self.running
        )

    def carry_out(self, command: Command) -> None:
        match command:
            case Save(trial) if trial.state is State.RUNNING:
                assert trial.number not in self.saved, "a number is given once"
                self.saved[trial.number] = trial
            case Save(trial):
                assert self.running.pop(trial.number, None), "a trial ends once"
                self.saved[trial.number] = trial
                self.stopped.discard(trial.number)
            case Run(number):
                assert self.saved[number].state is State.RUNNING, "saved before it runs"
                assert number not in self.running
                assert self.engine.ending is None, "nothing starts after the end"
                self.running[number] = command
                assert len(self.running) <= self.n_workers
                n_trials = self.engine.plan.n_trials
                taken = [t for t in self.saved.values() if t.state is not State.STOPPED]
                assert n_trials is None or len(taken) <= n_trials, "the budget holds"
            case StopTrial(number):
                assert number in self.running, "only what runs is stopped"
                self.stopped.add(number)
            case Finish():
                assert not self.running, "the end comes last"
                self.finish = command

    def offer(self) -> None:
        """Offer a worker if one is free."""
        if len(self.running) < self.n_workers:
            self.feed(Freed(max(self.saved, default=-1) + 1, self.at))

    def pick(self, index: int) -> Run | None:
        """Return one of the running trainings."""
        return sorted(self.running.items())[index % len(self.running)][1] if self.running else None

    def run_out(self) -> None:
        """Let everything that runs complete, and offer workers until the end."""
        for _ in range(200):
            if self.finish is not None:
                return
            self.offer()
            run = self.pick(0)
            if run is not None and self.finish is None:
                self.feed(Completed(run.number, an_outcome(run.params, UNITS, value=1.0), self.at))
        raise AssertionError("the search does not end")


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["offer"] * 6
            + ["complete", "complete", "branch", "fail", "end", "report", "again", "skip"]
            + ["tick", "enqueue", "join", "join running", "note"]
        ),
        st.integers(0, 20),
    ),
    max_size=40,
)


def act(search: Search, action: str, index: int) -> None:  # noqa: C901  (a line for each action)
    """Let something happen."""
    run = search.pick(index)
    number = max(search.saved, default=-1) + 1
    match action, run:
        case "offer", _:
            search.offer()
        case "complete", Run():
            outcome = an_outcome(run.params, UNITS, value=float(index))
            search.feed(Completed(run.number, outcome, search.at))
        case "branch", Run():
            outcome = an_outcome(run.params, UNITS, LR, value=float(index))
            search.feed(Completed(run.number, outcome, search.at))
        case "fail", Run():
            event = Failed(run.number, BROKEN, an_outcome(run.params, UNITS), search.at, index == 0)
            search.feed(event)
        case "end", Run():
            search.feed(Ended(run.number, an_outcome(run.params, UNITS), search.at))
        case "report", Run():
            search.feed(Reported(run.number, index, {"loss": 1.0}, search.at))
        case "again", _:
            search.feed(Completed(index, Outcome(value=0.0), search.at))
        case "skip", _:
            search.feed(Skipped(index))
        case "tick", _:
            search.feed(Ticked(search.at))
        case "enqueue", _:
            search.feed(Enqueued({"units": 1 + index % 9}))
        case "note", _:
            search.feed(Noted("A sentence."))
        case "join", _:
            search.saved[number] = a_trial(number, kind=Kind.SEARCH)
            search.feed(Joined((search.saved[number],), a_space(UNITS)))
        case "join running", _:
            search.saved[number] = a_trial(number, State.RUNNING, kind=Kind.SEARCH)
            search.feed(Joined((search.saved[number],), a_space(UNITS)))


@settings(deadline=None)
@given(ACTIONS, st.integers(1, 4), st.integers(1, 12), st.integers(0, 3), st.booleans(), RECHECKS)
def test_any_order_of_events_leads_to_one_end(
    actions: list[tuple[str, int]],
    n_workers: int,
    n_trials: int,
    n_before: int,
    timed: bool,
    rechecker: Rechecking,
) -> None:
    """Numbers are unique, trials are saved before they run and end once, the budget holds.

    The search ends once, when nothing runs; and it does end.
    """
    before = [a_trial(n) for n in range(n_before)]
    time_s = 25.0 if timed else None
    plan = a_plan(n_trials=n_trials, time_s=time_s, rechecker=rechecker)
    search = Search(Engine(plan, a_space(UNITS) if before else None, before), n_workers)
    for action, index in actions:
        if search.finish is None:
            act(search, action, index)
    search.run_out()


@settings(deadline=None)
@given(ACTIONS, st.integers(1, 4), st.integers(0, 40))
def test_the_user_can_end_the_search_at_any_moment(
    actions: list[tuple[str, int]], n_workers: int, moment: int
) -> None:
    """Every running trial is told to stop, and the end comes when they have."""
    search = Search(Engine(a_plan()), n_workers)
    for action, index in actions[:moment]:
        if search.finish is None:
            act(search, action, index)
    if search.finish is None:
        search.feed(StopAsked(search.at))
        assert search.stopped == set(search.running)
        for run in list(search.running.values()):
            search.feed(Ended(run.number, an_outcome(run.params, UNITS), search.at))
            # One that the user was ending already was skipped.
            assert search.saved[run.number].state in (State.STOPPED, State.SKIPPED)
        search.offer()
    assert search.finish is not None


# Resume equals continue.


def train(run: Run, selection_bias: int) -> Any:
    """Return how a training with a branch goes: it fails now and then, but not at the start."""
    units = UNITS.domain.nearest(run.params.get("units", UNITS.default))
    assert isinstance(units, int)
    parameters: Iterable[Parameter] = (UNITS, LR) if units > 5 else (UNITS,)
    if (run.number + selection_bias) % 5 == 0 and run.number:
        outcome = an_outcome({**run.params, "units": units}, *parameters)
        return Failed(run.number, BROKEN, outcome, 10.0 * run.number + 3.0)
    outcome = an_outcome(
        {**run.params, "units": units}, *parameters, value=units / 7 + selection_bias
    )
    return Completed(run.number, outcome, 10.0 * run.number + 3.0)


def stored(engine: Engine) -> Engine:
    """Return an engine made of what is on disk of another one, by way of JSON."""
    trials = json.loads(json.dumps([t.to_json() for t in engine.snapshot(0.0).trials]))
    space = json.loads(json.dumps(engine.space.to_json()))
    return Engine(engine.plan, Space.from_json(space), map(Trial.from_json, trials))


def one_more(engine: Engine, selection_bias: int) -> tuple[Command, ...]:
    """Run the next trial; return all commands on the way."""
    number = engine.next_number()
    commands = engine.handle(Freed(number, 10.0 * number))
    if not isinstance(commands[-1], Run):
        return commands
    return commands + engine.handle(train(commands[-1], selection_bias))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 10), st.integers(0, 4), st.integers(1, 12), RECHECKS)
def test_resume_equals_continue(
    n_first: int, selection_bias: int, n_trials: int, rechecker: Rechecking
) -> None:
    """A search that is taken up from disk goes on exactly as if it had never stopped."""
    going_on = Engine(a_plan(n_trials=n_trials, seed=selection_bias, rechecker=rechecker))
    for _ in range(min(n_first, n_trials)):
        one_more(going_on, selection_bias)
    resumed = stored(going_on)
    for _ in range(n_trials - n_first + 1):
        assert one_more(resumed, selection_bias) == one_more(going_on, selection_bias)
    assert resumed.space == going_on.space
    assert list(resumed.space) == list(going_on.space)
