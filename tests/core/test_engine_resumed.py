"""The engine with trials that are there already: of earlier runs, of other processes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine_runs import LR, UNITS, a_plan, a_space, a_trial, an_outcome, completed, started

from hpo_magic.core.domains import Choice, Float, Int, Plain
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Finish,
    Freed,
    Joined,
    KeepModel,
    Reason,
    Reported,
    Restarted,
    Run,
    SaveRows,
    SaveSpace,
    StopTrial,
    Ticked,
)
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import (
    Kind,
    State,
    Trial,
)
from hpo_magic.testing.fakes import FakeSampler

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
