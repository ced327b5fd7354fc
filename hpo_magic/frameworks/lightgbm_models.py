"""Keeps LightGBM's models in its own text format; no pickle.

A `Booster` is one file. An object of the scikit-learn classes is its booster, and beside it as JSON
what `fit` left: parameters, classes, scores. What is read back is compared with what was saved
before it counts as a whole model.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpo_magic.core.log import suppressed
from hpo_magic.frameworks.model_files import ModelFiles, is_of, read_json, replaced

BOOSTER = "booster.txt"
ESTIMATOR = "estimator.json"
N_COMPARED = 20  # rows on which a model that was read back must predict the same
# What `fit` of LightGBM's scikit-learn classes sets beside the booster and the classes.
_FITTED = (
    "_best_iteration",
    "_best_score",
    "_evals_result",
    "_n_features",
    "_n_features_in",
    "_objective",
    "_other_params",
    "_class_map",
)


class LightgbmModels(ModelFiles):
    """Saves boosters and scikit-learn models; a loaded one predicts what the saved one did."""

    library = "LightGBM"
    files = (BOOSTER, ESTIMATOR)

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model of LightGBM."""
        return is_of(value, "lightgbm", "Booster", "LGBMModel")

    def write(self, model: Any, place: Path) -> None:
        """Write the booster, and what `fit` left beside it."""
        import lightgbm

        is_booster = isinstance(model, lightgbm.Booster)
        booster = model if is_booster else model.booster_
        # With `num_iteration` the best rounds alone would be kept.
        replaced(place / BOOSTER, booster.model_to_string(num_iteration=-1).encode())
        described = {"best_iteration": booster.best_iteration}
        if not is_booster:
            described |= _described(model)
        replaced(place / ESTIMATOR, json.dumps(described).encode())
        if not is_booster and not self._is_same(model, place):
            (place / ESTIMATOR).unlink()

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder.

        Raises
        ------
        HpoError
            If it is not whole.
        """
        import lightgbm

        self.require_kept(place)
        described = read_json(place / ESTIMATOR)
        booster = lightgbm.Booster(model_str=(place / BOOSTER).read_text(encoding="utf-8"))
        booster.best_iteration = described["best_iteration"]
        if "class" not in described:
            return booster
        model = getattr(lightgbm, described["class"])(**described["params"])
        for name, value in described["fitted"].items():
            setattr(model, name, value)
        if (classes := described.get("classes")) is not None:
            model._classes = np.array(classes["values"], dtype=classes["dtype"])
            model._n_classes = len(model._classes)
            model._le = _encoder(model._classes)
        model._Booster = booster
        model.fitted_ = True
        return model

    def _is_same(self, model: Any, place: Path) -> bool:
        """Return whether the model that is read back predicts the same."""
        rows = np.random.default_rng(0).normal(size=(N_COMPARED, model.n_features_in_))
        with suppressed("a model of LightGBM could not be read back"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 4.6 warns of any array, all of one without names
            again = self.load(place, {})
            return bool(np.array_equal(model.predict(rows), again.predict(rows)))
        return False


def _described(model: Any) -> dict[str, Any]:
    """Return a fitted object of a scikit-learn class as plain values.

    Raises
    ------
    TypeError
        If it holds an object, such as a function as objective.
    """
    fitted = {name: getattr(model, name) for name in _FITTED if hasattr(model, name)}
    fitted.pop("_class_map", None)
    described = {
        "class": type(model).__name__,
        "params": model.get_params(),
        "fitted": fitted,
    }
    classes = getattr(model, "_classes", None)
    if classes is not None:
        values = np.asarray(classes)
        described["classes"] = {"values": values.tolist(), "dtype": values.dtype.str}
    return described


def _encoder(classes: Any) -> Any:
    from sklearn.preprocessing import LabelEncoder

    return LabelEncoder().fit(classes)
