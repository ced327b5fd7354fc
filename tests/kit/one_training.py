"""One training of a function, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hpo_magic.core.events import Completed, Ended, Failed, Run
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.language.trial_context import current_trial
from hpo_magic.testing.fakes import FakeClock, FakeObjective


def a_run(to_beat: float | None = None, **params: Any) -> Run:
    """Return a training of trial 3."""
    return Run(3, params, Kind.SEARCH, 7, to_beat)


def no_report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
    """Take a report, and do nothing."""


def executed(
    function: Callable[[], object], run: Run | None = None, **options: Any
) -> Completed | Failed | Ended:
    """Return how a training of `function` ends; its value is minimized."""
    asked: dict[str, Any] = {"goals": Direction.MINIMIZE, "clock": FakeClock(50.0), **options}
    hooks = {name: asked.pop(name) for name in ("is_stopping", "in_user_code") if name in asked}
    execution = TrialExecution(FakeObjective(function), **asked)
    ended = execution(run or a_run(), no_report, lambda: None, **hooks).event
    assert (ended.number, ended.at) == (3, 50.0)
    assert current_trial() is None
    return ended


def failure_of(function: Callable[[], object], **options: Any) -> Failed:
    """Return the failure that a training of `function` ends in."""
    failed = executed(function, **options)
    assert isinstance(failed, Failed)
    assert failed.outcome.value is None
    return failed


def raising(error: BaseException) -> Callable[[], object]:
    """Return a function that raises."""

    def train() -> None:
        raise error

    return train
