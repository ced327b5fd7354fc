"""The runner: the loop between engine, executor, storage and user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.domains import Int, Plain
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Completed, Noted, Reason, Reported
from hpo_magic.core.plan import Plan
from hpo_magic.core.records import StudyRecord, UsedRows
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import VALUE, Kind, State, Trial
from hpo_magic.errors import SpaceError, StorageError
from hpo_magic.search.requests import UserRequests
from hpo_magic.search.runner import Runner
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.fakes import FakeClock, FakeExecutor, FakeListener, FakeSampler

UNITS = Parameter("units", Int(1, 9), 5)
RECORD = StudyRecord(0, "digits", 0, (VALUE,), 0)


class FailingStorage(SqliteStorage):
    """A disk that fails, in the ways named in `broken`, while it is told to."""

    def __init__(self) -> None:
        super().__init__(None)
        self.broken: set[str] = set()
        self.n_failures = 0

    def _use(self, what: str) -> None:
        if what in self.broken:
            self.n_failures += 1
            raise StorageError("digits.sqlite: the disk is full.")

    def claim(self, study: int) -> int:
        self._use("claim")
        return super().claim(study)

    def save_trial(self, study: int, trial: Trial) -> None:
        self._use("save")
        super().save_trial(study, trial)

    def save_space(self, study: int, space: Space) -> None:
        self._use("save")
        super().save_space(study, space)

    def update(self, record: StudyRecord) -> None:
        self._use("save")
        super().update(record)

    def add_used(self, study: int, used: UsedRows) -> None:
        self._use("save")
        super().add_used(study, used)

    def changes(self, study: int, since: int) -> tuple[int, list[Trial]]:
        self._use("read")
        return super().changes(study, since)


@dataclass
class FakeModels:
    """Keeps models in memory; `is_full` refuses."""

    is_full: bool = False
    kept: dict[int, object] = field(default_factory=dict)

    def keep(self, number: int, model: object, others: Sequence[int]) -> None:
        if self.is_full:
            raise StorageError("models: the disk is full.")
        self.kept = {n: m for n, m in self.kept.items() if n in others} | {number: model}


ALL = {"claim", "save", "read"}


@dataclass
class Setup:
    """A search of five trials, ready to run."""

    play: Callable[[FakeExecutor], None] | None = None
    n_workers: int = 1
    n_trials: int | None = 5
    storage: FailingStorage = field(default_factory=FailingStorage)
    settings: list[dict[str, int]] | None = None
    requests: UserRequests = field(default_factory=UserRequests)
    timeout_s: float | None = None
    listener: FakeListener = field(default_factory=FakeListener)
    models: FakeModels | None = None

    def __post_init__(self) -> None:
        self.clock = FakeClock(100.0)
        self.record = self.storage.create(RECORD)
        self.executor = FakeExecutor(self.n_workers, [UNITS], self.play, self.clock)
        self.runner = self.fresh()

    def fresh(self) -> Runner:
        """Return a runner of what is stored."""
        plan = Plan(
            "digits",
            FakeSampler(self.settings),
            goals=(VALUE,),
            n_trials=self.n_trials,
            timeout_s=self.timeout_s,
        )
        queue = self.storage.take_enqueued(self.record.id)
        trials = self.storage.trials(self.record.id)
        engine = Engine(plan, self.storage.space(self.record.id), trials, queue, at=self.clock())
        return Runner(
            engine,
            self.executor,
            self.storage,
            self.record,
            [self.listener],
            self.requests,
            self.clock,
            models=self.models,
        )

    def stored(self) -> list[tuple[int, State]]:
        """Return what is on disk."""
        return [(t.number, t.state) for t in self.storage.trials(self.record.id)]

    def notes(self) -> list[str]:
        """Return what the user was told."""
        return [e.notice for e in self.listener.events if isinstance(e, Noted)]


def oldest(executor: FakeExecutor) -> None:
    """Have the oldest training end, as the fake executor does by itself."""
    if executor.running:
        number = min(executor.running)
        if number in executor.stopping:
            executor.end(number)
        else:
            executor.complete(number, float(number))


def complete(n: int) -> list[tuple[int, State]]:
    """Return the first `n` numbers, complete."""
    return [(number, State.COMPLETE) for number in range(n)]


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


# Others on the same study.


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


# A disk that fails.


def test_a_sampler_that_cannot_search_the_space_leaves_nothing_behind() -> None:
    """Its error is the caller's; the start is on disk, and no number is left claimed."""

    def refuse(*_: object) -> dict[str, Plain]:
        raise SpaceError("a grid needs ranges with few values.")

    search = Setup()
    search.runner.engine.plan.sampler.suggest = refuse  # type: ignore[method-assign]
    with pytest.raises(SpaceError, match=r"a grid needs"):
        search.runner.run()
    assert search.stored() == complete(1)
    assert search.storage.claim(1) == 1
    assert search.executor.is_closed
    assert len(search.listener.closed) == 1


@pytest.mark.parametrize("broken", [{"save"}, {"claim"}, {"claim", "save"}, ALL, {"read"}])
def test_a_disk_that_fails_for_a_while_loses_nothing(broken: set[str]) -> None:
    """The search goes on, the user is told once, and what waited is stored when it is back."""

    def play(executor: FakeExecutor) -> None:
        n = len(executor.submitted)
        search.storage.broken = broken if 2 <= n <= 4 else set()
        oldest(executor)

    search = Setup(play, n_trials=8)
    assert search.runner.run().reason is Reason.TRIALS
    assert search.storage.n_failures > 0
    assert search.stored() == complete(8)
    assert search.runner.unsaved == {}
    assert len(search.executor.submitted) == 8
    (note,) = search.notes()
    assert note == (
        "digits.sqlite: the disk is full. The search goes on; nothing finished is lost."
    )


def test_a_disk_that_never_comes_back_leaves_all_trials_unsaved() -> None:
    """They are in memory, for whoever asks."""

    def play(executor: FakeExecutor) -> None:
        search.storage.broken = ALL if len(executor.submitted) >= 2 else set()
        oldest(executor)

    search = Setup(play)
    search.runner.run()
    assert search.stored() == [(0, State.COMPLETE), (1, State.RUNNING)]
    assert sorted(search.runner.unsaved) == [1, 2, 3, 4]
    assert all(t.state is State.COMPLETE for t in search.runner.unsaved.values())
    assert len(search.listener.closed[0].trials) == 5
    assert len(search.notes()) == 1


def test_a_space_that_could_not_be_stored_is_stored_later() -> None:
    """Without it the trials on disk would fit nothing."""

    def play(executor: FakeExecutor) -> None:
        search.storage.broken = {"save"} if len(executor.submitted) == 1 else set()
        oldest(executor)

    search = Setup(play)
    search.runner.run()
    assert search.storage.space(1) == Space({"units": UNITS})


def test_the_disk_may_fail_from_the_start() -> None:
    """Numbers are given here then; none is given twice when the disk is back."""

    def play(executor: FakeExecutor) -> None:
        search.storage.broken = ALL if len(executor.submitted) < 3 else set()
        oldest(executor)

    search = Setup(play)
    search.storage.broken = set(ALL)
    search.runner.run()
    assert search.stored() == complete(5)
    assert [run.number for run in search.executor.submitted] == list(range(5))


@pytest.mark.parametrize("n_failing", range(1, 8))
def test_a_disk_that_stutters_gives_no_number_twice(n_failing: int) -> None:
    """Whichever claims fail, each trial is stored once, under a number of its own."""

    class Stuttering(FailingStorage):
        n_claims = 0

        def claim(self, study: int) -> int:
            self.n_claims += 1
            if 2 <= self.n_claims < 2 + n_failing:
                raise StorageError("digits.sqlite: locked.")
            return super().claim(study)

    search = Setup(storage=Stuttering())
    search.runner.run()
    assert search.runner.unsaved == {}
    numbers = [run.number for run in search.executor.submitted]
    assert len(numbers) == len(set(numbers)) == 5
    states = dict(search.stored())
    assert list(states.values()) == [State.COMPLETE] * 5


def test_a_number_of_another_process_is_never_taken() -> None:
    """A trial that got its number while the disk failed is stored under a claimed one."""

    def play(executor: FakeExecutor) -> None:
        n = len(executor.submitted)
        if n == 3 and not search.storage.broken:
            search.storage.save_trial(1, Trial(1, State.COMPLETE, {"units": 9}, value=-1.0))
        oldest(executor)
        search.storage.broken = {"claim", "save"} if n == 1 else set()

    search = Setup(play, n_trials=4)
    search.runner.run()
    stored = search.storage.trials(1)
    assert len({t.number for t in stored}) == len(stored)
    assert all(t.state is State.COMPLETE for t in stored)


# What the user wishes.


def wished(request: Callable[[UserRequests], object], at: int = 2, **options: Any) -> Setup:
    """Run a search in which the user wishes something during trial `at`."""

    def play(executor: FakeExecutor) -> None:
        if executor.running and min(executor.running) == at and not done:
            done.append(True)
            executor.report(at, 1, loss=0.5)
            request(search.requests)
            return
        oldest(executor)

    done: list[bool] = []
    search = Setup(play, **options)
    search.finish = search.runner.run()  # type: ignore[attr-defined]
    return search


def test_stop_ends_the_search() -> None:
    """The trial is stopped, those before it stand."""
    search = wished(UserRequests.stop)
    assert search.finish.reason is Reason.STOPPED  # type: ignore[attr-defined]
    assert search.stored() == [*complete(2), (2, State.STOPPED)]
    assert search.listener.closed[0].ended is Reason.STOPPED


def test_skip_ends_the_trial() -> None:
    """It is skipped, and the search goes on."""
    search = wished(UserRequests.skip)
    assert search.stored() == [
        *complete(2),
        (2, State.SKIPPED),
        (3, State.COMPLETE),
        (4, State.COMPLETE),
    ]
    assert search.executor.stopping == {2}


def test_skip_ends_the_latest_of_several() -> None:
    """The one that was started last."""

    def play(executor: FakeExecutor) -> None:
        if len(executor.running) == 3 and not executor.stopping:
            search.requests.skip()
            executor.report(max(executor.running), 1, loss=0.5)
            return
        oldest(executor)

    search = Setup(play, n_workers=3)
    search.runner.run()
    assert search.executor.stopping == {3}


def test_skip_with_nothing_running_does_nothing() -> None:
    """A click between two trials, or after the search."""
    search = Setup()
    search.requests.skip()
    search.runner.run()
    search.requests.skip()
    assert search.stored() == complete(5)


def test_enqueue_runs_the_setting_next() -> None:
    """As soon as a worker is free."""
    search = wished(lambda requests: requests.enqueue({"units": 7}))
    enqueued = [run for run in search.executor.submitted if run.kind is Kind.ENQUEUED]
    assert [(run.number, run.params) for run in enqueued] == [(3, {"units": 7})]


def test_what_was_enqueued_and_not_run_is_given_back() -> None:
    """A search that ends first leaves it for the next one, wherever it came from."""
    search = Setup()
    search.storage.enqueue(search.record.id, {"units": 7})
    search.runner = search.fresh()
    assert search.storage.take_enqueued(search.record.id) == []
    search.requests.enqueue({"units": 8})
    search.requests.stop()
    search.requests.enqueue({"units": 9})
    search.runner.run()
    waiting = search.storage.take_enqueued(search.record.id)
    assert waiting == [{"units": 7}, {"units": 8}, {"units": 9}]


def test_what_is_asked_for_at_the_very_end_waits_for_the_next_run() -> None:
    """A click during the last trial is not lost."""
    search = wished(lambda requests: requests.enqueue({"units": 7}), at=4)
    assert search.storage.take_enqueued(search.record.id) == [{"units": 7}]


def test_pause_holds_the_search_until_it_goes_on() -> None:
    """While it is held, the panel's own work goes on."""
    idled: list[bool] = []

    def idle() -> None:
        idled.append(search.requests.is_paused)
        if idled.count(True) == 2:
            search.requests.resume()

    search = Setup()
    search.listener.on_poll = idle
    search.requests.pause()
    assert search.requests.is_paused
    search.runner.run()
    assert idled[:3] == [True, True, False]
    assert search.stored() == complete(5)


@pytest.mark.parametrize(("in_training", "is_late"), [(True, False), (False, True)])
def test_a_pause_is_no_time_of_a_training_in_this_thread(
    in_training: bool,
    is_late: bool,
) -> None:
    """It stands still meanwhile; one that runs elsewhere does not."""

    def idle() -> None:
        if search.requests.is_paused:
            search.clock.advance(60.0)
            search.requests.resume()

    def play(executor: FakeExecutor) -> None:
        search.requests.pause()
        search.runner.obey(in_training=in_training)
        oldest(executor)

    search = Setup(play, n_trials=1, timeout_s=10.0)
    search.listener.on_poll = idle
    search.runner.run()
    assert search.executor.stopping == ({0} if is_late else set())


@pytest.mark.parametrize("asked", [UserRequests.stop, UserRequests.skip])
def test_a_held_search_can_be_ended(asked: Callable[[UserRequests], None]) -> None:
    """Stop and skip let it go on, to do what they ask."""

    def play(executor: FakeExecutor) -> None:
        if executor.running and not executor.stopping:
            search.requests.pause()
            executor.report(min(executor.running), 1, loss=0.5)
            return
        oldest(executor)

    search = Setup(play, n_trials=1)
    search.listener.on_poll = lambda: asked(search.requests) if search.requests.is_paused else None
    search.runner.run()
    assert search.executor.stopping == {0}


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
