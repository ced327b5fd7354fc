"""What ends a training early, and what ends a search: pruning, timeouts, patience."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hpo_magic.core.domains import Int
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Ended,
    Finish,
    Freed,
    Outcome,
    Reason,
    Reported,
    Resumed,
    Run,
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.notices import NothingPruned, NotStopped
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Verdict
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, Goal, History, Kind, State, Trial
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.testing.fakes import FakeSampler

UNITS = Parameter("units", Int(1, 9), 5)


class StopAt:
    """A pruner that stops every training at a step, and keeps what it was asked."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.asked: list[tuple[Trial, History]] = []

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return that it stops there."""
        self.asked.append((trial, history))
        return Verdict.STOP if trial.curve[-1].step >= self.step else Verdict.KEEP


def an_engine(**options: Any) -> Engine:
    """Return an engine that minimizes `loss`, with any sampler."""
    asked: dict[str, Any] = {"goals": (Goal("loss", Direction.MINIMIZE),), **options}
    return Engine(Plan("study", FakeSampler(), **asked))


def started(engine: Engine, number: int, at: float = 0.0) -> Run:
    """Offer a worker; return the training that it is given."""
    *_, run = engine.handle(Freed(number, at))
    assert isinstance(run, Run)
    return run


def an_outcome(value: float | None = None, units: int = 5) -> Outcome:
    """Return what a training leaves."""
    metrics = {} if value is None else {"loss": value}
    return Outcome({"units": units}, (UNITS,), value, Goal("loss", Direction.MINIMIZE), metrics)


def searched(engine: Engine, values: Sequence[float], first: int = 0) -> None:
    """Run trials to their ends, with these values."""
    for number, value in enumerate(values, start=first):
        started(engine, number)
        engine.handle(Completed(number, an_outcome(value), 1.0))


def trial_of(engine: Engine, number: int) -> Trial:
    """Return a trial as it is now."""
    return next(t for t in engine.snapshot(0.0).trials if t.number == number)


# Pruning.


def test_a_training_that_is_not_worth_finishing_is_pruned() -> None:
    """It is stopped once, keeps its curve, has no value, and uses up one of the trials."""
    engine = an_engine(pruner=StopAt(2), n_trials=2)
    searched(engine, [0.5])
    started(engine, 1)
    assert engine.handle(Reported(1, 1, {"loss": 3.0}, 1.0, 9)) == ()
    assert engine.handle(Reported(1, 2, {"loss": 2.0}, 2.0, 9)) == (StopTrial(1),)
    assert engine.handle(Reported(1, 3, {"loss": 1.0}, 2.5, 9)) == ()
    save, *_ = engine.handle(Ended(1, an_outcome(), 3.0))
    trial = trial_of(engine, 1)
    assert save.trial == trial
    assert (trial.state, trial.value, trial.failure) == (State.PRUNED, None, None)
    assert [point.step for point in trial.curve] == [1, 2, 3]
    assert trial.n_steps == 9
    assert engine.handle(Freed(2, 4.0)) == (Finish(Reason.TRIALS),)
    assert engine.snapshot(0.0).history.best() == trial_of(engine, 0)


def test_the_pruner_is_told_of_the_curve_and_of_the_others() -> None:
    """The metric too, which trial 0 may have found."""
    pruner = StopAt(99)
    engine = an_engine(pruner=pruner, goals=())
    searched(engine, [0.5, 0.4])
    started(engine, 2)
    engine.handle(Reported(2, 1, {"loss": 3.0}, 1.0, 7))
    [(trial, history)] = pruner.asked
    assert (trial.number, trial.curve[-1].metrics, trial.n_steps) == (2, {"loss": 3.0}, 7)
    assert [other.number for other in history.trials] == [0, 1]
    assert history.goals == (Goal("loss", Direction.MINIMIZE),)


def test_a_training_whose_own_code_gives_up_is_pruned() -> None:
    """The user did not skip it; and what was to be stopped anyway is what it was stopped for."""
    engine = an_engine(n_trials=4, timeout_s=10.0)
    searched(engine, [0.5])
    started(engine, 1)
    engine.handle(Ended(1, an_outcome(), 2.0, gave_up=True))
    started(engine, 2)
    engine.handle(Skipped(2))
    engine.handle(Ended(2, an_outcome(), 3.0, gave_up=True))
    states = [trial_of(engine, number).state for number in (1, 2)]
    assert states == [State.PRUNED, State.SKIPPED]


def test_the_start_is_never_pruned() -> None:
    """All is compared with it."""
    engine = an_engine(pruner=StopAt(1))
    started(engine, 0)
    assert engine.handle(Reported(0, 1, {"loss": 3.0}, 1.0)) == ()


def test_what_the_user_asked_for_is_never_pruned() -> None:
    """Who asks for a setting wants its value."""
    engine = Engine(
        Plan("study", FakeSampler(), (Goal("loss", Direction.MINIMIZE),), pruner=StopAt(1)),
        queue=[{"units": 3}],
    )
    searched(engine, [0.5])
    assert started(engine, 1).kind is Kind.ENQUEUED
    assert engine.handle(Reported(1, 1, {"loss": 3.0}, 1.0)) == ()


def test_a_re_check_is_never_pruned_and_runs_nothing_pruned() -> None:
    """It runs the best of the complete settings again, to their ends."""
    engine = an_engine(pruner=StopAt(1), n_trials=10, rechecker=Rechecking("2x2"))
    for number, units in enumerate((5, 6, 7, 8)):
        started(engine, number)
        if number < 2:
            engine.handle(Completed(number, an_outcome(0.5 - number / 10, units), 1.0))
        else:
            engine.handle(Reported(number, 1, {"loss": 0.1}, 1.0))
            engine.handle(Ended(number, an_outcome(units=units), 1.0))
    again = []
    for number in range(4, 8):
        run = started(engine, number)
        assert run.kind is Kind.RECHECK
        assert engine.handle(Reported(number, 1, {"loss": 3.0}, 1.0)) == ()
        units = run.params["units"]
        assert isinstance(units, int)
        again.append(units)
        engine.handle(Completed(number, an_outcome(0.6, units), 1.0))
    assert sorted(again) == [5, 5, 6, 6]


def test_a_training_that_ends_before_it_can_be_stopped_is_complete() -> None:
    """Its value was paid for."""
    engine = an_engine(pruner=StopAt(1))
    searched(engine, [0.5])
    started(engine, 1)
    engine.handle(Reported(1, 1, {"loss": 3.0}, 1.0))
    engine.handle(Completed(1, an_outcome(0.2), 2.0))
    assert trial_of(engine, 1).state is State.COMPLETE


def test_it_is_said_once_where_no_report_can_be_judged() -> None:
    """The cell's number is its own, and the pruner would be guessing."""
    engine = an_engine(pruner=StopAt(9), goals=(Goal("value", Direction.MINIMIZE),))
    for number in range(4):
        started(engine, number)
        engine.handle(Reported(number, 1, {"loss": 3.0, "acc": 0.1}, 1.0))
        engine.handle(Completed(number, an_outcome(10.0 - number), 2.0))
    assert engine.snapshot(0.0).notices == (NothingPruned(("loss", "acc")),)


@pytest.mark.parametrize("reports", [{}, {"loss": 10.0}])
def test_nothing_is_said_where_nothing_is_amiss(reports: dict[str, float]) -> None:
    """Cells that report nothing, and cells whose number is reported."""
    engine = an_engine(pruner=StopAt(9), goals=(Goal("value", Direction.MINIMIZE),))
    for number in range(4):
        started(engine, number)
        if reports:
            engine.handle(Reported(number, 1, {"loss": 10.0 - number}, 1.0))
        engine.handle(Completed(number, an_outcome(10.0 - number), 2.0))
    assert engine.snapshot(0.0).notices == ()


# Skipping.


def test_a_skipped_trial_is_not_a_failure() -> None:
    """The click of a user who saw enough counts, once, and comes before the pruner's verdict."""
    engine = an_engine(pruner=StopAt(1))
    searched(engine, [0.5])
    started(engine, 1)
    assert engine.handle(Skipped(1)) == (StopTrial(1),)
    assert engine.handle(Skipped(1)) == ()
    assert engine.handle(Reported(1, 1, {"loss": 3.0}, 1.0)) == ()
    engine.handle(Ended(1, an_outcome(), 2.0))
    assert (trial_of(engine, 1).state, trial_of(engine, 1).failure) == (State.SKIPPED, None)


# The timeout of a trial.


def test_a_trial_that_takes_too_long_is_ended() -> None:
    """It fails alone, with the option's name, and the search goes on."""
    engine = an_engine(timeout_s=10.0)
    searched(engine, [0.5])
    started(engine, 1, at=100.0)
    assert engine.handle(Ticked(109.9)) == ()
    assert engine.handle(Ticked(110.0)) == (StopTrial(1),)
    assert engine.handle(Ticked(110.1)) == ()
    engine.handle(Ended(1, an_outcome(), 111.0))
    trial = trial_of(engine, 1)
    assert trial.state is State.FAILED
    assert str(trial.failure) == "failed: Timeout: it took longer than the 10 s of --timeout"
    assert started(engine, 2, at=112.0).number == 2


def test_a_timeout_counts_at_a_report_too() -> None:
    """A loop without batches passes nothing else."""
    engine = an_engine(timeout_s=10.0)
    started(engine, 0, at=100.0)
    assert engine.handle(Reported(0, 1, {"loss": 1.0}, 120.0)) == (StopTrial(0),)


def test_a_pause_is_no_time_of_a_trial() -> None:
    """Neither one pause nor several; the next trial has none of it."""
    engine = an_engine(timeout_s=10.0)
    started(engine, 0, at=100.0)
    engine.handle(Resumed(60.0))
    assert engine.handle(Ticked(165.0)) == ()
    engine.handle(Resumed(30.0))
    assert engine.handle(Ticked(199.9)) == ()
    assert engine.handle(Ticked(200.0)) == (StopTrial(0),)
    engine.handle(Ended(0, an_outcome(), 201.0))
    started(engine, 1, at=300.0)
    assert engine.handle(Ticked(310.0)) == (StopTrial(1),)


def test_a_trial_that_could_not_be_stopped_is_told() -> None:
    """It came to no step after the limit, so it is complete; the first one is told, once."""
    engine = an_engine(timeout_s=10.0, n_trials=9)
    for number, took_s in enumerate((5.0, 11.0, 25.0, 30.0)):
        started(engine, number, at=100.0 * number)
        engine.handle(Completed(number, an_outcome(0.5), 100.0 * number + took_s))
    told = [one for one in engine.snapshot(0.0).notices if isinstance(one, NotStopped)]
    assert told == [NotStopped(2, 25.0, 10.0)]


def test_trials_that_all_time_out_end_the_search() -> None:
    """No setting would fare better: the sentence says what to change."""
    engine = an_engine(timeout_s=10.0)
    for number in range(3):
        started(engine, number, at=100.0 * number)
        engine.handle(Ticked(100.0 * number + 10))
        engine.handle(Ended(number, an_outcome(), 100.0 * number + 11))
    [finish] = engine.handle(Freed(3, 400.0))
    assert finish.reason is Reason.FAILING
    assert "--timeout" in str(finish.failure)


def test_a_stopped_search_stops_its_trial() -> None:
    """The trial is no victim of what ended it."""
    engine = an_engine(timeout_s=10.0)
    started(engine, 0)
    engine.handle(StopAsked(1.0))
    engine.handle(Ended(0, an_outcome(), 2.0))
    assert trial_of(engine, 0).state is State.STOPPED


# Patience.


def test_the_search_ends_when_nothing_gets_better() -> None:
    """So many trials in a row, of whatever end; and the result says so."""
    engine = an_engine(patience=3)
    searched(engine, [0.5, 0.4, 0.45, 0.41])
    started(engine, 4)
    engine.handle(Skipped(4))
    engine.handle(Ended(4, an_outcome(), 2.0))
    assert engine.handle(Freed(5, 3.0)) == (Finish(Reason.PATIENCE),)
    assert engine.snapshot(3.0).ended is Reason.PATIENCE
    assert engine.snapshot(3.0).patience == 3


def test_a_gain_gives_new_patience() -> None:
    """It is counted from the best trial; one as good is no gain."""
    engine = an_engine(patience=3)
    searched(engine, [0.5, 0.5, 0.5, 0.4, 0.45, 0.4])
    assert started(engine, 6).number == 6


def test_the_best_are_run_again_when_patience_ends_the_search() -> None:
    """A fifth as many as were searched, then it is over."""
    engine = an_engine(patience=4, n_trials=500, rechecker=Rechecking("1x2"))
    searched(engine, [0.5, 0.4, 0.45, 0.45, 0.45, 0.45])
    kinds = []
    for number in range(6, 99):
        *_, command = engine.handle(Freed(number, 1.0))
        if isinstance(command, Finish):
            break
        assert isinstance(command, Run)
        kinds.append(command.kind)
        engine.handle(Completed(number, an_outcome(0.4 + number / 100), 2.0))
    assert set(kinds) == {Kind.RECHECK}
    assert command == Finish(Reason.PATIENCE)


def test_what_the_user_asks_for_is_run_when_patience_is_over() -> None:
    """An enqueued setting goes first."""
    plan = Plan("study", FakeSampler(), (Goal("loss", Direction.MINIMIZE),), patience=1)
    engine = Engine(plan, queue=[{"units": 3}, {"units": 4}])
    searched(engine, [0.5, 0.6])
    assert started(engine, 2).kind is Kind.ENQUEUED
