"""One attempt: whatever the user's code does becomes one event."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from one_training import a_run, executed, failure_of, raising

from hpo_magic.core.domains import Int
from hpo_magic.core.events import Completed, Ended, Failed
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, Failure, Goal
from hpo_magic.errors import MissingMetric
from hpo_magic.executors.trial_execution import TrialExecution, TrialStopped
from hpo_magic.language.hp import hp
from hpo_magic.testing.fakes import FakeObjective


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
        (
            True,
            "The end of the cell: a number was expected, got True. Take the number that it is made "
            "of.",
        ),
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


@pytest.mark.parametrize("is_interrupted", [False, True], ids=["stopped", "interrupted"])
def test_a_stop_that_a_bare_except_catches_ends_the_trial(is_interrupted: bool) -> None:
    """What the code returns then is no result."""

    def train() -> float:
        try:
            hp.report(loss=1.0)
        except BaseException:  # noqa: BLE001  (what users write)
            return 0.0
        return 1.0

    def report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
        if not is_interrupted:
            raise TrialStopped

    execution = TrialExecution(FakeObjective(train), goals=Direction.MINIMIZE)
    done = execution(a_run(), report, lambda: None, was_interrupted=lambda: is_interrupted)
    assert isinstance(done.event, Ended)
