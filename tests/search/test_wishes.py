"""What the user asks of a search that runs: stop, skip, enqueue, pause."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from search_setup import (
    Setup,
    complete,
    oldest,
    wished,
)

from hpo_magic.core.events import Reason
from hpo_magic.core.trial import Kind, State
from hpo_magic.search.requests import UserRequests
from hpo_magic.testing.fakes import FakeExecutor


def test_stop_ends_the_search() -> None:
    """The trial is stopped, those before it stand."""
    search = wished(UserRequests.stop)
    assert search.finish.reason is Reason.STOPPED  # type: ignore[attr-defined]
    assert search.stored() == [*complete(2), (2, State.STOPPED)]
    assert search.listener.closed[0].ended is Reason.STOPPED


def test_skip_ends_the_trial() -> None:
    """It is skipped, and the search goes on."""
    search = wished(UserRequests.skip)
    assert search.stored() == [
        *complete(2),
        (2, State.SKIPPED),
        (3, State.COMPLETE),
        (4, State.COMPLETE),
    ]
    assert search.executor.stopping == {2}


def test_skip_ends_the_latest_of_several() -> None:
    """The one that was started last."""

    def play(executor: FakeExecutor) -> None:
        if len(executor.running) == 3 and not executor.stopping:
            search.requests.skip()
            executor.report(max(executor.running), 1, loss=0.5)
            return
        oldest(executor)

    search = Setup(play, n_workers=3)
    search.runner.run()
    assert search.executor.stopping == {3}


def test_skip_with_nothing_running_does_nothing() -> None:
    """A click between two trials, or after the search."""
    search = Setup()
    search.requests.skip()
    search.runner.run()
    search.requests.skip()
    assert search.stored() == complete(5)


def test_enqueue_runs_the_setting_next() -> None:
    """As soon as a worker is free."""
    search = wished(lambda requests: requests.enqueue({"units": 7}))
    enqueued = [run for run in search.executor.submitted if run.kind is Kind.ENQUEUED]
    assert [(run.number, run.params) for run in enqueued] == [(3, {"units": 7})]


def test_what_was_enqueued_and_not_run_is_given_back() -> None:
    """A search that ends first leaves it for the next one, wherever it came from."""
    search = Setup()
    search.storage.enqueue(search.record.id, {"units": 7})
    search.runner = search.fresh()
    assert search.storage.take_enqueued(search.record.id) == []
    search.requests.enqueue({"units": 8})
    search.requests.stop()
    search.requests.enqueue({"units": 9})
    search.runner.run()
    waiting = search.storage.take_enqueued(search.record.id)
    assert waiting == [{"units": 7}, {"units": 8}, {"units": 9}]


def test_what_is_asked_for_at_the_very_end_waits_for_the_next_run() -> None:
    """A click during the last trial is not lost."""
    search = wished(lambda requests: requests.enqueue({"units": 7}), at=4)
    assert search.storage.take_enqueued(search.record.id) == [{"units": 7}]


def test_pause_holds_the_search_until_it_goes_on() -> None:
    """While it is held, the panel's own work goes on."""
    idled: list[bool] = []

    def idle() -> None:
        idled.append(search.requests.is_paused)
        if idled.count(True) == 2:
            search.requests.resume()

    search = Setup()
    search.listener.on_poll = idle
    search.requests.pause()
    assert search.requests.is_paused
    search.runner.run()
    assert idled[:3] == [True, True, False]
    assert search.stored() == complete(5)


@pytest.mark.parametrize(("in_training", "is_late"), [(True, False), (False, True)])
def test_a_pause_is_no_time_of_a_training_in_this_thread(
    in_training: bool,
    is_late: bool,
) -> None:
    """It stands still meanwhile; one that runs elsewhere does not."""

    def idle() -> None:
        if search.requests.is_paused:
            search.clock.advance(60.0)
            search.requests.resume()

    def play(executor: FakeExecutor) -> None:
        search.requests.pause()
        search.runner.obey(in_training=in_training)
        oldest(executor)

    search = Setup(play, n_trials=1, timeout_s=10.0)
    search.listener.on_poll = idle
    search.runner.run()
    assert search.executor.stopping == ({0} if is_late else set())


@pytest.mark.parametrize("asked", [UserRequests.stop, UserRequests.skip])
def test_a_held_search_can_be_ended(asked: Callable[[UserRequests], None]) -> None:
    """Stop and skip let it go on, to do what they ask."""

    def play(executor: FakeExecutor) -> None:
        if executor.running and not executor.stopping:
            search.requests.pause()
            executor.report(min(executor.running), 1, loss=0.5)
            return
        oldest(executor)

    search = Setup(play, n_trials=1)
    search.listener.on_poll = lambda: asked(search.requests) if search.requests.is_paused else None
    search.runner.run()
    assert search.executor.stopping == {0}
