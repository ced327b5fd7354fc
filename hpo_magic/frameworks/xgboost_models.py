"""Keeps XGBoost's models in its own format (UBJSON); no pickle."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpo_magic.core.log import suppressed
from hpo_magic.errors import HpoError
from hpo_magic.frameworks.model_files import read_json, replaced, saved_by, written

MODEL = "model.ubj"
CLASS = "class.json"
_FILES = (MODEL, CLASS)


class XgboostModels:
    """Saves boosters and scikit-learn models; a loaded one predicts what the saved one did."""

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model of XGBoost."""
        library = sys.modules.get("xgboost")
        kinds = tuple(k for k in (getattr(library, n, None) for n in ("Booster", "XGBModel")) if k)
        return bool(kinds) and isinstance(value, kinds)

    def save(self, model: Any, place: Path) -> None:
        """Save a model in the folder `place`, in place of what is there.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        with written(place, _FILES):
            saved_by(model.save_model, place / MODEL)
            described = {"class": type(model).__name__, "params": {}}
            if hasattr(model, "get_params"):
                described["params"] = _plain(model.get_params())
            replaced(place / CLASS, json.dumps(described).encode())

    def is_kept(self, place: Path) -> bool:
        """Return whether a whole model is in the folder."""
        return all((place / name).is_file() for name in _FILES)

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; a subclass of the user's must be in `namespace`.

        Raises
        ------
        HpoError
            If it is not whole, or its class is missing.
        """
        import xgboost

        if not self.is_kept(place):
            raise HpoError(f"No whole model of XGBoost is in {place}. Run its cell again.")
        described = read_json(place / CLASS)
        name = described["class"]
        kind = getattr(xgboost, name, namespace.get(name))
        if kind is None:
            raise HpoError(
                f"The model in {place} is of the class {name}, which is not defined now. Run the "
                f"cell that defines it again."
            )
        model = kind(**described["params"])
        model.load_model(place / MODEL)
        return model

    def restore(self, place: Path, model: Any) -> bool:
        """Return False: a model that was trained again has its own trees."""
        return False


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that JSON can hold; others do not matter to a fitted model."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if value is None or (isinstance(value, float) and np.isnan(value)):
            continue
        with suppressed("a parameter of XGBoost is no plain value", TypeError, ValueError):
            json.dumps(value, allow_nan=False)
            found[name] = value
    return found
