"""The best setting as KerasTuner's `HyperParameters`."""

from __future__ import annotations

import sys
from typing import Any

import keras_tuner
import pytest

from hpo_magic import hp, search
from hpo_magic.errors import HpoError


def build(hp: Any) -> list[Any]:
    """Return the values that a model would be built of."""
    kind = hp.Choice("kind", ["flat", "deep"])
    layers = [hp.Int("units", 16, 64, step=16, default=48), kind, hp.Boolean("norm")]
    with hp.conditional_scope("kind", ["deep"]):
        if kind == "deep":
            layers.append(hp.Int("width", 8, 128, step=2, sampling="log"))
    return [*layers, hp.Float("lr", 1e-4, 1e-1, sampling="log")]


def test_best_hp_builds_the_best_model_again() -> None:
    """With its values, and the ranges that KerasTuner has."""

    def objective() -> float:
        units, kind, *_ = build(hp)
        hp.Choice("rows", [None, 32])  # outside of what KerasTuner builds
        return float(abs(units - 32) + (kind == "flat"))

    study = search(objective, trials=12, minimize="value", recheck="0", ui="none", seed=1)
    built = build(study.best_hp)
    best = study.best_params
    assert built[:3] == [best["units"], best["kind"], best["norm"]]
    assert built[-1] == best["lr"]
    assert isinstance(study.best_hp, keras_tuner.HyperParameters)
    assert study.best_hp.values == best
    known = {one.name: one for one in study.best_hp.space}
    assert (known["units"].min_value, known["units"].max_value, known["units"].step) == (16, 64, 16)
    assert known["lr"].sampling == "log"
    assert "rows" not in known  # KerasTuner's choices are of one type


def test_without_keras_tuner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to install it."""
    study = search(lambda: hp.Int("x", 1, 3), trials=2, minimize="value", recheck="0", ui="none")
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    monkeypatch.setattr("hpo_magic.exports.keras_tuner.find_spec", lambda name: None)
    with pytest.raises(HpoError, match="pip install keras-tuner"):
        _ = study.best_hp
