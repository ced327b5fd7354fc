"""What a snapshot says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hpo_magic.core.domains import Int
from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.summary import (
    active_names,
    best_so_far,
    counts,
    curve_metric,
    gain,
    time_left_s,
)
from hpo_magic.core.trial import Direction, Goal, Kind, Point, State, Trial
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.progress import (
    counts_text,
    ended_as,
    gain_text,
    progress_text,
    time_text,
)

VALUES = (0.5, 0.3, None, 0.4, 0.2)


def a_search(direction: Direction = Direction.MINIMIZE, **changes: Any) -> Snapshot:
    """Return a search with the `VALUES`, None for a failed trial, 10 seconds each."""
    trials = tuple(
        Trial(
            k,
            State.FAILED if value is None else State.COMPLETE,
            {"units": k + 1},
            Kind.START if k == 0 else Kind.SEARCH,
            value=value,
            started=10.0 * k,
            duration_s=10.0,
        )
        for k, value in enumerate(VALUES)
    )
    space = Space().declare(Parameter("units", Int(1, 9), 1))
    made = Snapshot(
        "toy", (Goal("loss", direction),), space, trials, n_trials=10, started=0.0, at=50.0
    )
    return replace(made, **changes)


def test_best_so_far_follows_the_direction() -> None:
    """The series never gets worse, and leaves failed trials out."""
    low = best_so_far(a_search())
    assert low.numbers.tolist() == [0, 1, 3, 4]
    assert low.best.tolist() == [0.5, 0.3, 0.3, 0.2]
    high = best_so_far(a_search(Direction.MAXIMIZE))
    assert np.array_equal(high.best, [0.5, 0.5, 0.5, 0.5])


def test_best_so_far_of_nothing_is_empty() -> None:
    """No trial, no series."""
    assert best_so_far(a_search(trials=())).best.shape == (0,)


def test_gain_is_better_than_the_start_and_never_negative() -> None:
    """The gain is oriented; where the start is the best it is 0 and nothing is said."""
    assert gain(a_search()) == pytest.approx(0.3)
    assert gain_text(a_search()) == "0.3000 better than the start"
    assert gain(a_search(Direction.MAXIMIZE)) == 0
    assert gain_text(a_search(Direction.MAXIMIZE)) == ""
    assert gain(a_search(trials=())) is None


def test_the_latest_complete_start_counts() -> None:
    """After a change of the ranges the start runs again; a failed one is better than none."""
    old = a_search()
    again = Trial(5, State.COMPLETE, {}, Kind.START, value=0.45)
    broken = Trial(6, State.FAILED, {}, Kind.START)
    assert replace(old, trials=(*old.trials, again, broken)).start == again
    assert replace(old, trials=(broken,)).start == broken
    assert replace(old, trials=()).start is None


def test_the_headline_never_is_one_number() -> None:
    """Start, best seen, honest and test have a line each, and the best is said to be biased."""
    lines = headline_lines(a_search())
    assert [line.label for line in lines] == ["start", "best seen", "honest", "test"]
    assert lines[1].value == "0.2000"
    assert "biased downwards" in lines[1].remark
    assert (lines[3].value, lines[3].remark) == ("not measured", "%%hpo_test toy")


def test_a_measured_test_is_shown_and_a_second_look_is_said() -> None:
    """The last value stands in the headline; from the second look on it is no test."""
    evaluation = TestEvaluation("toy", 1, 4, 60.0, "cell", "data", 0.25)
    assert headline_lines(a_search(evaluations=(evaluation,)))[3] == ("test", "0.2500", "")
    again = headline_lines(
        a_search(evaluations=(evaluation, replace(evaluation, value=0.24, number=2)))
    )[3]
    assert again.value == "0.2400"
    assert "evaluation 2" in again.remark


def test_headline_before_the_start_ran() -> None:
    """Without trials the start is not run yet, and there is no best."""
    lines = headline_lines(a_search(trials=()))
    assert [(line.label, line.value) for line in lines] == [
        ("start", "not run yet"),
        ("test", "not measured"),
    ]


def test_progress_counts_failed_trials_and_not_stopped_ones() -> None:
    """Complete and failed trials use up the budget."""
    stopped = Trial(5, State.STOPPED, {})
    search = a_search()
    search = replace(search, trials=(*search.trials, stopped))
    assert progress_text(search) == "5 of 10 trials done"
    assert counts(search)[State.STOPPED] == 1
    assert counts_text(search) == "4 complete, 1 failed, 1 stopped"


def test_time_left_is_from_the_median_trial_and_the_time_budget() -> None:
    """Five trials of 10 s are left; a running one counts what it has done; time ends it earlier."""
    search = a_search()
    assert time_left_s(search) == 50.0
    running = Trial(5, State.RUNNING, {}, started=46.0)
    assert time_left_s(replace(search, trials=(*search.trials, running))) == 46.0
    assert time_left_s(a_search(time_s=55.0)) == 5.0
    assert time_left_s(a_search(is_live=False)) is None
    assert time_left_s(a_search(trials=())) is None
    assert time_text(search) == "50 s elapsed, about 50 s left"


def test_active_names_are_in_the_order_of_the_space() -> None:
    """Only what a trial reached, also where the space has forgotten it."""
    space = a_search().space.declare(Parameter("never", Int(1, 2), 1))
    odd = Trial(9, State.COMPLETE, {"old": 1}, value=1.0)
    search = a_search(space=space)
    assert active_names(replace(search, trials=(*search.trials, odd))) == ["units", "old"]


def test_curve_metric_prefers_the_study_s_own() -> None:
    """The metric itself, else its validation form, else what there is."""

    def chosen(**metrics: float) -> str | None:
        trial = Trial(0, State.RUNNING, {}, curve=(Point(1, metrics),))
        return curve_metric(a_search(trials=(trial,)))

    assert chosen(loss=1.0, val_loss=2.0) == "loss"
    assert chosen(accuracy=1.0, val_loss=2.0) == "val_loss"
    assert chosen(mae=1.0) == "mae"
    assert curve_metric(a_search()) is None


@pytest.mark.parametrize(
    ("state", "steps", "n_steps", "text"),
    [
        (State.PRUNED, [1, 2, 3], 30, "pruned after epoch 3 of 30"),
        (State.PRUNED, [1, 2], None, "pruned after epoch 2"),
        (State.SKIPPED, [10, 20], 5, "skipped after epoch 20"),  # a plan of the first of two fits
        (State.SKIPPED, [], None, "skipped"),
        (State.STOPPED, [1200], 2000, "stopped after epoch 1,200 of 2,000"),
        (State.FAILED, [1], 30, "failed"),
    ],
)
def test_how_far_a_training_came_is_said(
    state: State, steps: list[int], n_steps: int | None, text: str
) -> None:
    """Of those that were cut short, where it is known."""
    curve = tuple(Point(step, {"loss": 1.0}) for step in steps)
    assert ended_as(Trial(0, state, {}, curve=curve, n_steps=n_steps)) == text


def test_pruned_and_skipped_trials_are_done_and_never_the_best() -> None:
    """They are counted by what they are."""
    old = a_search()
    cut = (
        Trial(5, State.PRUNED, {"units": 6}, curve=(Point(1, {"loss": 0.0}),)),
        Trial(6, State.SKIPPED, {"units": 7}),
    )
    search = replace(old, trials=(*old.trials, *cut))
    assert counts_text(search) == "4 complete, 1 failed, 1 pruned, 1 skipped"
    assert progress_text(search).startswith("7 of ")
    assert headline_lines(search)[1].value == headline_lines(old)[1].value
    assert len(best_so_far(search).values) == 4
