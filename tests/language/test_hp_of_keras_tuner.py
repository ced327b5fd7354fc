"""KerasTuner's spelling of the `hp` calls, and its scopes."""

from __future__ import annotations

from typing import Any

import pytest
from asked_in_trials import in_trial

from hpo_magic.errors import SpaceError
from hpo_magic.language.hp import HyperParameters, hp

# keras_tuner 1.4.8: the parameters of `keras_tuner.HyperParameters`' methods, in their order.
KERAS_TUNER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "Int": {
        "name": "x",
        "min_value": 2,
        "max_value": 8,
        "step": 2,
        "sampling": "linear",
        "default": 6,
    },
    "Float": {
        "name": "x",
        "min_value": 2.0,
        "max_value": 8.0,
        "step": 2.0,
        "sampling": "linear",
        "default": 6.0,
    },
    "Choice": {"name": "x", "values": [2, 6], "ordered": True, "default": 6},
    "Boolean": {"name": "x", "default": True},
    "Fixed": {"name": "x", "value": 6},
}


@pytest.mark.parametrize("method", KERAS_TUNER_ARGUMENTS)
def test_arguments_are_spelled_as_kerastuners(method: str) -> None:
    """Each argument is taken by position and by keyword, `parent_name` by keyword."""
    arguments = KERAS_TUNER_ARGUMENTS[method]
    call = getattr(hp, method)
    for n in range(len(arguments) + 1):
        first, rest = list(arguments.values())[:n], dict(list(arguments.items())[n:])
        with in_trial() as trial:
            value = call(*first, **rest, parent_name=None, parent_values=None)
        assert value == (True if method == "Boolean" else 6)
        assert trial.values == {"x": value}


def test_kerastuner_calls() -> None:
    """The calls of KerasTuner's documentation."""
    with in_trial() as trial:
        assert hp.Int("units", 32, 512, step=32) == 288
        assert hp.Int("units", min_value=32, max_value=512, step=32) == 288
        assert hp.Int(name="depth", min_value=1, max_value=3) == 2
        assert hp.Choice("act", ["relu", "tanh"]) == "relu"
        assert hp.Choice("size", values=[1, 2, 4], default=2) == 2
        assert hp.Boolean("norm") is False
        assert hp.Boolean("drop", True) is True
        assert hp.Fixed("x", 3) == 3
        assert hp.Float("lr", 1e-4, 1e-2, sampling="log") == 1e-3
        assert hp.Float("rate", 0.0, 0.5, 0.1, "linear", 0.2) == 0.2
    assert list(trial.values) == [
        "units", "depth", "act", "size", "norm", "drop", "x", "lr", "rate",
    ]  # fmt: skip


def build_mlp(hp: HyperParameters) -> list[object]:
    """Build a model as KerasTuner's guide does: named in a loop, with a branch."""
    layers: list[object] = []
    for i in range(hp.Int("num_layers", 1, 3)):
        layers.append(hp.Int(f"units_{i}", min_value=32, max_value=512, step=32))
        layers.append(hp.Choice("activation", ["relu", "tanh"]))
    if hp.Boolean("dropout"):
        layers.append(0.25)
    layers.append(hp.Float("lr", min_value=1e-4, max_value=1e-2, sampling="log"))
    return layers


def test_a_kerastuner_build_function_runs_unchanged() -> None:
    """It is handed `hp`, and asks for names of its own making."""
    with in_trial() as trial:
        assert build_mlp(hp) == [288, "relu", 288, "relu", 1e-3]
    assert list(trial.values) == [
        "num_layers", "units_0", "activation", "units_1", "dropout", "lr",
    ]  # fmt: skip
    with in_trial({"num_layers": 1, "units_0": 64, "dropout": True, "lr": 0.01}):
        layers = build_mlp(hp)
    assert [layers[0], *layers[2:]] == [64, 0.25, 0.01]


def build_either(hp: HyperParameters) -> tuple[str, object]:
    """Build one of two models, each with the same name in a scope of its own."""
    kind = hp.Choice("model_type", ["mlp", "cnn"])
    with hp.conditional_scope("model_type", ["mlp"]):
        if kind == "mlp":
            return kind, hp.Int("units", 1, 5)
    with hp.conditional_scope("model_type", ["cnn"]):
        return kind, hp.Int("units", 10, 20)


def test_conditional_scope_of_a_build_function() -> None:
    """Two scopes that exclude each other may give one name two ranges."""
    with in_trial({"model_type": "cnn", "units": 12}) as trial:
        assert build_either(hp) == ("cnn", 12)
    assert trial.asked["units"].scopes == (("model_type", ("cnn",)),)
    with in_trial({"model_type": "mlp", "units": 12}):
        assert build_either(hp) == ("mlp", 5)


def test_a_closed_scope_gives_defaults_and_records_nothing() -> None:
    """Code inside runs all the same, as KerasTuner's does; the parameter is not active."""
    with in_trial({"kind": "mlp", "filters": 9}) as trial:
        hp.Choice("kind", ["mlp", "cnn"])
        with hp.conditional_scope("kind", ["cnn"]):
            assert hp.Int("filters", 1, 9, default=2) == 2
            with hp.conditional_scope("filters", [2]):
                assert hp.Int("size", 1, 9) == 5
        with hp.conditional_scope("kind", "mlp"):
            units = hp.Int("units", 1, 9)
        assert hp.Int("filters", 1, 9) == 9
    assert trial.values == {"kind": "mlp", "units": units, "filters": 9}
    assert trial.scopes == []


def test_one_name_in_two_scopes_without_a_branch() -> None:
    """The closed scope is passed over, before or after the open one."""
    for kind, value in (("mlp", 3), ("cnn", 15)):
        with in_trial({"kind": kind}) as trial:
            hp.Choice("kind", ["mlp", "cnn"])
            with hp.conditional_scope("kind", ["mlp"]):
                hp.Int("units", 3, 3)
            with hp.conditional_scope("kind", ["cnn"]):
                hp.Int("units", 15, 15)
        assert trial.values["units"] == value


def test_parent_arguments_are_a_scope() -> None:
    """`parent_name` and `parent_values` do for one call what a scope does for several."""
    with in_trial({"opt": "sgd", "momentum": 0.5, "beta": 0.5}) as trial:
        hp.Choice("opt", ["sgd", "adam"])
        momentum = hp.Float("momentum", 0, 1, parent_name="opt", parent_values=["sgd"])
        beta = hp.Float("beta", 0, 1, default=0.9, parent_name="opt", parent_values="adam")
        norm = hp.Boolean("norm", parent_name="opt", parent_values=["adam"])
        fixed = hp.Fixed("x", 3, parent_name="opt", parent_values=["sgd"])
        choice = hp.Choice("y", [1, 2], parent_name="opt", parent_values=["sgd"], default=2)
    assert (momentum, beta, norm, fixed, type(choice)) == (0.5, 0.9, False, 3, int)
    assert list(trial.values) == ["opt", "momentum", "x", "y"]


def test_a_scope_needs_a_parent_that_was_asked_for() -> None:
    """A parent of a wrong name would close the scope for good."""
    with in_trial():
        hp.Choice("model_type", ["mlp", "cnn"])
        with pytest.raises(SpaceError) as caught, hp.conditional_scope("model_typ", ["mlp"]):
            pass
    assert str(caught.value) == (
        "hp.conditional_scope('model_typ', …): no parameter of that name was asked for before. "
        "Known here: model_type. Did you mean model_type?"
    )
