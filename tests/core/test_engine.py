"""The engine: events in, commands out; no clock, no disk, no thread."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hpo_magic.core.domains import Choice, Float, Int, Plain
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Ended,
    Enqueued,
    Failed,
    Finish,
    Freed,
    Joined,
    KeepModel,
    Noted,
    Outcome,
    Reason,
    Reported,
    Restarted,
    Run,
    Save,
    SaveGoal,
    SaveRows,
    SaveSpace,
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.notices import GridSize
from hpo_magic.core.plan import Plan
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import (
    AskedGoals,
    Direction,
    Failure,
    Goal,
    History,
    Kind,
    Point,
    State,
    Trial,
)
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.testing.fakes import FakeSampler

UNITS = Parameter("units", Int(1, 9), 5)
LR = Parameter("lr", Float(0.0, 1.0), 0.5)
BROKEN = Failure("ValueError", "no")


def a_plan(**options: Any) -> Plan:
    """Return a plan of minimizing a value."""
    asked: dict[str, Any] = {"goals": (Goal("value", Direction.MINIMIZE),), **options}
    return Plan("study", asked.pop("sampler", FakeSampler()), **asked)


def a_space(*parameters: Parameter) -> Space:
    """Return a space of these parameters."""
    return Space({parameter.name: parameter for parameter in parameters})


def an_outcome(
    params: Params, *parameters: Parameter, value: float | None = None, **options: Any
) -> Outcome:
    """Return what a training leaves that asked for `parameters`."""
    asked = {p.name: p.domain.nearest(params.get(p.name, p.default)) for p in parameters}
    return Outcome(asked, parameters, value, **options)


def a_trial(number: int, state: State = State.COMPLETE, **options: Any) -> Trial:
    """Return a trial of an earlier run; the first is the start."""
    kind = Kind.START if number == 0 else Kind.SEARCH
    value = float(number) if state is State.COMPLETE else None
    given_: dict[str, Any] = {"params": {"units": 5}, "kind": kind, "value": value, **options}
    return Trial(number, state, **given_)


def started(engine: Engine, number: int, at: float = 0.0) -> Run:
    """Offer a worker; return the training that it is given."""
    *_, run = engine.handle(Freed(number, at))
    assert isinstance(run, Run)
    return run


def completed(engine: Engine, run: Run, *parameters: Parameter, value: float = 1.0) -> Any:
    """Have a training end with a value; return the commands."""
    outcome = an_outcome(run.params, *parameters, value=value)
    return engine.handle(Completed(run.number, outcome, 1.0))


# One after the other.


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


# What the user asks for.


def test_an_enqueued_setting_comes_first() -> None:
    """Parameters that it leaves out are the sampler's, whose turn comes after."""
    engine = Engine(a_plan(sampler=FakeSampler([{"units": 7, "lr": 0.25}])))
    completed(engine, started(engine, 0), UNITS, LR)
    assert engine.handle(Enqueued({"units": 2})) == ()
    assert engine.waiting == ({"units": 2},)
    run = started(engine, 1)
    assert (run.kind, run.params) == (Kind.ENQUEUED, {"units": 2, "lr": 0.25})
    assert engine.waiting == ()


def test_an_enqueued_setting_is_run_though_all_were_tried() -> None:
    """The user may repeat one; what is left out takes its default."""
    engine = Engine(
        a_plan(sampler=FakeSampler([])), a_space(UNITS, LR), [a_trial(0)], [{"units": 5}]
    )
    run = started(engine, 1)
    assert (run.kind, run.params) == (Kind.ENQUEUED, {"units": 5, "lr": 0.5})


def test_the_start_comes_before_what_is_enqueued() -> None:
    """A setting of an earlier session waits until the start has traced the space."""
    engine = Engine(a_plan(), queue=[{"units": 2}])
    run = started(engine, 0)
    assert run.kind is Kind.START
    completed(engine, run, UNITS)
    assert started(engine, 1).kind is Kind.ENQUEUED


def test_a_running_trial_is_shown_whatever_its_setting() -> None:
    """What the cell will make of a wish is only known at the end; then it is what was asked for."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0)])
    other = started(engine, 1)
    engine.handle(Enqueued({"units": 99, "depth": 3}))
    run = started(engine, 2)
    completed(engine, other, UNITS, LR)
    assert [t.number for t in engine.snapshot(0.0).trials] == [0, 1, 2]
    completed(engine, run, UNITS)
    assert engine.snapshot(0.0).trials[2].params == {"units": 9}


def test_what_was_enqueued_and_not_run_still_waits() -> None:
    """A search that ends leaves it, so that it can be kept."""
    engine = Engine(a_plan(n_trials=1), a_space(UNITS), [a_trial(0)], [{"units": 2}])
    assert engine.handle(Freed(1, 0.0)) == (Finish(Reason.TRIALS),)
    assert engine.waiting == ({"units": 2},)


def test_notes_are_kept_for_the_views() -> None:
    """They stand in the snapshot, in their order."""
    engine = Engine(a_plan())
    assert engine.handle(Noted("One.")) == engine.handle(Noted("Two.")) == ()
    assert engine.snapshot(0.0).notices == ("One.", "Two.")


class Announcing(FakeSampler):
    """A sampler that has something to say of the space."""

    def announcement(self, space: Space, history: History, n_searched: int | None) -> GridSize:
        """Tell the size of the space, and how many trials there are for it."""
        return GridSize(len(space), bool(history.trials), n_searched)


def test_what_the_sampler_has_to_say_is_told_before_it_searches() -> None:
    """After the start, which traces the space; and again when the space has grown."""
    engine = Engine(a_plan(sampler=Announcing(), n_trials=20))
    run = started(engine, 0)
    assert engine.notices == ()
    completed(engine, run, UNITS)
    for number in (1, 2):
        completed(engine, started(engine, number), UNITS)
    assert engine.notices == (GridSize(1, True, 20),)
    completed(engine, started(engine, 3), UNITS, LR)
    started(engine, 4)
    assert engine.notices[1:] == (GridSize(2, True, 20),)


def test_a_sampler_is_told_of_the_search_s_trials_alone() -> None:
    """Those that are kept for the re-check are not its own."""
    plan = a_plan(sampler=Announcing(), n_trials=20, rechecker=Rechecking("3"))
    engine = Engine(plan, a_space(UNITS), [a_trial(0)])
    started(engine, 1)
    assert engine.notices == (GridSize(1, True, 20 - Rechecking("3").n_runs(20)),)


@pytest.mark.parametrize(
    "event",
    [
        Completed(0, Outcome(value=0.1), 9.0),
        Failed(0, BROKEN, Outcome(), 9.0, fatal=True),
        Ended(0, Outcome(), 9.0),
        Skipped(0),
        Skipped(7),
        Reported(0, 2, {}, 9.0),
        Reported(7, 1, {}, 9.0),
    ],
)
def test_what_comes_too_late_changes_nothing(event: Any) -> None:
    """A click on a trial that has ended, or a worker that speaks twice."""
    engine = Engine(a_plan())
    completed(engine, started(engine, 0), UNITS, value=0.5)
    before = engine.snapshot(9.0)
    assert engine.handle(event) == ()
    assert engine.snapshot(9.0) == before


# Going on.


def test_a_run_goes_on_with_the_trials_that_are_there() -> None:
    """They count, and are what the sampler learns from."""
    trials = [a_trial(n) for n in range(3)]
    engine = Engine(a_plan(n_trials=5), a_space(UNITS), trials)
    assert engine.snapshot(0.0).n_before == 3
    assert [t.number for t in engine.history(3).trials] == [0, 1, 2]
    for number in (3, 4):
        completed(engine, started(engine, number), UNITS)
    assert engine.handle(Freed(5, 0.0)) == (Finish(Reason.TRIALS),)


def test_stopped_trials_do_not_count() -> None:
    """A trial that was stopped is not one of `--trials`, and a stopped start runs again."""
    engine = Engine(a_plan(n_trials=1), a_space(UNITS), [a_trial(0, State.STOPPED)])
    run = started(engine, 1)
    assert run.kind is Kind.START
    completed(engine, run, UNITS)
    assert engine.handle(Freed(2, 0.0)) == (Finish(Reason.TRIALS),)


def test_changed_ranges_are_traced_by_the_start() -> None:
    """Trials that still fit are history, the others are set aside and do not count."""
    trials = [a_trial(n, params={"units": n}) for n in range(1, 9)]
    before = [a_trial(0), *trials]
    engine = Engine(a_plan(n_trials=7), a_space(UNITS), before, ranges_changed=True)
    run = started(engine, 9)
    assert run.kind is Kind.START
    narrow = Parameter("units", Int(1, 4), 3)
    assert completed(engine, run, narrow)[1:] == (SaveSpace(a_space(narrow)),)
    snapshot = engine.snapshot(0.0)
    assert [t.number for t in snapshot.trials] == [1, 2, 3, 4, 9]
    assert [t.number for t in snapshot.set_aside] == [0, 5, 6, 7, 8]
    assert snapshot.start is not None
    assert snapshot.start.number == 9
    assert started(engine, 10).kind is Kind.SEARCH
    assert started(engine, 11).kind is Kind.SEARCH
    assert engine.handle(Freed(12, 0.0)) == ()


def test_changed_ranges_are_traced_even_if_no_trial_is_missing() -> None:
    """Whether one is missing is only known when the new space is."""
    engine = Engine(a_plan(n_trials=1), a_space(UNITS), [a_trial(0)], ranges_changed=True)
    completed(engine, started(engine, 1), UNITS)
    assert engine.handle(Freed(2, 0.0)) == (Finish(Reason.TRIALS),)


def test_a_traced_space_is_saved_though_it_is_the_same() -> None:
    """The disk may not have it: only the text of the ranges has changed."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0)], ranges_changed=True)
    assert completed(engine, started(engine, 1), UNITS)[1:] == (SaveSpace(a_space(UNITS)),)


def test_a_branch_that_the_start_does_not_reach_keeps_its_range_until_it_is() -> None:
    """Then its new range replaces the old one, as that of the start's parameters did."""
    engine = Engine(a_plan(), a_space(UNITS, LR), [a_trial(0)], ranges_changed=True)
    completed(engine, started(engine, 1), UNITS)
    assert engine.space == a_space(UNITS, LR)
    narrow = replace(LR, domain=Float(0.4, 0.6))
    assert completed(engine, started(engine, 2), UNITS, narrow)[1:] == (
        SaveSpace(a_space(UNITS, narrow)),
    )


def test_a_range_that_depends_on_another_parameter_widens_the_space() -> None:
    """Steps that do not meet are no reason to lose a trial."""
    engine = Engine(a_plan())
    first = Parameter("units", Int(1, 10, 3), 1)
    second = Parameter("units", Int(2, 11, 3), 2)
    completed(engine, started(engine, 0), first)
    completed(engine, started(engine, 1), second)
    assert engine.space["units"].domain == Int(1, 11)
    assert [t.number for t in engine.history().trials] == [0, 1]


def test_a_start_that_its_own_space_loses_is_not_run_again() -> None:
    """A name that is a range in one branch and a choice in another would ask for it each time."""
    engine = Engine(a_plan())
    completed(engine, started(engine, 0), UNITS)
    completed(engine, started(engine, 1), Parameter("units", Choice(("few", "many")), "few"))
    assert started(engine, 2).kind is Kind.SEARCH


# Other processes on the same study.


def test_trials_of_others_count_and_teach() -> None:
    """Complete and running ones are part of the history, and of the budget."""
    engine = Engine(a_plan(n_trials=4), a_space(UNITS), [a_trial(0)])
    others = (a_trial(1, value=0.25), a_trial(2, State.RUNNING))
    assert engine.handle(Joined(others, a_space(UNITS))) == ()
    run = started(engine, 3)
    assert run.to_beat == 0.0
    assert [t.number for t in engine.history(3).trials] == [0, 1, 2]
    completed(engine, run, UNITS)
    assert engine.handle(Freed(4, 0.0)) == (Finish(Reason.TRIALS),)


def test_trials_stand_in_the_order_of_their_numbers() -> None:
    """Whoever ran them, and whenever they were heard of."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0)])
    completed(engine, started(engine, 2), UNITS)
    engine.handle(Joined((a_trial(1),), a_space(UNITS)))
    assert [t.number for t in engine.history().trials] == [0, 1, 2]


def test_others_do_not_change_our_own_trials() -> None:
    """What comes back from the disk of a trial of ours is older than what is known here."""
    engine = Engine(a_plan())
    run = started(engine, 0)
    engine.handle(Reported(0, 1, {"loss": 1.0}, 1.0))
    engine.handle(Joined((Trial(0, State.STOPPED, {}),), Space()))
    assert len(completed(engine, run, UNITS)[0].trial.curve) == 1


def test_the_running_start_of_another_process_is_enough() -> None:
    """It is not run twice at a time."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0, State.RUNNING, params={})])
    assert started(engine, 1).kind is Kind.SEARCH


def test_parameters_that_others_found_join() -> None:
    """Their ranges of known names do not replace ours."""
    engine = Engine(a_plan(), a_space(UNITS), [a_trial(0)])
    engine.handle(Joined((), a_space(replace(UNITS, domain=Int(1, 99)), LR)))
    assert engine.space == a_space(UNITS, LR)


def test_the_history_of_a_suggestion_is_without_the_trial_itself() -> None:
    """The sampler knows the other running trials, and the number that it suggests for."""
    seen: list[tuple[int, list[int]]] = []

    class Watching(FakeSampler):
        def suggest(self, space: Space, history: Any, seed: int) -> dict[str, Plain]:
            seen.append((history.number, [t.number for t in history.trials]))
            return super().suggest(space, history, seed)

    engine = Engine(a_plan(sampler=Watching()), a_space(UNITS), [a_trial(0)])
    started(engine, 1)
    started(engine, 2)
    assert seen == [(1, [0]), (2, [0, 1])]


def test_a_training_that_begins_again_has_a_new_curve_and_a_new_clock() -> None:
    """What the lost one reported is forgotten, and its time does not count."""
    engine = Engine(a_plan(timeout_s=10.0))
    run = started(engine, 0, at=0.0)
    engine.handle(Reported(run.number, 1, {"loss": 3.0}, 5.0))
    assert engine.handle(Restarted(run.number, 9.0)) == ()
    assert engine.handle(Ticked(12.0)) == ()
    (trial,) = engine.snapshot(12.0).trials
    assert (trial.curve, trial.started, trial.state) == ((), 9.0, State.RUNNING)
    assert engine.handle(Ticked(19.0)) == (StopTrial(run.number),)


def test_a_late_word_of_a_new_beginning_changes_nothing() -> None:
    """The trial has ended."""
    engine = Engine(a_plan())
    run = started(engine, 0)
    completed(engine, run, UNITS)
    before = engine.snapshot(2.0)
    engine.handle(Restarted(run.number, 2.0))
    assert engine.snapshot(2.0) == before


def kept(engine: Engine, run: Run, value: float, model: object = "model") -> list[object]:
    """Have a training end with a model; return the commands that keep one."""
    outcome = an_outcome(run.params, UNITS, value=value)
    commands = engine.handle(Completed(run.number, outcome, 1.0, model))
    return [command for command in commands if isinstance(command, KeepModel)]


def test_which_models_stay_is_decided_when_a_training_ends() -> None:
    """Beside it others have ended that were not known when it began."""
    engine = Engine(a_plan(n_keep=2))
    assert kept(engine, started(engine, 0), 5.0) == [KeepModel(0, "model", ())]
    runs = [started(engine, number) for number in (1, 2, 3)]
    assert {run.to_beat for run in runs} == {None}
    assert kept(engine, runs[0], 1.0) == [KeepModel(1, "model", (0,))]
    assert kept(engine, runs[1], 2.0) == [KeepModel(2, "model", (1,))]
    assert kept(engine, runs[2], 3.0) == []


def test_a_training_without_a_model_leaves_the_kept_ones() -> None:
    """A cell that fits nothing has none, and a worker does not send one that does not lead."""
    engine = Engine(a_plan())
    kept(engine, started(engine, 0), 5.0)
    assert kept(engine, started(engine, 1), 1.0, model=None) == []


def test_the_rows_of_each_seed_are_stored_once() -> None:
    """Several workers train on the same seed; re-runs have seeds of their own."""
    engine = Engine(a_plan())
    stored = []
    for number in (0, 1):
        outcome = an_outcome(started(engine, number).params, UNITS)
        stored += engine.handle(Completed(number, outcome, 1.0, rows=[]))
    assert [command for command in stored if isinstance(command, SaveRows)] == [SaveRows(0, [])]
