"""Searches whose trainings wait, from the first line to the study on disk."""

from __future__ import annotations

import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hpo_magic import hp, load_study, search
from hpo_magic.core.epochs_spent import trainings_worth
from hpo_magic.core.trial import Kind, State
from hpo_magic.search.prepare import NONE_WAITS

N_EPOCHS = 12


def loss_after(epoch: int, lr: float) -> float:
    """Return a loss that falls with the epochs, to an end that depends on the setting."""
    return (lr - 0.3) ** 2 + 1.0 / epoch


def training() -> float:
    """Report epochs, and draw from the seeded stream."""
    lr, noise, loss = hp.Float("lr", 0.0, 1.0), 0.0, 0.0
    for epoch in range(1, N_EPOCHS + 1):
        noise += random.random() * 1e-6
        loss = loss_after(epoch, lr) + noise
        hp.report(epoch, loss=loss)
    return loss


def waiting(function: Any, folder: Path, trials: int = 8, **options: Any) -> Any:
    """Return the study of a search in which trainings may wait."""
    return search(
        function,
        "of_waiting",
        trials=trials,
        minimize="loss",
        pruner="wait",
        recheck="0",
        ui="none",
        storage=str(folder),
        **options,
    )


def test_more_begin_than_the_budget_has(tmp_path: Path) -> None:
    """Only complete trainings have values, and these are what the function gives by itself."""
    study = waiting(training, tmp_path)
    states = {trial.state for trial in study.trials}
    assert states == {State.COMPLETE, State.PRUNED}
    assert len(study.trials) > 8 <= trainings_worth(study.trials) + 1e-9 < 9
    complete = [trial for trial in study.trials if trial.state is State.COMPLETE]
    for trial in complete:
        assert [point.step for point in trial.curve] == list(range(1, N_EPOCHS + 1))
        rng, drawn = random.Random(trial.seed), 0.0
        for _ in range(N_EPOCHS):
            drawn += rng.random() * 1e-6
        assert trial.value == loss_after(N_EPOCHS, float(trial.params["lr"])) + drawn
    assert [t.kind for t in study.trials][:2] == [Kind.START, Kind.SEARCH]
    stored = load_study("of_waiting", tmp_path)
    assert [(t.state, t.value) for t in stored.trials] == [(t.state, t.value) for t in study.trials]


def test_a_search_that_is_done_has_nothing_missing(tmp_path: Path) -> None:
    """Run again, it begins no further training."""
    n_trials = len(waiting(training, tmp_path).trials)
    again = waiting(training, tmp_path)
    assert len(again.trials) == n_trials
    said = [str(notice) for notice in again.snapshot.notices]
    assert any("No trial is left to run: 8." in one and "epochs are done" in one for one in said)
    said = [str(notice) for notice in waiting(training, tmp_path, trials=10).snapshot.notices]
    assert any(one.startswith("Continues: 8.") for one in said)


def test_trainings_that_share_a_file_do_not_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first training shows it; the search says which file, and each training ends."""
    monkeypatch.chdir(tmp_path)

    def writing() -> float:
        value = training()
        Path("best.txt").write_text(str(value), encoding="utf-8")
        return value

    study = waiting(writing, tmp_path / "studies")
    assert len(study.trials) >= 8
    assert {len(t.curve) for t in study.trials if t.state is State.COMPLETE} == {N_EPOCHS}
    assert any("best.txt" in str(notice) for notice in study.snapshot.notices)


def test_code_for_the_main_thread_runs_there(tmp_path: Path) -> None:
    """It fails in no trial: the training is run again, and none waits from then on."""

    def with_a_signal() -> float:
        value = training()
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        return value

    study = waiting(with_a_signal, tmp_path)
    assert State.FAILED not in {trial.state for trial in study.trials}
    assert any("main thread" in str(notice) for notice in study.snapshot.notices)


LOCK = threading.Lock()


def test_a_training_that_holds_a_lock_goes_on(tmp_path: Path) -> None:
    """The next training would wait for it for ever."""

    def with_a_lock() -> float:
        with LOCK:
            return training()

    study = waiting(with_a_lock, tmp_path)
    assert State.FAILED not in {trial.state for trial in study.trials}
    assert not LOCK.locked()


def test_in_a_pool_it_is_said_that_none_waits(tmp_path: Path) -> None:
    """Before the first trial, in one sentence."""
    with ThreadPoolExecutor(1) as pool:
        study = waiting(training, tmp_path, trials=2, on=pool)
    said = [str(notice) for notice in study.snapshot.notices]
    assert said.count(NONE_WAITS) == 1
    assert NONE_WAITS not in map(str, waiting(training, tmp_path / "here").snapshot.notices)
