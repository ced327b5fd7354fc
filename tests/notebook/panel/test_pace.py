"""How often the panel draws."""

from __future__ import annotations

import pytest

from hpo_magic.notebook.panel.pace import Pace
from hpo_magic.testing.fakes import FakeClock


def spend(pace: Pace, clock: FakeClock, seconds: float) -> None:
    """Let a drawing take so long."""
    with pace.spending():
        clock.advance(seconds)


def test_the_first_drawing_is_due_at_once() -> None:
    """A new pace has its allowance."""
    assert Pace(0.03, 0.5, 0.05, FakeClock()).is_due()


def test_after_a_drawing_the_share_must_be_saved_up_again() -> None:
    """What took 80 ms with an allowance of 50 is due again after 30 ms / 3 %."""
    clock = FakeClock()
    pace = Pace(0.03, 0.0, 0.05, clock)
    spend(pace, clock, 0.08)
    clock.advance(0.9)
    assert not pace.is_due()
    clock.advance(0.1)
    assert pace.is_due()


def test_a_cheap_drawing_still_waits_for_the_gap() -> None:
    """Never more than one in half a second."""
    clock = FakeClock()
    pace = Pace(0.03, 0.5, 0.05, clock)
    spend(pace, clock, 0.001)
    clock.advance(0.4)
    assert not pace.is_due()
    clock.advance(0.1)
    assert pace.is_due()


@pytest.mark.parametrize("cost", [0.001, 0.05, 0.4])
def test_the_share_is_held_in_the_long_run(cost: float) -> None:
    """However much a drawing costs, ten minutes spend 3 % and one drawing at most."""
    clock = FakeClock()
    pace = Pace(0.03, 0.5, 0.05, clock)
    n_times = 0
    while clock.at < 600:
        if pace.is_due():
            spend(pace, clock, cost)
            n_times += 1
        clock.advance(0.01)
    assert n_times * cost <= 0.03 * clock.at + 0.05 + cost
    assert n_times > 1


def test_a_quiet_hour_saves_up_no_more_than_the_allowance() -> None:
    """After a pause there is no burst of drawings."""
    clock = FakeClock()
    pace = Pace(0.03, 0.0, 0.05, clock)
    clock.advance(3600)
    assert pace.is_due()
    spend(pace, clock, 0.06)
    assert not pace.is_due()


def test_a_failing_drawing_is_counted() -> None:
    """The time is gone, whatever came of it."""
    clock = FakeClock()
    pace = Pace(0.03, 0.0, 0.05, clock)

    def fail() -> None:
        with pace.spending():
            clock.advance(0.1)
            raise RuntimeError("no ink")

    with pytest.raises(RuntimeError, match="no ink"):
        fail()
    assert not pace.is_due()
    clock.advance(0.05 / 0.03 + 0.01)
    assert pace.is_due()
