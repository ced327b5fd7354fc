"""Keeps the weights of PyTorch modules as `safetensors`; no pickle.

The weights alone make no model: the cell runs again, and the kept weights are put into the model
that it builds. A module of Lightning that has saved its hyperparameters is built from these.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo_magic.core.log import suppressed
from hpo_magic.errors import HpoError
from hpo_magic.frameworks.model_files import (
    ModelFiles,
    is_of,
    kept_class,
    read_json,
    replaced,
    saved_by,
)

WEIGHTS = "model.safetensors"
BUILT = "built.json"


class WeightFiles(ModelFiles):
    """What keepers of weights share: they can be put into a model that was built again."""

    def restore(self, place: Path, model: Any) -> bool:
        """Put the kept weights into a model that was built again; return whether there are any.

        Raises
        ------
        HpoError
            If they do not fit.
        """
        if not (place / WEIGHTS).is_file():
            return False
        load_weights(self.module_of(model), place / WEIGHTS)
        return True

    def module_of(self, model: Any) -> Any:
        """Return the module of PyTorch whose weights are kept."""
        return model


class WeightsAlone(WeightFiles):
    """Keeps the weights of objects that hold a module; the object is what the cell makes of them.

    A subclass names its library, and the module by `module_of`.
    """

    files = (WEIGHTS,)

    def write(self, model: Any, place: Path) -> None:
        """Write the weights of the module."""
        save_weights(self.module_of(model), place / WEIGHTS)

    def is_kept(self, place: Path) -> bool:
        """Return False: weights alone make no model."""
        return False

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Raise an error.

        Raises
        ------
        HpoError
            Always: the cell makes the model.
        """
        raise HpoError(f"Only weights are in {place}. Run the cell that builds the model again.")


class TorchModels(WeightFiles):
    """Saves the weights of modules; a module with its weights predicts what the saved one did."""

    library = "PyTorch"
    files = (WEIGHTS, BUILT)

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a module of PyTorch, and the package `safetensors` is here."""
        return is_of(value, "torch.nn", "Module") and can_write()

    def write(self, model: Any, place: Path) -> None:
        """Write a module's weights, and how it is built, if that is known."""
        save_weights(model, place / WEIGHTS)
        built = _how_it_is_built(model)
        if built is not None:
            replaced(place / BUILT, json.dumps(built).encode())

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the module in the folder; its class must be in `namespace`.

        Raises
        ------
        HpoError
            If the class is missing, or what was kept does not fit it.
        """
        if not self.is_kept(place):
            raise HpoError(
                f"Only weights are in {place}. Run the cell that builds the model again."
            )
        built = read_json(place / BUILT)
        kind = kept_class(built["class"], place, namespace)
        import torch

        with torch.random.fork_rng(devices=[]):
            try:
                model = kind(**built["hparams"])
            except Exception as error:
                raise HpoError(
                    f"The model in {place} cannot be built from its hyperparameters: "
                    f"{type(error).__name__}: {error}. Run its cell again."
                ) from error
        load_weights(model, place / WEIGHTS)
        return model.eval()


def can_write() -> bool:
    """Return whether the package `safetensors` is here."""
    return importlib.util.find_spec("safetensors") is not None


def save_weights(module: Any, path: Path) -> None:
    """Write a module's parameters and buffers; those that it shares are written once."""
    from safetensors.torch import save_model

    saved_by(lambda half: save_model(module, str(half)), path)


def load_weights(module: Any, path: Path) -> None:
    """Put weights into a module, on the device where it is.

    Raises
    ------
    HpoError
        If they do not fit.
    """
    from safetensors.torch import load_model

    try:
        load_model(module, str(path))
    except (RuntimeError, ValueError) as error:
        raise HpoError(
            f"The weights in {path.parent} do not fit the model that the cell builds now. "
            f"PyTorch says: {str(error).strip().splitlines()[0]}"
        ) from error


def _how_it_is_built(model: Any) -> dict[str, Any] | None:
    """Return class and hyperparameters of a Lightning module that has saved them; else None."""
    hparams = getattr(model, "hparams_initial", None)
    if not hparams:
        return None
    built = {"class": type(model).__name__, "hparams": dict(hparams)}
    with suppressed("the hyperparameters of a module are no plain values", TypeError, ValueError):
        json.dumps(built, allow_nan=False)
        return built
    return None
