"""A curve that grows: what it equals, what stays, and what many reports cost."""

from __future__ import annotations

import pickle
import time

import pytest

from hpo_magic import hp, search
from hpo_magic.core.growing_curve import GrowingCurve
from hpo_magic.core.trial import Point

POINTS = tuple(Point(k, {"loss": 1.0 / k}) for k in range(1, 6))


def grown() -> GrowingCurve:
    """Return the curve of `POINTS`."""
    curve = GrowingCurve()
    for point in POINTS:
        curve = curve.with_point(point)
    return curve


def test_it_is_what_a_tuple_would_be() -> None:
    """Length, places, slices, order, equality, copies."""
    curve = grown()
    assert (len(curve), curve[0], curve[-1], curve[-5]) == (5, POINTS[0], POINTS[4], POINTS[0])
    assert curve[1:3] == POINTS[1:3]
    assert curve[-2:] == POINTS[-2:]
    assert tuple(curve) == POINTS
    assert curve == POINTS
    assert curve != POINTS[:4]
    assert pickle.loads(pickle.dumps(curve)) == POINTS
    for place in (5, -6):
        with pytest.raises(IndexError, match=str(place)):
            curve[place]


def test_an_earlier_curve_stays_as_it_was() -> None:
    """Also where two curves go on from the same one."""
    two = GrowingCurve(POINTS[:2])
    long, other = two.with_point(POINTS[2]), two.with_point(POINTS[3])
    assert two == POINTS[:2]
    assert long == POINTS[:3]
    assert other == (*POINTS[:2], POINTS[3])


def seconds_of(n_reports: int) -> float:
    """Return how long one trial with so many reports takes."""

    def training() -> float:
        x = hp.Float(0, 1)
        for _ in range(n_reports):
            hp.report(loss=x)
        return x

    began = time.process_time()
    study = search(training, trials=1, minimize="value", recheck="0", ui="none")
    took = time.process_time() - began
    assert len(study.trials[0].curve) == n_reports
    assert type(study.trials[0].curve) is tuple
    return took


def test_ten_times_as_many_reports_cost_ten_times_as_much() -> None:
    """They cost 40 times as much when each report copied the curve; the bound leaves room."""
    seconds_of(100)
    short = min(seconds_of(4_000) for _ in range(2))
    assert min(seconds_of(40_000) for _ in range(2)) < 25 * short
