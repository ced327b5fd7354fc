"""What the user asks of a running search, as the engine answers it."""

from __future__ import annotations

from typing import Any

import pytest
from engine_runs import BROKEN, LR, UNITS, a_plan, a_space, a_trial, completed, started

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Ended,
    Enqueued,
    Failed,
    Finish,
    Freed,
    Noted,
    Outcome,
    Reason,
    Reported,
    Skipped,
)
from hpo_magic.core.notices import GridSize
from hpo_magic.core.space import Space
from hpo_magic.core.trial import (
    History,
    Kind,
)
from hpo_magic.honesty.rechecking import Rechecking
from hpo_magic.testing.fakes import FakeSampler


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
