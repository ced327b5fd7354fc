"""One attempt: whatever the user's code does becomes one event."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.domains import Int
from hpo_magic.core.events import Completed, Ended, Failed, Run
from hpo_magic.core.ports import Fit, Report
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, Failure, Goal, Kind
from hpo_magic.errors import MissingMetric
from hpo_magic.executors.trial_execution import OUTPUT_KEPT, TrialExecution, TrialStopped
from hpo_magic.frameworks.standard import StandardStreams
from hpo_magic.language.hp import hp
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


def test_a_value_completes_the_trial() -> None:
    """The event has the value, what it is, and what was asked for and printed."""

    def train() -> float:
        print("epoch 1")
        return hp.Int("units", 1, 9) / 2

    completed = executed(train, a_run(units=8))
    assert isinstance(completed, Completed)
    outcome = completed.outcome
    assert (outcome.value, outcome.goal) == (4.0, Goal("value", Direction.MINIMIZE))
    assert outcome.params == {"units": 8}
    assert outcome.parameters == (Parameter("units", Int(1, 9), 5),)
    assert outcome.output == "epoch 1\n"


@pytest.mark.parametrize(
    ("error", "name", "message"),
    [
        (ValueError("no such layer"), "ValueError", "no such layer"),
        (MemoryError(), "MemoryError", ""),
        (SystemExit(2), "SystemExit", "2"),
        (SystemExit(), "SystemExit", ""),
        (RecursionError("too deep"), "RecursionError", "too deep"),
        (AssertionError(), "AssertionError", ""),
        (StopIteration(), "StopIteration", ""),
    ],
)
def test_what_the_code_raises_fails_the_trial(
    error: BaseException, name: str, message: str
) -> None:
    """`sys.exit()` too; the failure has the user's line and frames, and is not fatal."""
    failed = failure_of(raising(error))
    assert (failed.failure.error, failed.failure.message) == (name, message)
    assert failed.failure.line == 2
    assert "raise error" in failed.failure.traceback
    assert "hpo_magic/executors" not in failed.failure.traceback
    assert not failed.fatal


def test_sys_exit_does_not_end_the_program() -> None:
    """It fails the trial, whatever its status."""
    assert failure_of(lambda: sys.exit(0)).failure.error == "SystemExit"


def test_an_error_that_cannot_say_what_it_is_fails_the_trial() -> None:
    """A broken `__str__` of the user's does not break the search."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("broken")

    assert failure_of(raising(Mute())).failure.message == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "value is not a number (NaN)"),
        (math.inf, "value is infinite"),
        (-math.inf, "value is infinite"),
        (np.float32("nan"), "value is not a number (NaN)"),
    ],
)
def test_a_training_that_diverges_fails(value: float, text: str) -> None:
    """Its numbers are kept, but it has no value, and other settings may do better."""
    failed = failure_of(lambda: value)
    assert failed.failure == Failure("Diverged", text)
    assert list(failed.outcome.metrics) == ["value"]
    assert not failed.fatal


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("good", "The end of the cell: a number was expected, got 'good'."),
        (True, "The end of the cell: a number was expected, got True."),
        (
            [0.1, 0.2],
            "The end of the cell: a number was expected, got a list of length 2. Take its mean, "
            "or the element that is the score.",
        ),
        (object(), "The end of the cell: a number was expected, got an object of type object."),
    ],
)
def test_a_result_of_a_wrong_type_is_fatal(value: object, message: str) -> None:
    """No setting would make it a number."""
    failed = failure_of(lambda: value)
    assert (failed.failure.error, failed.failure.message) == ("", message)
    assert failed.fatal


def test_a_missing_metric_is_fatal_and_names_the_trial() -> None:
    """The sentence lists what there is; the error keeps its parts."""
    execution = TrialExecution(
        FakeObjective(lambda: {"val_loss": 0.5}), goals=(Goal("val_los", Direction.MINIMIZE),)
    )
    done = execution(a_run(), lambda step, metrics, n_steps=None: None, lambda: None)
    failed = done.event
    assert isinstance(failed, Failed)
    assert failed.fatal
    assert failed.failure.message == (
        'Trial 3 finished without the metric "val_los". It logged: val_loss. '
        "Did you mean --minimize val_loss?"
    )
    assert isinstance(done.error, MissingMetric)


def test_a_space_that_cannot_be_searched_is_fatal() -> None:
    """What was asked for before it is kept."""

    def train() -> float:
        hp.Int("units", 1, 9)
        return hp.Float("lr", 0, 1, sampling="log")

    failed = failure_of(train, run=a_run(units=2))
    assert failed.fatal
    assert "a log scale needs a lower bound above 0, got 0." in failed.failure.message
    assert failed.outcome.params == {"units": 2}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TrialStopped(), GeneratorExit()])
def test_a_stop_ends_the_trial(error: BaseException) -> None:
    """It is no failure of the cell."""
    assert isinstance(executed(raising(error)), Ended)


def test_whatever_a_stopped_training_raises_ends_it() -> None:
    """TensorFlow turns an interrupt into errors of its own."""
    ended = executed(raising(ValueError("cancelled")), is_stopping=lambda: True)
    assert isinstance(ended, Ended)


def test_a_training_that_ends_while_it_is_stopped_is_complete() -> None:
    """Its value is as good as any."""
    assert isinstance(executed(lambda: 0.5, is_stopping=lambda: True), Completed)


def test_no_except_exception_catches_a_stop() -> None:
    """A cell that goes on after errors is ended all the same."""

    def train() -> float:
        try:
            hp.report(loss=1.0)
        except Exception:  # noqa: BLE001  (what users write)
            return 0.0
        return 1.0

    def report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
        raise TrialStopped

    execution = TrialExecution(FakeObjective(train), goals=Direction.MINIMIZE)
    assert isinstance(execution(a_run(), report, lambda: None).event, Ended)


# Output.


def test_prints_are_kept_with_the_trial(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of them reaches the notebook."""

    def train() -> float:
        print("to stdout")
        print("to stderr", file=sys.stderr)
        return 0.5

    assert executed(train).outcome.output == "to stdout\nto stderr\n"
    assert capsys.readouterr() == ("", "")


WARNING = """
import warnings
from hpo_magic.core.events import Run
from hpo_magic.core.trial import Direction, Kind
from hpo_magic.executors.trial_execution import TrialExecution
from hpo_magic.testing.fakes import FakeObjective

def train():
    warnings.warn("mind the gap")
    return 0.5

execution = TrialExecution(FakeObjective(train), goals=Direction.MINIMIZE)
run = Run(0, {}, Kind.START, 0)
done = execution(run, lambda step, metrics, n_steps=None: None, lambda: None)
print(repr(done.event.outcome.output))
"""


def test_warnings_are_kept_with_the_trial() -> None:
    """In a program of its own, since pytest collects the warnings of this one."""
    done = subprocess.run(
        [sys.executable, "-c", WARNING], capture_output=True, text=True, check=True, timeout=60
    )
    assert "UserWarning: mind the gap" in done.stdout
    assert done.stderr == ""


def test_the_end_of_a_long_output_is_kept() -> None:
    """The last lines tell most."""

    def train() -> float:
        for epoch in range(10_000):
            print(f"epoch {epoch}")
        return 0.5

    output = executed(train).outcome.output
    assert len(output) == OUTPUT_KEPT
    assert output.endswith("epoch 9998\nepoch 9999\n")


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_the_output_of_a_failed_or_stopped_trial_is_kept(error: BaseException) -> None:
    """It may say why."""

    def train() -> float:
        print("about to fail")
        raise error

    assert executed(train).outcome.output == "about to fail\n"


def test_the_streams_of_a_trial_are_those_of_a_program() -> None:
    """Libraries ask them for an encoding, a descriptor and the bytes below."""

    def train() -> float:
        assert sys.stdout.encoding == "utf-8"
        assert not sys.stdout.isatty()
        assert isinstance(sys.stdout.fileno(), int)
        sys.stdout.buffer.write(b"below\n")
        sys.stdout.writelines(["one\n", "two\n"])
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", "pass"], stdout=sys.stdout, check=True)
        return 0.5

    with open(os.devnull, "w") as real, contextlib.redirect_stdout(real):  # noqa: PTH123
        assert executed(train).outcome.output == "below\none\ntwo\n"


def test_what_a_trial_sets_for_the_process_is_put_back() -> None:
    """Also where it fails."""

    def train() -> float:
        os.environ["OF_THE_TRIAL"] = "1"
        np.seterr(all="ignore")
        logging.getLogger("of.the.trial").addHandler(logging.StreamHandler())
        raise ValueError("no")

    before = np.geterr()
    failure_of(train)
    assert np.geterr() == before
    assert "OF_THE_TRIAL" not in os.environ
    assert logging.getLogger("of.the.trial").handlers == []


# Frameworks and models.


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


# What comes from elsewhere.


def test_a_trial_that_optuna_s_objective_prunes_ends() -> None:
    """Without a failure, and without a value."""
    import optuna

    ended = executed(raising(optuna.TrialPruned()))
    assert isinstance(ended, Ended)
    assert ended.gave_up
    assert ended.outcome.value is None

    class TrialPruned(Exception):
        """One of the user's own."""

    assert failure_of(raising(TrialPruned())).failure.error == "TrialPruned"


def test_a_trial_may_say_that_it_failed() -> None:
    """By Hyperopt's status; it fails alone."""
    failed = failure_of(lambda: {"status": "fail", "loss": 1.0})
    assert (failed.failure.error, failed.fatal) == ("", False)
    assert failed.failure.message == 'it ended with the status "fail".'
    completed = executed(lambda: {"status": "ok", "loss": 1.0, "model": object()})
    assert isinstance(completed, Completed)
    assert (completed.outcome.value, completed.outcome.goal.metric) == (1.0, "loss")


def test_numbers_that_an_objective_notes_are_metrics() -> None:
    """Beside the value, and also where there is none."""

    def train() -> float:
        hp.trial.set_user_attr("n_params", 12)
        hp.trial.set_user_attr("layers", "ab")
        if hp.trial.suggest_categorical("fails", [False, True]):
            raise ValueError
        return 0.5

    completed = executed(train, a_run(fails=False))
    assert completed.outcome.metrics == {"n_params": 12.0, "value": 0.5}
    assert completed.outcome.output == "layers: 'ab'\n"
    assert executed(train, a_run(fails=True)).outcome.metrics == {"n_params": 12.0}


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
