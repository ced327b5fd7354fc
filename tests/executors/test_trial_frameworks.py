"""A trial clears, seeds and watches the frameworks that are loaded, and keeps the leading model."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from one_training import a_run, executed, failure_of, raising

from hpo_magic.core.events import Completed, Run
from hpo_magic.core.ports import Fit, Report
from hpo_magic.core.trial import Direction, Goal, Kind
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.frameworks.standard import StandardStreams
from hpo_magic.testing.fakes import FakeClock, FakeObjective


class FakeFramework:
    """A framework that notes what is done with it, in `done`."""

    name = "fake"

    def __init__(self, *, is_loaded: bool = True, fits: Sequence[Fit] = ()) -> None:
        self.done: list[object] = []
        self._is_loaded = is_loaded
        self._fits = fits

    def is_loaded(self) -> bool:
        return self._is_loaded

    def clear(self) -> None:
        self.done.append("clear")

    def random_state(self) -> None:
        """Return None: there is no random stream."""

    def seed(self, seed: int) -> None:
        self.done.append(seed)
        random.seed(seed)

    @contextmanager
    def watch(self, report: Report, guard: Callable[[], None]) -> Iterator[list[Fit]]:
        self.done.append("watch")
        try:
            yield list(self._fits)
        finally:
            self.done.append("unwatch")


def test_frameworks_are_cleared_seeded_and_watched() -> None:
    """In this order where they watch; the user's code runs in between."""
    framework = FakeFramework()

    def train() -> float:
        framework.done.append("train")
        return random.random()

    values = [executed(train, frameworks=[framework]).outcome.value for _ in range(2)]
    assert values[0] == values[1]
    assert [d for d in framework.done if d != "watch"][:4] == ["clear", 7, "train", "unwatch"]


def test_a_framework_that_is_not_loaded_is_left_alone() -> None:
    """A cell that uses none of it does not pay for it."""
    framework = FakeFramework(is_loaded=False)
    executed(lambda: 0.5, frameworks=[framework])
    assert framework.done == []


def test_a_failing_training_is_watched_no_longer() -> None:
    """What was patched is put back."""
    framework = FakeFramework()
    failure_of(raising(ValueError("no")), frameworks=[framework])
    assert framework.done[-1] == "unwatch"


def test_the_value_is_taken_from_the_last_fit() -> None:
    """Where the cell does not end in one, the metric is that of its training."""
    fits = [Fit([{"val_loss": 0.9}]), Fit([{"val_loss": 0.4}, {"val_loss": 0.5}])]
    completed = executed(lambda: None, frameworks=[FakeFramework(fits=fits)], goals=())
    assert (completed.outcome.value, completed.outcome.goal.metric) == (0.5, "val_loss")


@pytest.mark.parametrize(
    ("direction", "to_beat", "is_kept"),
    [
        (Direction.MINIMIZE, None, True),
        (Direction.MINIMIZE, 0.6, True),
        (Direction.MINIMIZE, 0.5, False),
        (Direction.MINIMIZE, 0.4, False),
        (Direction.MAXIMIZE, 0.4, True),
        (Direction.MAXIMIZE, 0.6, False),
    ],
)
def test_what_beats_all_before_is_kept(
    direction: Direction, to_beat: float | None, is_kept: bool
) -> None:
    """The model of a leading trial is in its event; on a tie the earlier one leads."""
    completed = executed(
        lambda: 0.5,
        a_run(to_beat),
        goals=direction,
        model_of=lambda fits: "model",
    )
    assert isinstance(completed, Completed)
    assert completed.model == ("model" if is_kept else None)


def test_nothing_of_a_failed_training_is_kept() -> None:
    """NaN beats nobody."""
    kept: list[object] = []
    failure_of(lambda: math.nan, model_of=kept.append)
    failure_of(raising(ValueError("no")), model_of=kept.append)
    assert kept == []


def test_interrupts_are_for_the_users_code_alone() -> None:
    """Neither finding the value nor keeping the model may be cut in two."""
    told: list[str] = []

    @contextlib.contextmanager
    def in_user_code() -> Iterator[None]:
        told.append("in")
        try:
            yield
        finally:
            told.append("out")

    executed(
        lambda: told.append("train") or 0.5,
        in_user_code=in_user_code,
        model_of=lambda fits: told.append("keep"),
    )
    assert told == ["in", "train", "out", "keep"]


@pytest.mark.parametrize(
    ("train", "drew"),
    [
        (lambda: 0.5, False),
        (lambda: 0.5 + 0 * np.random.default_rng(3).random(), False),
        (lambda: 0.5 + 0 * np.random.random(), True),  # noqa: NPY002
        (lambda: 0.5 + 0 * random.random(), True),
    ],
)
def test_a_draw_from_a_seeded_stream_is_noted(train: Any, drew: bool) -> None:
    """So that a cell without random numbers is known by one re-run."""
    execution = TrialExecution(
        FakeObjective(train),
        [StandardStreams()],
        goals=(Goal("value", Direction.MAXIMIZE),),
        clock=FakeClock(),
    )
    ended = execution(Run(0, {}, Kind.START, 0), lambda *a, **k: None, lambda: None).event
    assert isinstance(ended, Completed)
    assert ended.outcome.drew_random is drew
