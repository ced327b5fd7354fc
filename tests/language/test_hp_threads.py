"""Which trial the `hp` calls of a thread ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asked_in_trials import in_trial

from hpo_magic.language.hp import hp
from hpo_magic.language.trial_context import current_trial


def test_threads_that_a_cell_starts_ask_its_trial() -> None:
    """They get no context of their own, and need none while one trial runs."""
    with in_trial({"units": 64}) as trial, ThreadPoolExecutor(2) as pool:
        values = list(pool.map(lambda _: hp.Int("units", 16, 512), range(4)))
    assert values == [64] * 4
    assert trial.values == {"units": 64}


def test_trials_side_by_side_keep_to_themselves() -> None:
    """Each thread that runs a trial asks its own."""
    ready = threading.Barrier(4)

    def train(number: int) -> list[int]:
        with in_trial({"units": number}):
            ready.wait(10)
            return [hp.Int("units", 0, 512) for _ in range(100)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(train, range(4))) == [[number] * 100 for number in range(4)]
    assert current_trial() is None


def test_a_thread_that_could_be_of_either_of_two_trials_asks_none() -> None:
    """It gets the default rather than another trial's value."""
    with in_trial({"units": 1}), in_trial({"units": 2}), ThreadPoolExecutor(1) as pool:
        assert pool.submit(hp.Int, "units", 0, 512).result() == 256


def test_a_trial_ends_with_its_block() -> None:
    """Also where the block fails; nothing of the trial stays behind."""
    with pytest.raises(ValueError, match="no"), in_trial():
        raise ValueError("no")
    assert current_trial() is None
    assert hp.Int("units", 1, 9) == 5
