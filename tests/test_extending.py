"""A sampler, pruner, framework, storage and executor from outside: a class and a line for each.

Each is as small as it can be, and a search runs with it. The line is what `add` does: the place of
the class, put into the package's dict under a name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hpo_magic import hp, load_study, search
from hpo_magic.core.domains import Plain
from hpo_magic.core.events import Event, Reported, Run
from hpo_magic.core.ports import Fit, Framework, Report, Verdict
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, State, Trial
from hpo_magic.executors import EXECUTORS, Workers
from hpo_magic.executors.training_task import StepReport, loads_task, train
from hpo_magic.frameworks import FRAMEWORKS
from hpo_magic.pruners import PRUNERS
from hpo_magic.samplers import SAMPLERS
from hpo_magic.storage import STORAGES
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.frameworks import FrameworkContract
from hpo_magic.testing.storages import StorageContract

QUIET = {"ui": "none", "recheck": "0"}
Add = Callable[[dict[str, str], str, Any], None]


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Add:
    """Give what registers a class of this module under a name, and forgets it after the test."""

    def register(registry: dict[str, str], name: str, kind: Any) -> None:
        monkeypatch.setitem(registry, name, f"{kind.__module__}:{kind.__qualname__}")

    return register


class Halving:
    """A sampler: half of the best value so far."""

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        best = history.best()
        assert best is not None  # the first trial is the start
        values = {name: float(str(value)) / 2 for name, value in best.params.items()}
        return {name: space[name].domain.nearest(value) for name, value in values.items()}


def test_a_sampler(add: Add) -> None:
    """It chooses every trial but the start."""
    add(SAMPLERS, "halving", Halving)

    def objective() -> float:
        return hp.Float("x", 0.0, 1.0, default=0.8)

    study = search(objective, trials=4, minimize="value", sampler="halving", **QUIET)
    assert [trial.params["x"] for trial in study.trials] == [0.8, 0.4, 0.2, 0.1]


class Impatient:
    """A pruner: no training but the start goes beyond its second step."""

    def verdict(self, trial: Trial, history: History) -> Verdict:
        is_long = trial.number > 0 and trial.curve[-1].step >= 2
        return Verdict.STOP if is_long else Verdict.KEEP


def test_a_pruner(add: Add) -> None:
    """It stops the trainings that it judges."""
    add(PRUNERS, "impatient", Impatient)

    def objective() -> dict[str, float]:
        x = hp.Float("x", 0.0, 1.0)
        for step in range(1, 5):
            hp.report(step, loss=x / step)
        return {"loss": x / 4}

    study = search(objective, trials=3, minimize="loss", pruner="impatient", **QUIET)
    assert [trial.state for trial in study.trials] == [State.COMPLETE, State.PRUNED, State.PRUNED]
    assert [len(trial.curve) for trial in study.trials] == [4, 2, 2]


class Line:
    """The model of a training library that knows nothing of hpo_magic."""

    seed = 0

    def __init__(self, slope: float) -> None:
        self.slope = slope

    def fit(self) -> None:
        """Train three epochs."""
        for epoch in range(3):
            self.on_epoch(self.slope / (epoch + 1))

    def on_epoch(self, loss: float) -> None:
        """Do nothing; a callback in other libraries."""


class LineModels:
    """Keeps lines as text."""

    def is_model(self, value: Any) -> bool:
        return isinstance(value, Line)

    def save(self, model: Any, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / "line.txt").write_text(repr(model.slope))

    def is_kept(self, place: Path) -> bool:
        return (place / "line.txt").is_file()

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        return Line(float((place / "line.txt").read_text()))

    def restore(self, place: Path, model: Any) -> bool:
        model.slope = self.load(place, {}).slope
        return True


class LineFramework(Framework):
    """Watches the fits of lines, and keeps them."""

    name = "line"
    packages = ("line",)
    models = LineModels()

    def is_loaded(self) -> bool:
        return True

    def seed(self, seed: int) -> None:
        Line.seed = seed

    @contextmanager
    def watch(self, report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
        fits: list[Fit] = []
        fit = Line.fit

        def watched(line: Line) -> None:
            epochs: list[dict[str, float]] = []

            def on_epoch(loss: float) -> None:
                epochs.append({"loss": loss})
                report(len(epochs), {"loss": loss})
                guard()

            line.on_epoch = on_epoch  # type: ignore[method-assign]
            fit(line)
            del line.on_epoch
            fits.append(Fit(epochs, model=line))

        Line.fit = watched  # type: ignore[method-assign]
        try:
            yield fits
        finally:
            Line.fit = fit  # type: ignore[method-assign]


class TestLine(FrameworkContract):
    @pytest.fixture
    def framework(self) -> LineFramework:
        return LineFramework()


def test_a_framework(add: Add, tmp_path: Path) -> None:
    """It is seeded and watched, and the best model is on disk."""
    add(FRAMEWORKS, "line", LineFramework)

    def objective() -> None:
        Line(hp.Float("slope", 0.5, 1.0)).fit()

    options = {"trials": 3, "minimize": "loss", "storage": tmp_path, "seed": 7, **QUIET}
    study = search(objective, "lines", **options)
    assert [len(trial.curve) for trial in study.trials] == [3, 3, 3]
    assert Line.seed == 7
    model = load_study("lines", tmp_path).best_model()
    assert isinstance(model, Line)
    assert model.slope == study.best_params["slope"]
    (mark,) = (tmp_path / "models").rglob("framework.txt")
    assert mark.read_text() == "line"


SHELVES: dict[str, SqliteStorage] = {}


class Shelf:
    """A storage: studies in memory, found again by the name of their shelf."""

    def __init__(self, place: Path | str | None) -> None:
        self._studies = SHELVES.setdefault(str(place), SqliteStorage(None))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._studies, name)

    @staticmethod
    def exists(place: Path | str) -> bool:
        return str(place) in SHELVES


class TestShelf(StorageContract):
    @pytest.fixture
    def storage(self, request: pytest.FixtureRequest) -> Iterator[Shelf]:
        yield Shelf(request.node.name)
        del SHELVES[request.node.name]


def test_a_storage(add: Add, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study is on its shelf, and no file is made."""
    monkeypatch.chdir(tmp_path)
    add(STORAGES, "shelf", Shelf)

    def objective() -> float:
        return hp.Float("x", 0.0, 1.0)

    options = {"minimize": "value", "storage": "shelf:upper", **QUIET}
    search(objective, "shelved", trials=3, **options)
    study = load_study("shelved", "shelf:upper")
    assert len(study.trials) == 3
    assert list(SHELVES) == ["upper"]
    assert list(tmp_path.iterdir()) == []


class Inline:
    """An executor: trains in this process what was packed for another one."""

    n_workers = 1

    def __init__(self, workers: Workers) -> None:
        self._task, self._names = loads_task(workers.task), workers.names
        self._waiting: list[Run] = []
        self._stopping: set[int] = set()

    def submit(self, run: Run) -> None:
        self._waiting.append(run)

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        if not self._waiting:
            return
        run = self._waiting.pop(0)

        def send(reports: Sequence[StepReport]) -> None:
            for one in reports:
                feed(Reported(run.number, one.step, one.metrics, time.time(), one.n_steps))

        result = train(self._task, run, self._names, send, lambda: run.number in self._stopping)
        self._names |= result.names
        assert result.event is not None  # this executor has no training wait
        feed(replace(result.event, at=time.time()))

    def stop(self, number: int) -> None:
        self._stopping.add(number)

    def close(self) -> None:
        self._waiting.clear()


@contextmanager
def inline(workers: Workers) -> Iterator[Inline]:
    """Open the executor, and say on which place it is."""
    workers.note(f"Training inline on {workers.on}.")
    yield Inline(workers)


def test_an_executor(add: Add) -> None:
    """All trials run where `on` says, with their reports."""
    add(EXECUTORS, "inline", inline)

    def objective() -> float:
        x = hp.Float("x", 0.0, 1.0)
        hp.report(1, loss=x)
        return x

    study = search(objective, trials=4, minimize="value", on="inline://here", **QUIET)
    assert [trial.state for trial in study.trials] == [State.COMPLETE] * 4
    assert [len(trial.curve) for trial in study.trials] == [1] * 4
    assert "Training inline on inline://here." in str(study)
