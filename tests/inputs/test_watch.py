"""Comparisons after each trial: what they cost, and what is told once."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpo_magic.inputs.walk import walk
from hpo_magic.inputs.watch import MOST_OF_THE_TIME, InputsWatch
from hpo_magic.testing.fakes import FakeClock


def test_a_variable_is_told_once() -> None:
    """Other ones still are, when they change."""
    values: dict[str, Any] = {"a": [1], "b": [1]}
    clock = FakeClock()  # comparisons take no time
    watch = InputsWatch(lambda: values, clock=clock)
    values["a"].append(2)
    assert [change.path for change in watch.changes()] == ["a"]
    values["a"].append(3)
    values["b"].append(3)
    assert [change.path for change in watch.changes()] == ["b"]
    assert watch.changes() == []


def test_comparisons_take_a_hundredth_of_the_time() -> None:
    """The first is made in any case; what changed meanwhile is found by a later one."""
    clock, values, n_read = FakeClock(), {"a": [1]}, []

    def read() -> dict[str, Any]:
        clock.advance(0.1)
        n_read.append(1)
        return values

    watch = InputsWatch(read, clock=clock)
    for _ in range(200):
        clock.advance(1.0)  # a trial
        watch.changes()
    n_later = len(n_read) - 2  # without the one at the start and the first comparison
    assert n_later > 10
    assert 0.1 * (n_later - 1) <= MOST_OF_THE_TIME * clock()
    values["a"].append(2)
    found = []
    for _ in range(12):
        clock.advance(1.0)
        found += watch.changes()
    assert [change.path for change in found] == ["a"]


def test_what_is_beyond_the_bounds_is_named() -> None:
    """By its variable; the others are read."""
    values = {"a": 1, "b": [[{"x": i}] for i in range(100)], "c": np.ones(3)}
    unseen = {node.path: node.reading.unseen for node in walk(values, most_nodes=50)}
    assert unseen["b"] == "all that it holds"
    assert unseen["a"] == ""
    late = [node.path for node in walk(values, most_seconds=-1.0) if node.reading.unseen]
    assert late == ["b", "c"]
