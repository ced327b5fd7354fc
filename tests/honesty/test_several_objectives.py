"""The honest numbers of a front: each setting's re-runs are its own."""

from __future__ import annotations

import pytest

from hpo_magic.core.domains import Plain
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.honesty.recheck_results import honest_by_goal


def a_trial(number: int, x: Plain, acc: float, size: float, **more: object) -> Trial:
    """Return a complete trial of two objectives."""
    params = {"x": x}
    return Trial(number, State.COMPLETE, params, value=acc, metrics={"size": size}, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("chosen", "other"), [(0.00123441, 0.00123444), ("a" * 40 + "b", "a" * 40 + "c")]
)
def test_settings_that_look_alike_keep_their_own_re_runs(chosen: Plain, other: Plain) -> None:
    """They differ in the fifth digit, or after the fortieth character."""
    trials = (
        a_trial(0, chosen, 0.9, 10.0),
        a_trial(1, other, 0.8, 5.0),
        a_trial(2, chosen, 0.85, 10.0, kind=Kind.RECHECK, seed=1, used_seed=True),
        a_trial(3, other, 0.1, 5.0, kind=Kind.RECHECK, seed=1, used_seed=True),
    )
    goals = (Goal("acc", Direction.MAXIMIZE), Goal("size", Direction.MINIMIZE))
    snapshot = Snapshot(
        "s",
        goals,
        trials=trials,
        space=Space(),
        chosen=0,
        is_live=False,
    )
    assert honest_by_goal(snapshot)["acc"].value == pytest.approx(0.85)
