"""A function called once per search, on random streams of its own."""

from __future__ import annotations

import random
from typing import Any

from hpo_magic.core.events import Run
from hpo_magic.core.trial import Kind
from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.notebook.once import Once


def in_trial(once: Once, data: Any, number: int = 0) -> Any:
    """Return what the cell's `data()` gives in a trial."""
    namespace = {"data": data}
    once.stand_in(namespace)
    with running(
        TrialContext(Run(number, {}, Kind.SEARCH, number), lambda step, metrics, n_steps=None: None)
    ):
        return namespace["data"]()


def test_the_first_result_is_that_of_all_trials() -> None:
    """Trials draw the same numbers after it, whether they loaded the data or not."""
    once = Once("data")
    drawn = []
    results = []
    for _ in range(2):
        random.seed(1)
        results.append(in_trial(once, lambda: [random.random()]))
        drawn.append(random.random())
    assert results[0] is results[1]
    assert drawn[0] == drawn[1]


def test_a_function_that_asks_hp_is_called_in_each_trial() -> None:
    """For a seed or a value; also where the cell had asked before."""
    for ask in (hp.seed, lambda: hp.Int("n", 1, 9)):
        once = Once("data")
        calls: list[int] = []
        for number in range(3):
            in_trial(once, lambda: (calls.append(1), ask()), number)  # noqa: B023
        assert len(calls) == 3


def test_a_result_that_was_changed_is_noticed() -> None:
    """Nothing is loaded: nothing is changed."""
    once = Once("data")
    assert once.changes() == []
    result = in_trial(once, lambda: [1, 2])
    assert once.changes() == []
    result.append(3)
    assert [change.path for change in once.changes()] == ["the result of data()"]


def test_nothing_stands_in_for_what_is_not_there() -> None:
    """No such name, or no function."""
    for name, namespace in (("", {"a": 1}), ("data", {"data": 3}), ("data", {})):
        before = dict(namespace)
        Once(name).stand_in(namespace)
        assert namespace == before
