"""Trials and their history."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo_magic.core.domains import Int
from hpo_magic.core.row_scores import of_rows
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.trial import Direction, Failure, Goal, History, Kind, Point, State, Trial

FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=3,
)
METRICS = st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False), max_size=3)
TRIALS = st.builds(
    Trial,
    number=st.integers(0, 10**6),
    state=st.sampled_from(State),
    params=st.dictionaries(st.text(max_size=5), PLAIN, max_size=3),
    kind=st.sampled_from(Kind),
    seed=st.integers(0, 2**32 - 1),
    value=st.none() | FINITE,
    metrics=METRICS,
    curve=st.lists(st.builds(Point, st.integers(1, 99), METRICS), max_size=2).map(tuple),
    started=st.none() | FINITE,
    duration_s=st.none() | FINITE,
    failure=st.none()
    | st.builds(Failure, st.text(), st.text(), st.none() | st.integers(1), st.text()),
    output=st.text(),
)


@given(TRIALS)
def test_json_gives_the_trial_back(trial: Trial) -> None:
    """What is stored is read back as the same trial, infinities included; it is strict JSON."""
    text = json.dumps(trial.to_json(), allow_nan=False)
    assert Trial.from_json(json.loads(text)) == trial


def test_json_keeps_a_diverged_curve() -> None:
    """NaN is stored by its name, since JSON has none."""
    trial = Trial(0, State.FAILED, {}, curve=(Point(1, {"loss": math.nan}),))
    stored = json.loads(json.dumps(trial.to_json(), allow_nan=False))
    assert stored["curve"] == [[1, {"loss": "nan"}]]
    assert math.isnan(Trial.from_json(stored).curve[0].metrics["loss"])


def test_json_shares_nothing_with_the_trial() -> None:
    """Changing what was made for storing does not change the trial."""
    failure = Failure("ValueError", "no")
    trial = Trial(0, State.FAILED, {"lr": 0.1}, failure=failure)
    stored = trial.to_json()
    stored["failure"]["error"] = stored["params"]["lr"] = "changed"
    assert trial == Trial(0, State.FAILED, {"lr": 0.1}, failure=Failure("ValueError", "no"))


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (Failure("ValueError", "no", 8), "failed on line 8 of the cell: ValueError: no"),
        (Failure("MemoryError", ""), "failed: MemoryError"),
    ],
)
def test_a_failure_says_where_and_what(failure: Failure, text: str) -> None:
    """The line is that of the user's cell; without one or a message it says less."""
    assert str(failure) == text


@pytest.mark.parametrize(("direction", "best"), [(Direction.MINIMIZE, 1), (Direction.MAXIMIZE, 2)])
def test_best_is_the_earliest_of_equals(direction: Direction, best: int) -> None:
    """Among complete trials of the best value the first one counts; others have none."""
    values = [(State.FAILED, None), (State.COMPLETE, 0.1), (State.COMPLETE, 0.9)] * 2
    trials = [Trial(n, state, {}, value=value) for n, (state, value) in enumerate(values)]
    found = History(tuple(trials), (Goal("value", direction),)).best()
    assert found is not None
    assert found.number == best


def test_there_is_no_best_before_the_first_value() -> None:
    """Without a complete trial there is no best one."""
    assert History((Trial(0, State.RUNNING, {}),)).best() is None


def test_a_trial_of_an_older_version_is_read() -> None:
    """It does not say how long it was to be."""
    stored = Trial(3, State.COMPLETE, {"units": 5}, value=0.5).to_json()
    del stored["n_steps"]
    assert Trial.from_json(stored) == Trial(3, State.COMPLETE, {"units": 5}, value=0.5)


def test_a_trial_that_was_stopped_or_runs_uses_up_no_budget() -> None:
    """One that was pruned or skipped does."""
    assert [s for s in State if not s.is_finished] == [
        State.RUNNING,
        State.WAITING,
        State.STOPPED,
    ]


def test_fitting_leaves_out_what_is_outside_the_space() -> None:
    """A history can be cut to the trials of a space."""
    space = Space().declare(Parameter("units", Int(1, 3), 1))
    trials = tuple(Trial(n, State.COMPLETE, {"units": n}, value=0.0) for n in range(6))
    assert [t.number for t in History(trials).fitting(space).trials] == [1, 2, 3]


def test_a_trial_is_shown_on_a_line_or_two() -> None:
    """Not with its curve, its rows and its output, which may be long."""
    rows = of_rows(np.ones(500, bool), np.zeros(500))
    curve = tuple(Point(k, {"loss": 0.5}) for k in range(100))
    trial = Trial(3, State.COMPLETE, {"x": 1}, value=0.5, curve=curve, output="words " * 99)
    assert repr(trial) == repr(replace(trial, row_scores=rows, curve=(), output=""))
    assert len(repr(trial)) < 400
    assert "params={'x': 1}" in repr(trial)


def test_a_trial_shows_its_value_or_its_end_and_its_setting():
    """In one line, in print and in a notebook's output."""
    best = Trial(3, State.COMPLETE, {"lr": 0.012345678, "act": "relu"}, value=0.91234567)
    failed = Trial(4, State.FAILED, {}, failure=Failure("ValueError", "no", 3))
    assert str(best) == "trial 3: 0.91235 with lr=0.01235, act=relu"
    assert str(failed) == "trial 4: failed on line 3 of the cell: ValueError: no"
    assert str(Trial(5, State.PRUNED, {"lr": 1.0})) == "trial 5: pruned with lr=1"
