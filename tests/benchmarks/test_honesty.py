"""The benchmark of honest numbers: what it counts, on one short search."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.honesty import Found, run, summary, table
from benchmarks.honesty_problems import PROBLEMS

FOUND = Found("iris", "re-check", 0, 0.95, 0.91, 0.05, 0.90, 0.89)


def test_a_search_is_measured_on_all_other_rows() -> None:
    """The same search twice says the same; with and without the re-check it has numbers."""
    problem = next(p for p in PROBLEMS if p.name.startswith("iris"))
    for recheck in ("auto", "0"):
        found = run(problem, 1, recheck, n_trials=8)
        assert found == run(problem, 1, recheck, n_trials=8)
        assert 0.5 < found.test <= 1
        assert found.half_width > 0
    loss = run(next(p for p in PROBLEMS if p.metric == "mae"), 0, "0", n_trials=4)
    assert loss.best_seen < 0
    assert loss.test < 0


def test_points_are_hundredths_of_the_metric() -> None:
    """Means over searches, and how often the interval held."""
    missed = replace(FOUND, honest=0.99, best_seen=1.0)
    numbers = summary([FOUND, missed])
    assert numbers["best seen"] == pytest.approx(7.5)
    assert numbers["honest"] == pytest.approx(5.0)
    assert numbers["covered"] == 50
    assert "| iris | re-check | +7.5 |" in table([FOUND, missed])
