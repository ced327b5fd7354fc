"""The engine: events in, commands out; no clock, no disk, no thread."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import BROKEN, LR, UNITS, a_plan, a_space, a_trial, an_outcome, completed, started

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Ended,
    Failed,
    Finish,
    Freed,
    Outcome,
    Reason,
    Reported,
    Run,
    Save,
    SaveGoal,
    SaveSpace,
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import (
    AskedGoals,
    Direction,
    Goal,
    Kind,
    Point,
    State,
    Trial,
)
from hpo_magic.testing.fakes import FakeSampler


def test_the_first_trial_is_the_start() -> None:
    """It is saved, then run, with no setting: the cell takes its defaults."""
    engine = Engine(a_plan(seed=3))
    trial = Trial(0, State.RUNNING, {}, Kind.START, 3, started=12.0)
    assert engine.handle(Freed(0, 12.0)) == (Save(trial), Run(0, {}, Kind.START, 3, None))


def test_a_completed_trial_is_saved_with_what_it_asked_for() -> None:
    """Its value, its active parameters and the time it took; then the space that it traced."""
    engine = Engine(a_plan())
    started(engine, 0, at=10.0)
    outcome = Outcome(
        {"units": 5}, (UNITS,), 0.5, Goal("value", Direction.MINIMIZE), {"value": 0.5}, "epoch 1\n"
    )
    saved = Trial(
        0,
        State.COMPLETE,
        {"units": 5},
        Kind.START,
        value=0.5,
        metrics={"value": 0.5},
        started=10.0,
        duration_s=2.5,
        output="epoch 1\n",
    )
    assert engine.handle(Completed(0, outcome, 12.5)) == (Save(saved), SaveSpace(a_space(UNITS)))


def test_the_next_trials_are_the_samplers() -> None:
    """It is given the space and the history, and its suggestion is run."""
    engine = Engine(a_plan(sampler=FakeSampler([{"units": 7}, {"units": 2}])))
    completed(engine, started(engine, 0), UNITS, value=0.3)
    run = started(engine, 1)
    assert run == Run(1, {"units": 7}, Kind.SEARCH, 0, to_beat=0.3)
    completed(engine, run, UNITS, value=0.1)
    assert started(engine, 2) == Run(2, {"units": 2}, Kind.SEARCH, 0, to_beat=0.1)


def test_the_space_grows_with_new_branches() -> None:
    """A parameter that was not there before joins; the trials without it still count."""
    engine = Engine(a_plan())
    completed(engine, started(engine, 0), UNITS)
    commands = completed(engine, started(engine, 1), UNITS, LR)
    assert commands[1:] == (SaveSpace(a_space(UNITS, LR)),)
    assert completed(engine, started(engine, 2), UNITS)[1:] == ()
    assert [t.number for t in engine.history().trials] == [0, 1, 2]


def test_reports_make_the_curve() -> None:
    """Each epoch is a point of the trial, saved with it."""
    engine = Engine(a_plan())
    run = started(engine, 0)
    assert engine.handle(Reported(0, 1, {"loss": 0.9}, 1.0)) == ()
    engine.handle(Reported(0, 2, {"loss": 0.5}, 2.0))
    (save, *_) = completed(engine, run, UNITS)
    assert save.trial.curve == (Point(1, {"loss": 0.9}), Point(2, {"loss": 0.5}))


@pytest.mark.parametrize("asked", [(), Direction.MAXIMIZE])
def test_the_goal_is_found_by_the_first_trial(asked: AskedGoals) -> None:
    """Where the user named no metric, what the first value was is put on disk."""
    engine = Engine(a_plan(goals=asked))
    run = started(engine, 0)
    outcome = an_outcome(run.params, UNITS, value=0.5, goal=Goal("val_loss", Direction.MAXIMIZE))
    commands = engine.handle(Completed(0, outcome, 1.0))
    assert commands[-1] == SaveGoal(Goal("val_loss", Direction.MAXIMIZE))
    assert engine.history().direction is Direction.MAXIMIZE
    assert engine.snapshot(2.0).metric == "val_loss"
    assert not any(isinstance(c, SaveGoal) for c in completed(engine, started(engine, 1), UNITS))


def test_a_cell_without_parameters_is_run_once() -> None:
    """There is nothing to search: the start is all there is."""
    engine = Engine(a_plan())
    completed(engine, started(engine, 0))
    assert engine.handle(Freed(1, 2.0)) == (Finish(Reason.EXHAUSTED),)


def test_other_workers_wait_for_the_start() -> None:
    """Until it has traced the space there is nothing to suggest."""
    engine = Engine(a_plan())
    run = started(engine, 0)
    assert engine.handle(Freed(1, 0.0)) == ()
    completed(engine, run, UNITS)
    assert started(engine, 1).kind is Kind.SEARCH
    assert started(engine, 2).kind is Kind.SEARCH


# The end.


@pytest.mark.parametrize("n_trials", [1, 2, 5])
def test_the_search_ends_after_its_trials(n_trials: int) -> None:
    """The start is one of them."""
    engine = Engine(a_plan(n_trials=n_trials))
    for number in range(n_trials):
        assert engine.snapshot(0.0).is_live
        completed(engine, started(engine, number), UNITS)
    assert engine.handle(Freed(n_trials, 9.0)) == (Finish(Reason.TRIALS),)
    assert not engine.snapshot(9.0).is_live
    assert engine.snapshot(9.0).ended is Reason.TRIALS


def test_the_search_ends_when_every_setting_was_tried() -> None:
    """It waits for those that run."""
    engine = Engine(a_plan(sampler=FakeSampler([{"units": 7}])))
    completed(engine, started(engine, 0), UNITS)
    run = started(engine, 1)
    assert engine.handle(Freed(2, 1.0)) == ()
    completed(engine, run, UNITS)
    assert engine.handle(Freed(2, 2.0)) == (Finish(Reason.EXHAUSTED),)


def test_nothing_new_is_started_while_the_last_trials_run() -> None:
    """A free worker is left free, and the search ends with the last trial."""
    engine = Engine(a_plan(n_trials=2), a_space(UNITS), [a_trial(0)])
    run = started(engine, 1)
    assert engine.handle(Freed(2, 1.0)) == ()
    completed(engine, run, UNITS)
    assert engine.handle(Freed(2, 2.0)) == (Finish(Reason.TRIALS),)


def test_the_user_ends_the_search() -> None:
    """What runs is stopped and does not count as one of the trials; nothing new is started."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0)])
    runs = [started(engine, 1), started(engine, 2)]
    assert engine.handle(StopAsked(1.0)) == (StopTrial(1), StopTrial(2))
    assert engine.handle(Freed(3, 2.0)) == ()
    for run in runs:
        (save,) = engine.handle(Ended(run.number, an_outcome(run.params, UNITS), 3.0))
        assert (save.trial.state, save.trial.value) == (State.STOPPED, None)
    assert engine.handle(Freed(3, 4.0)) == (Finish(Reason.STOPPED),)


def test_a_trial_that_completes_while_it_is_stopped_is_complete() -> None:
    """Its value stands; the search has ended all the same."""
    engine = Engine(a_plan())
    run = started(engine, 0)
    engine.handle(StopAsked(1.0))
    assert completed(engine, run, UNITS, value=0.5)[0].trial.value == 0.5
    assert engine.handle(Freed(1, 2.0)) == (Finish(Reason.STOPPED),)


@pytest.mark.parametrize("event", [Ticked(70.0), Reported(1, 1, {}, 70.0), Freed(9, 70.0)])
def test_the_time_is_up(event: Any) -> None:
    """Whatever tells the time, what runs is stopped."""
    engine = Engine(a_plan(time_s=60.0), a_space(UNITS), [a_trial(0)], at=10.0)
    run = started(engine, 1, at=69.0)
    assert engine.handle(event) == (StopTrial(1),)
    engine.handle(Ended(1, an_outcome(run.params, UNITS), 71.0))
    assert engine.handle(Freed(2, 72.0)) == (Finish(Reason.TIME),)


def test_the_start_is_finished_whatever_the_time() -> None:
    """Without it there is nothing to compare with."""
    engine = Engine(a_plan(time_s=60.0))
    run = started(engine, 0)
    assert engine.handle(Ticked(1000.0)) == ()
    completed(engine, run, UNITS)
    assert engine.handle(Freed(1, 1001.0)) == (Finish(Reason.TIME),)


# Failures.


def failed(engine: Engine, run: Run, *parameters: Parameter, fatal: bool = False) -> Any:
    """Have a training fail; return the commands."""
    return engine.handle(
        Failed(run.number, BROKEN, an_outcome(run.params, *parameters), 1.0, fatal)
    )


def test_a_failing_trial_fails_alone() -> None:
    """It is saved with its reason and what it asked for, counts, and the search goes on."""
    engine = Engine(a_plan(n_trials=3))
    completed(engine, started(engine, 0), UNITS)
    save, grown = failed(engine, started(engine, 1), UNITS, LR)
    assert (save.trial.state, save.trial.failure, save.trial.value) == (State.FAILED, BROKEN, None)
    assert grown == SaveSpace(a_space(UNITS, LR))
    completed(engine, started(engine, 2), UNITS)
    assert engine.handle(Freed(3, 9.0)) == (Finish(Reason.TRIALS),)


def test_three_failures_at_the_start_end_the_search() -> None:
    """A cell that never worked is broken whatever the setting."""
    engine = Engine(a_plan())
    for number in range(3):
        failed(engine, started(engine, number), UNITS)
    assert engine.handle(Freed(3, 9.0)) == (Finish(Reason.FAILING, BROKEN),)


def test_failures_after_a_value_do_not_end_the_search() -> None:
    """A cell that worked once can work."""
    engine = Engine(a_plan(n_trials=9))
    completed(engine, started(engine, 0), UNITS)
    for number in range(1, 6):
        failed(engine, started(engine, number), UNITS)
    assert started(engine, 6).kind is Kind.SEARCH


def test_trials_that_the_user_ends_are_no_failures_of_the_cell() -> None:
    """Skipping the first two does not make one failure the third."""
    engine = Engine(a_plan())
    for number in range(3):
        run = started(engine, number)
        assert engine.handle(Skipped(number)) == (StopTrial(number),)
        save, *_ = engine.handle(Ended(number, an_outcome(run.params, UNITS), 1.0))
        assert (save.trial.state, save.trial.failure) == (State.SKIPPED, None)
    failed(engine, started(engine, 3), UNITS)
    assert started(engine, 4).kind is Kind.SEARCH


def test_one_fatal_failure_at_the_start_is_enough() -> None:
    """No other setting would fare better; what runs beside it is stopped."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0)])
    runs = [started(engine, 1), started(engine, 2)]
    assert failed(engine, runs[0], UNITS, fatal=True)[1:] == (StopTrial(2),)
    engine.handle(Ended(2, an_outcome(runs[1].params, UNITS), 2.0))
    assert engine.handle(Freed(3, 3.0)) == (Finish(Reason.BROKEN, BROKEN),)


def test_a_fatal_failure_after_a_value_is_one_like_others() -> None:
    """One branch of the cell is broken; others gave values in this run."""
    engine = Engine(a_plan())
    completed(engine, started(engine, 0), UNITS)
    failed(engine, started(engine, 1), UNITS, fatal=True)
    assert started(engine, 2).kind is Kind.SEARCH


def test_errors_may_end_the_search() -> None:
    """`--errors raise` ends it at the first failure, with its reason."""
    engine = Engine(a_plan(stop_at_failure=True))
    completed(engine, started(engine, 0), UNITS)
    failed(engine, started(engine, 1), UNITS)
    assert engine.handle(Freed(2, 9.0)) == (Finish(Reason.FAILED, BROKEN),)


def test_a_start_that_failed_before_it_reached_a_parameter_runs_again() -> None:
    """There is no space to suggest from."""
    engine = Engine(a_plan())
    failed(engine, started(engine, 0))
    assert started(engine, 1).kind is Kind.START


def test_a_start_that_failed_in_an_earlier_run_is_tried_again() -> None:
    """Its cause may be mended; one that works is not run twice."""
    before = [a_trial(0, State.FAILED, failure=BROKEN)]
    engine = Engine(a_plan(), a_space(UNITS), before)
    run = started(engine, 1)
    assert run.kind is Kind.START
    completed(engine, run, UNITS)
    assert started(engine, 2).kind is Kind.SEARCH
