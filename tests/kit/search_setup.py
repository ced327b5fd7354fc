"""A search of five trials on a disk and an executor that a test plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo_magic.core.domains import Int
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import Noted
from hpo_magic.core.plan import Plan
from hpo_magic.core.records import StudyRecord, UsedRows
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import VALUE, State, Trial
from hpo_magic.errors import StorageError
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
