"""The runner: the loop between engine, executor, storage and user."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from search_setup import (
    UNITS,
    FakeModels,
    Setup,
    complete,
    oldest,
    wished,
)

from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Completed, Reason, Reported
from hpo_magic.core.plan import Plan
from hpo_magic.core.records import UsedRows
from hpo_magic.core.space import Space
from hpo_magic.core.trial import VALUE, State, Trial
from hpo_magic.testing.fakes import FakeExecutor, FakeListener, FakeSampler


def test_a_search_runs_to_its_end() -> None:
    """Every trial is on disk, the space too, and no number is left claimed."""
    search = Setup()
    assert search.runner.run().reason is Reason.TRIALS
    assert search.stored() == complete(5)
    assert search.storage.space(1) == Space({"units": UNITS})
    assert search.storage.claim(1) == 5
    assert search.executor.is_closed
    assert search.runner.unsaved == {}


@pytest.mark.parametrize("n_workers", [2, 3, 7])
def test_several_workers_share_the_trials(n_workers: int) -> None:
    """In any order of ending; the start alone, then as many at once as there are workers."""
    at_once: list[int] = []

    def play(executor: FakeExecutor) -> None:
        at_once.append(len(executor.running))
        if executor.running:
            executor.complete(max(executor.running), 1.0)

    search = Setup(play, n_workers=n_workers)
    search.runner.run()
    assert search.stored() == complete(5)
    assert at_once[0] == 1
    assert max(at_once) == min(n_workers, 4)
    assert search.storage.claim(1) == 5


def test_a_trial_is_on_disk_before_it_runs() -> None:
    """As running; whatever dies, its number is not given again."""
    seen: list[list[tuple[int, State]]] = []

    def play(executor: FakeExecutor) -> None:
        seen.append(search.stored())
        oldest(executor)

    search = Setup(play)
    search.runner.run()
    assert seen[2] == [*complete(2), (2, State.RUNNING)]


def test_listeners_are_told_after_the_disk() -> None:
    """The opening, every event but the passing of time, and the end."""
    search = Setup()
    search.runner.run()
    events = search.listener.events
    assert events[0] is None
    assert [e.number for e in events if isinstance(e, Completed)] == list(range(5))
    assert [len(s.trials) for s in search.listener.closed] == [5]
    assert search.listener.closed[0].ended is Reason.TRIALS


def test_the_best_model_is_kept_wherever_it_was_trained() -> None:
    """The engine says which; those that lead no longer are forgotten."""
    values = [0.5, 0.7, 0.3, 0.4, 0.9]
    models = FakeModels()

    def play(executor: FakeExecutor) -> None:
        number = min(executor.running)
        executor.complete(number, values[number], model=f"model {number}")

    search = Setup(play, models=models)
    search.runner.run()
    assert models.kept == {2: "model 2"}


def test_a_model_that_cannot_be_saved_costs_no_trial() -> None:
    """The user is told what happened."""

    def play(executor: FakeExecutor) -> None:
        number = min(executor.running)
        executor.complete(number, float(number), model="model")

    search = Setup(play, models=FakeModels(is_full=True))
    search.runner.run()
    assert search.stored() == complete(5)
    assert search.notes() == [
        "models: the disk is full. Its trial counts; the model can be trained again."
    ]


def test_the_rows_that_a_training_used_are_stored_once_the_disk_is_back() -> None:
    """With the trial; a disk that fails meanwhile loses neither."""
    rows = UsedRows(np.arange(3, dtype=np.uint64), is_fitted=True)

    def play(executor: FakeExecutor) -> None:
        number = min(executor.running)
        search.storage.broken = {"save"} if number == 0 else set()
        executor.complete(number, float(number), rows=[rows] if number == 0 else None)

    search = Setup(play)
    search.runner.run()
    (stored,) = search.storage.used(search.record.id)
    assert (stored.is_fitted, stored.rows.tolist()) == (True, [0, 1, 2])
    assert search.stored() == complete(5)


def test_the_goal_is_put_on_disk() -> None:
    """What the first trial found is the study's from then on."""
    search = Setup()
    plan = Plan("digits", FakeSampler(), n_trials=1)
    search.runner.engine = Engine(plan)
    search.runner.run()
    (record,) = search.storage.revisions("digits")
    assert record.goals == (VALUE,)
    assert search.runner.record.goals == (VALUE,)


def test_trials_of_another_process_are_joined() -> None:
    """They count, and their numbers are theirs."""

    def play(executor: FakeExecutor) -> None:
        if len(search.stored()) == 2:
            number = search.storage.claim(1)
            other = Trial(number, State.COMPLETE, {"units": 3}, value=0.0)
            search.storage.save_trial(1, other)
        oldest(executor)

    search = Setup(play)
    search.runner.run()
    assert search.stored() == complete(5)
    assert [run.number for run in search.executor.submitted] == [0, 1, 3, 4]


def test_a_note_reaches_the_snapshot() -> None:
    """What has to be told is told once, in the order it came."""
    search = wished(lambda requests: requests.note("Mind the gap."))
    assert search.notes() == ["Mind the gap."]
    assert search.listener.closed[0].notices == ("Mind the gap.",)


def test_a_listener_that_breaks_leaves_everything_stored() -> None:
    """Its error is shown; the trials are on disk, and the executor is closed."""

    class Broken(FakeListener):
        def notice(self, event: Any, snapshot: Any) -> None:
            super().notice(event, snapshot)
            if isinstance(event, Completed) and event.number == 2:
                raise RuntimeError("the panel broke")

    search = Setup(listener=Broken())
    with pytest.raises(RuntimeError, match="the panel broke"):
        search.runner.run()
    assert search.stored() == complete(3)
    assert search.executor.is_closed


def test_reports_reach_the_listeners() -> None:
    """With the curve so far in the snapshot."""
    search = wished(lambda requests: None)
    (event,) = [e for e in search.listener.events if isinstance(e, Reported)]
    snapshot = search.listener.snapshots[search.listener.events.index(event)]
    assert snapshot.trials[2].curve[0].metrics == {"loss": 0.5}
