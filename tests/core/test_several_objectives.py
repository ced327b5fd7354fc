"""Several objectives in the core: what a history says of them, and what the engine makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hpo_magic.core.domains import Int
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Chosen,
    Completed,
    Finish,
    Freed,
    KeepModel,
    Outcome,
    Reason,
    Run,
    SaveChoice,
)
from hpo_magic.core.plan import Plan
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, Goal, History, State, Trial
from hpo_magic.testing.fakes import FakeSampler

SIZE = Goal("n_params", Direction.MINIMIZE)
UNITS = Parameter("units", Int(1, 99), 5)


def a_history(*values: tuple[float, float], **changes: Any) -> History:
    """Return trials with these accuracies (to be maximized) and sizes (to be minimized)."""
    trials = tuple(
        Trial(k, State.COMPLETE, {"units": k}, value=acc, metrics={"n_params": size})
        for k, (acc, size) in enumerate(values)
    )
    made = History(trials, (Goal("acc", Direction.MAXIMIZE), SIZE), len(trials))
    return replace(made, **changes)


THREE = a_history((0.9, 50.0), (0.5, 10.0), (0.85, 12.0), (0.8, 60.0))


def test_values_and_losses_have_an_entry_for_each_objective() -> None:
    """In the metrics' own units, and so that lower is better."""
    assert [str(goal) for goal in THREE.goals] == ["maximize acc", "minimize n_params"]
    assert THREE.values(THREE.trials[0]) == (0.9, 50.0)
    assert THREE.losses(THREE.trials[:2]).tolist() == [[-0.9, 50.0], [-0.5, 10.0]]
    assert THREE.values(Trial(9, State.FAILED, {})) == (None, None)


def test_the_front_is_sorted_by_the_first_objective() -> None:
    """The best first; what another beats in both is not on it."""
    assert [t.number for t in THREE.front] == [0, 2, 1]


def test_the_balanced_trial_is_taken_until_one_is_chosen() -> None:
    """Nearly as accurate as the best and nearly as small as the smallest."""
    assert THREE.best() is THREE.trials[2]
    assert [t.number for t in THREE.ranked] == [2, 0, 1, 3]
    assert replace(THREE, chosen=1).best() is THREE.trials[1]
    assert replace(THREE, chosen=77).best() is THREE.trials[2]  # it fits the ranges no longer


def test_one_objective_is_what_it_was() -> None:
    """No front, no balance: the best value."""
    one = replace(THREE, goals=THREE.goals[:1])
    assert one.best() is THREE.trials[0]
    assert [t.number for t in one.ranked] == [0, 2, 3, 1]
    assert [t.number for t in one.front] == [0]


def test_a_trial_without_one_of_the_values_is_not_complete() -> None:
    """It may come from a study that had another objective."""
    odd = Trial(4, State.COMPLETE, {}, value=0.99)
    assert odd not in replace(THREE, trials=(*THREE.trials, odd)).complete


def test_the_last_gain_is_the_last_that_joined_the_front() -> None:
    """Though it may have left the front since; an equal one joins nothing."""
    assert THREE.last_gain is THREE.trials[2]
    later = a_history((0.9, 50.0), (0.5, 10.0), (0.5, 10.0))
    assert later.last_gain is later.trials[1]
    assert a_history().last_gain is None


# The engine.


def an_engine(**options: Any) -> Engine:
    """Return the engine of a search for accuracy and size."""
    plan = Plan("s", FakeSampler(), (Goal("acc", Direction.MAXIMIZE), SIZE), **options)
    return Engine(plan)


def searched(engine: Engine, *values: tuple[float, float]) -> list[Run]:
    """Run trials that come to these accuracies and sizes; return what was run."""
    runs = []
    for acc, size in values:
        *_, run = engine.handle(Freed(len(runs), 0.0))
        assert isinstance(run, Run)
        runs.append(run)
        engine.handle(Completed(run.number, an_outcome(run, acc, size), 1.0))
    return runs


def an_outcome(run: Run, acc: float, size: float) -> Outcome:
    """Return what a training leaves that came to this accuracy and size."""
    goal = Goal("acc", Direction.MAXIMIZE)
    params = run.params or {"units": 5}
    return Outcome(params, (UNITS,), acc, goal, metrics={"n_params": size})


def test_the_models_of_the_whole_front_stay() -> None:
    """Any of them may be chosen; whether a new one is on it is known when it has ended."""
    engine = an_engine()
    runs = searched(engine, (0.9, 50.0), (0.5, 10.0), (0.4, 60.0))
    *_, run = engine.handle(Freed(3, 0.0))
    assert isinstance(run, Run)
    assert {each.to_beat for each in (*runs, run)} == {None}
    commands = engine.handle(Completed(3, an_outcome(run, 0.4, 70.0), 1.0, model="model"))
    assert [c.others for c in commands if isinstance(c, KeepModel)] == [(0, 1)]


def test_patience_counts_what_brings_nothing_new_to_the_front() -> None:
    """A trial that is better in one objective alone gives new patience."""
    engine = an_engine(patience=2)
    searched(engine, (0.9, 50.0), (0.4, 60.0), (0.5, 10.0), (0.4, 60.0), (0.3, 60.0))
    assert engine.handle(Freed(5, 2.0)) == (Finish(Reason.PATIENCE),)


def test_a_choice_is_saved_and_shown() -> None:
    """And may be taken back."""
    engine = an_engine()
    searched(engine, (0.9, 50.0), (0.5, 10.0))
    assert engine.handle(Chosen(1)) == (SaveChoice(1),)
    snapshot = engine.snapshot(1.0)
    assert (snapshot.chosen, snapshot.goals[1]) == (1, SIZE)
    best = snapshot.history.best()
    assert best is not None
    assert best.number == 1
    assert engine.handle(Chosen(None)) == (SaveChoice(None),)
    assert engine.snapshot(1.0).chosen is None
