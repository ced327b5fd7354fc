"""PyTorch: seeds, memory of devices, workers of data loaders."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from hpo_magic import hp, search
from hpo_magic.core.trial import State
from hpo_magic.frameworks.torch import Torch

pytestmark = pytest.mark.slow

QUIET: dict[str, Any] = {"minimize": "value", "ui": "none", "recheck": "0", "sampler": "random"}


@pytest.fixture
def graphics_card(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is asked of a graphics card that is not there."""
    asked: list[str] = []
    for name, answer in {
        "is_initialized": lambda: True,
        "empty_cache": lambda: asked.append("empty_cache"),
        "get_rng_state_all": lambda: [torch.zeros(1, dtype=torch.uint8)],
        "manual_seed_all": lambda seed: None,
    }.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    return asked


def test_each_trial_is_seeded() -> None:
    """Weights and shuffles are the same in each trial, and in the frozen code."""
    drawn: list[float] = []

    def objective() -> float:
        hp.Float("x", 0.0, 1.0)
        drawn.append(torch.rand(1).item())
        return drawn[-1]

    study = search(objective, trials=3, seed=5, **QUIET)
    assert len(set(drawn)) == 1
    names: dict[str, Any] = {}
    exec(Torch().seeding(5, {"torch.nn"}), names)
    assert torch.rand(1).item() == study.trials[0].value
    assert study.trials[0].drew_random


def test_nothing_is_seeded_in_a_script_without_it() -> None:
    """A frozen cell of scikit-learn does not need PyTorch."""
    assert Torch().seeding(5, {"sklearn.svm", "numpy"}) == ""
    assert "_torch.manual_seed(5)" in Torch().seeding(5, {"lightning"})


def test_the_cache_of_a_graphics_card_is_emptied_after_each_trial(
    graphics_card: list[str],
) -> None:
    """When the model of the trial is gone: a trainer and its model refer to each other."""
    alive: list[Any] = []

    def objective() -> float:
        import weakref

        hp.Float("x", 0.0, 1.0)
        model, trainer = torch.nn.Linear(2, 2), SimpleNamespace()
        trainer.model, model.trainer = model, trainer  # type: ignore[assignment]
        alive.append(weakref.ref(model))
        graphics_card.append("trial")
        return random.random()

    search(objective, trials=2, **QUIET)
    assert graphics_card.index("empty_cache", graphics_card.index("trial")) > 0
    assert graphics_card[-1] == "empty_cache"
    assert [reference() for reference in alive] == [None, None]


def test_no_device_is_begun_by_a_question() -> None:
    """Without a graphics card in use nothing is emptied."""
    Torch().release()
    assert not torch.cuda.is_initialized()


def test_a_trial_that_ends_in_an_epoch_leaves_no_worker_process() -> None:
    """Those of its data loader end with it; the notebook's loader begins anew."""
    import multiprocessing

    rows = TensorDataset(torch.arange(64.0))
    kept = DataLoader(rows, 8, num_workers=1, persistent_workers=True)
    n_seen: list[int] = []

    def objective() -> float:
        hp.Float("x", 0.0, 1.0)
        own = DataLoader(rows, 8, num_workers=1)
        n_seen.append(sum(1 for _ in kept))
        for _batch in own:
            raise RuntimeError("in the middle")
        return 0.0

    def whole() -> float:
        hp.Float("x", 0.0, 1.0)
        return float(sum(1 for _ in kept))

    before = set(multiprocessing.active_children())
    with pytest.raises(Exception, match="in the middle"):
        search(objective, trials=1, **QUIET)
    assert set(multiprocessing.active_children()) <= before
    study = search(whole, trials=2, **QUIET)
    assert [trial.state for trial in study.trials] == [State.COMPLETE] * 2
    assert n_seen == [8]
    assert set(multiprocessing.active_children()) <= before
    assert sum(1 for _ in kept) == 8
