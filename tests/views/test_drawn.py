"""What the browser draws: the same as the pictures, as values that JSON can hold."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from made_up_searches import EVIL, a_search, a_search_for_several

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Kind, Point, State
from hpo_magic.views.convergence import convergence
from hpo_magic.views.curves import CurveEnds, curves
from hpo_magic.views.drawn import (
    Drawing,
    details_drawn,
    frame_drawn,
    importance_drawn,
    study_drawn,
    timeline_drawn,
)
from hpo_magic.views.front import front
from hpo_magic.views.slices import slices
from hpo_magic.views.timeline import timeline


def drawn(snapshot: Snapshot) -> dict[str, Any]:
    """Return the study as it arrives in the browser."""
    made: dict[str, Any] = json.loads(json.dumps(study_drawn(Drawing(snapshot)), allow_nan=False))
    return made


def complete(study: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the complete trials."""
    return [trial for trial in study["trials"] if trial["state"] == "complete"]


def spots(axes: Any, label: str) -> Any:
    """Return where a picture has its marks of that label, of shape (n, 2)."""
    found = [c for c in axes.collections if str(c.get_label()).startswith(label)]
    return np.vstack([c.get_offsets() for c in found])


def test_convergence_is_that_of_the_picture() -> None:
    """The same dots, the same best values so far, the same limits."""
    snapshot = a_search(40)
    study, axes = drawn(snapshot), convergence(snapshot).axes[0]
    dots = spots(axes, "trial")
    seen = {t["number"]: t["values"][0] for t in complete(study)}
    assert all(seen[int(x)] == pytest.approx(y, rel=1e-5) for x, y in dots)
    frame = study["frame"]
    assert len(dots) == sum(frame["low"] <= value <= frame["high"] for value in seen.values())
    [line] = [each for each in axes.lines if each.get_label() == "best seen"]
    reached = line.get_xydata()
    for number, best in frame["line"]:
        [at] = np.flatnonzero(reached[:, 0] == number)
        assert max(best, frame["low"]) == pytest.approx(reached[at, 1], rel=1e-5)
    assert frame["best"] == frame["line"][-1][0]
    assert study["said"]["convergence"].startswith("Convergence of val_accuracy")


def test_curves_are_those_of_the_picture() -> None:
    """Each trial's points and the limits; of a trial in training also the training rows'."""
    snapshot = a_search(30)
    study, axes = drawn(snapshot), curves(snapshot).axes[0]
    lines = [np.array(path) for path in axes.collections[0].get_segments()]
    told = [np.array(t["curve"][:2]).T for t in study["trials"] if t["curve"][0]]
    assert len(lines) == len(told)
    assert all(np.allclose(a, b, rtol=1e-5) for a, b in zip(lines, told, strict=True))
    low, high = study["frame"]["curves"]
    margins = (low - 0.04 * (high - low), high + 0.06 * (high - low))
    assert axes.get_ylim() == pytest.approx(margins, abs=1e-5)
    assert study["trials"][-1]["curve"] == [[1], [0.3], [0.4]]


def test_what_is_remembered_of_the_curves_changes_no_limit() -> None:
    """Through a search whose trials and curves grow, with a first epoch that diverged."""
    ends = CurveEnds()
    for n in (0, 3, 3, 12, 30):
        snapshot = a_search(n)
        wild = tuple(
            replace(t, curve=(Point(1, {"val_accuracy": float("nan")}), *t.curve[1:]))
            if t.number % 3 == 0 and t.curve
            else t
            for t in snapshot.trials
        )
        for each in (snapshot, replace(snapshot, trials=wild[: len(wild) // 2])):
            fresh = CurveEnds() if each is not snapshot else ends
            assert frame_drawn(each, fresh) == frame_drawn(each)


def test_slices_are_those_of_the_picture() -> None:
    """Also where trials of one level are spread side by side."""
    snapshot = a_search(30)
    study, figure = drawn(snapshot), slices(snapshot)
    for k, parameter in enumerate(study["moving"]):
        axes = figure.axes[k]
        assert axes.get_xlabel() == parameter["name"]
        places = axes.collections[0].get_offsets()[:, 0]
        told = [t["slices"][k] for t in complete(study) if t["slices"][k] is not None]
        assert np.allclose(places, told, atol=1e-4)


def test_front_is_that_of_the_picture() -> None:
    """Its corners, its trials and the limits of its axes."""
    snapshot = a_search_for_several(60)
    study, axes = drawn(snapshot), front(snapshot).axes[0]
    frame = study["frame"]
    by_number = {t["number"]: t["values"][::-1] for t in complete(study)}
    told = sorted(by_number[number] for number in frame["front"])
    assert np.allclose(np.sort(spots(axes, "front"), axis=0), np.sort(told, axis=0), rtol=1e-5)
    assert axes.get_xlim() == pytest.approx((frame["axes"][1]["low"], frame["axes"][1]["high"]))
    assert axes.get_ylim() == pytest.approx((frame["axes"][0]["low"], frame["axes"][0]["high"]))
    assert frame["line"][-1][1] == 1.0


def test_timeline_is_that_of_the_picture() -> None:
    """A bar for each trial, from its begin to its end."""
    snapshot = a_search(20)
    made = timeline_drawn(snapshot)
    segments = [s for c in timeline(snapshot).axes[0].collections for s in c.get_segments()]
    assert sorted((row, begin) for _, row, begin, _, _ in made["bars"]) == sorted(
        (int(s[0][1]), s[0][0]) for s in segments
    )
    assert made["bars"][-1][-1] == "running"


def test_importance_is_none_before_there_are_enough_trials() -> None:
    """The sentence says why; later the parameters come by falling importance."""
    assert importance_drawn(a_search(5)) == {
        "bars": [],
        "said": "Importance needs 20 complete trials.",
    }
    shares = [share for _, share, _ in importance_drawn(a_search(60))["bars"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-4)


def test_a_rerun_names_the_trial_whose_setting_it_has() -> None:
    """So it can be shown beside that one."""
    snapshot = a_search(12, is_running=False)
    best = snapshot.history.ranked[0]
    again = replace(best, number=12, kind=Kind.RECHECK)
    study = drawn(replace(snapshot, trials=(*snapshot.trials, again)))
    assert study["trials"][12]["again"] == best.number
    assert {trial["again"] for trial in study["trials"][:12]} == {None}


def test_the_trial_that_the_re_check_chose_is_named() -> None:
    """It is shown first, also where another one is the best seen."""
    snapshot = a_search(30, is_running=False)
    first, second = snapshot.history.ranked[:2]
    values = [(first, -0.1), (first, -0.12), (second, 0.0), (second, 0.01)]
    again = [
        replace(trial, number=30 + n, kind=Kind.RECHECK, value=trial.value + by, seed=1 + n % 2)
        for n, (trial, by) in enumerate(values)
        if trial.value is not None
    ]
    assert drawn(snapshot)["taken"] is None
    assert drawn(replace(snapshot, trials=(*snapshot.trials, *again)))["taken"] == second.number


def test_numbers_that_json_lacks_are_left_out() -> None:
    """A loss that became NaN or infinite is a gap in its curve."""
    wild = (1.0, float("nan"), float("inf"), 0.5)
    points = tuple(Point(k, {"val_accuracy": v, "accuracy": v}) for k, v in enumerate(wild, 1))
    search = a_search(3)
    running = replace(search.trials[-1], curve=points)
    study = drawn(replace(search, trials=(*search.trials[:-1], running)))
    assert study["trials"][-1]["curve"] == [[1, 4], [1.0, 0.5], [1.0, 0.5]]


def test_a_trial_without_a_value_says_how_it_ended() -> None:
    """And its details have the traceback; nothing is marked up, the browser shows it as text."""
    snapshot = a_search(12)
    failed = next(t for t in snapshot.trials if t.state is State.FAILED)
    told = drawn(snapshot)["trials"][failed.number]
    assert (told["state"], told["values"]) == ("failed", [])
    assert "line 8" in told["failure"]
    assert details_drawn(snapshot, failed)["failure"] == f"frame {EVIL}"


def test_a_search_that_has_just_begun_has_no_frame() -> None:
    """Nothing is best, nothing has limits."""
    frame = frame_drawn(a_search(0, is_running=False))
    assert frame == {"best": None, "start": None, "chosen": None, "good": []}


def test_the_shape_changes_with_the_parameters() -> None:
    """A trial that reaches a new one makes the browser ask for everything."""
    assert Drawing(a_search(12)).shape == Drawing(a_search(12)).shape
    assert Drawing(a_search(12)).shape != Drawing(a_search(1)).shape
