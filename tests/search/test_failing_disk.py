"""The runner on a disk that fails: nothing is lost, and no number is given twice."""

from __future__ import annotations

import pytest
from search_setup import (
    ALL,
    UNITS,
    FailingStorage,
    Setup,
    complete,
    oldest,
)

from hpo_magic.core.domains import Plain
from hpo_magic.core.events import Reason
from hpo_magic.core.space import Space
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import SpaceError, StorageError
from hpo_magic.testing.fakes import FakeExecutor


def test_a_sampler_that_cannot_search_the_space_leaves_nothing_behind() -> None:
    """Its error is the caller's; the start is on disk, and no number is left claimed."""

    def refuse(*_: object) -> dict[str, Plain]:
        raise SpaceError("a grid needs ranges with few values.")

    search = Setup()
    search.runner.engine.plan.sampler.suggest = refuse  # type: ignore[method-assign]
    with pytest.raises(SpaceError, match=r"a grid needs"):
        search.runner.run()
    assert search.stored() == complete(1)
    assert search.storage.claim(1) == 1
    assert search.executor.is_closed
    assert len(search.listener.closed) == 1


@pytest.mark.parametrize("broken", [{"save"}, {"claim"}, {"claim", "save"}, ALL, {"read"}])
def test_a_disk_that_fails_for_a_while_loses_nothing(broken: set[str]) -> None:
    """The search goes on, the user is told once, and what waited is stored when it is back."""

    def play(executor: FakeExecutor) -> None:
        n = len(executor.submitted)
        search.storage.broken = broken if 2 <= n <= 4 else set()
        oldest(executor)

    search = Setup(play, n_trials=8)
    assert search.runner.run().reason is Reason.TRIALS
    assert search.storage.n_failures > 0
    assert search.stored() == complete(8)
    assert search.runner.unsaved == {}
    assert len(search.executor.submitted) == 8
    (note,) = search.notes()
    assert note == (
        "digits.sqlite: the disk is full. The search goes on; nothing finished is lost."
    )


def test_a_disk_that_never_comes_back_leaves_all_trials_unsaved() -> None:
    """They are in memory, for whoever asks."""

    def play(executor: FakeExecutor) -> None:
        search.storage.broken = ALL if len(executor.submitted) >= 2 else set()
        oldest(executor)

    search = Setup(play)
    search.runner.run()
    assert search.stored() == [(0, State.COMPLETE), (1, State.RUNNING)]
    assert sorted(search.runner.unsaved) == [1, 2, 3, 4]
    assert all(t.state is State.COMPLETE for t in search.runner.unsaved.values())
    assert len(search.listener.closed[0].trials) == 5
    assert len(search.notes()) == 1


def test_a_space_that_could_not_be_stored_is_stored_later() -> None:
    """Without it the trials on disk would fit nothing."""

    def play(executor: FakeExecutor) -> None:
        search.storage.broken = {"save"} if len(executor.submitted) == 1 else set()
        oldest(executor)

    search = Setup(play)
    search.runner.run()
    assert search.storage.space(1) == Space({"units": UNITS})


def test_the_disk_may_fail_from_the_start() -> None:
    """Numbers are given here then; none is given twice when the disk is back."""

    def play(executor: FakeExecutor) -> None:
        search.storage.broken = ALL if len(executor.submitted) < 3 else set()
        oldest(executor)

    search = Setup(play)
    search.storage.broken = set(ALL)
    search.runner.run()
    assert search.stored() == complete(5)
    assert [run.number for run in search.executor.submitted] == list(range(5))


@pytest.mark.parametrize("n_failing", range(1, 8))
def test_a_disk_that_stutters_gives_no_number_twice(n_failing: int) -> None:
    """Whichever claims fail, each trial is stored once, under a number of its own."""

    class Stuttering(FailingStorage):
        n_claims = 0

        def claim(self, study: int) -> int:
            self.n_claims += 1
            if 2 <= self.n_claims < 2 + n_failing:
                raise StorageError("digits.sqlite: locked.")
            return super().claim(study)

    search = Setup(storage=Stuttering())
    search.runner.run()
    assert search.runner.unsaved == {}
    numbers = [run.number for run in search.executor.submitted]
    assert len(numbers) == len(set(numbers)) == 5
    states = dict(search.stored())
    assert list(states.values()) == [State.COMPLETE] * 5


def test_a_number_of_another_process_is_never_taken() -> None:
    """A trial that got its number while the disk failed is stored under a claimed one."""

    def play(executor: FakeExecutor) -> None:
        n = len(executor.submitted)
        if n == 3 and not search.storage.broken:
            search.storage.save_trial(1, Trial(1, State.COMPLETE, {"units": 9}, value=-1.0))
        oldest(executor)
        search.storage.broken = {"claim", "save"} if n == 1 else set()

    search = Setup(play, n_trials=4)
    search.runner.run()
    stored = search.storage.trials(1)
    assert len({t.number for t in stored}) == len(stored)
    assert all(t.state is State.COMPLETE for t in stored)
