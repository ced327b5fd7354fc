"""Keeps XGBoost's models in its own format (UBJSON); no pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpo_magic.core.log import suppressed
from hpo_magic.frameworks.model_files import (
    ModelFiles,
    is_of,
    kept_class,
    read_json,
    replaced,
    saved_by,
)

MODEL = "model.ubj"
CLASS = "class.json"


class XgboostModels(ModelFiles):
    """Saves boosters and scikit-learn models; a loaded one predicts what the saved one did."""

    library = "XGBoost"
    files = (MODEL, CLASS)

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model of XGBoost."""
        return is_of(value, "xgboost", "Booster", "XGBModel")

    def write(self, model: Any, place: Path) -> None:
        """Write the model and its class."""
        saved_by(model.save_model, place / MODEL)
        described = {"class": type(model).__name__, "params": {}}
        if hasattr(model, "get_params"):
            described["params"] = _plain(model.get_params())
        replaced(place / CLASS, json.dumps(described).encode())

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; a subclass of the user's must be in `namespace`.

        Raises
        ------
        HpoError
            If it is not whole, or its class is missing.
        """
        import xgboost

        self.require_kept(place)
        described = read_json(place / CLASS)
        kind = kept_class(described["class"], place, vars(xgboost), namespace)
        model = kind(**described["params"])
        model.load_model(place / MODEL)
        return model


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
