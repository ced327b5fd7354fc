"""CatBoost: `fit` and `train` report their rounds by themselves.

CatBoost is imported when it is used; `catboost_fit` has the hook.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.frameworks.model_files import (
    ModelFiles,
    is_of,
    kept_class,
    replaced,
    saved_by,
)

MODEL, CLASS = "model.cbm", "class.txt"


class CatboostModels(ModelFiles):
    """Saves models in CatBoost's own format; a loaded one predicts what the saved one did."""

    library = "CatBoost"
    files = (MODEL, CLASS)

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model of CatBoost."""
        return is_of(value, "catboost", "CatBoost")

    def write(self, model: Any, place: Path) -> None:
        """Write the model and its class."""
        saved_by(lambda half: model.save_model(str(half)), place / MODEL)
        replaced(place / CLASS, type(model).__name__.encode())

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; a subclass of the user's must be in `namespace`.

        Raises
        ------
        HpoError
            If it is not whole, or its class is missing.
        """
        import catboost

        self.require_kept(place)
        name = (place / CLASS).read_text(encoding="utf-8")
        kind = kept_class(name, place, vars(catboost), namespace)
        return kind().load_model(str(place / MODEL))


class Catboost(Framework):
    """CatBoost's trainings, which draw from streams of their own (`random_seed`)."""

    name = "catboost"
    packages = ("catboost",)
    models = CatboostModels()

    def is_loaded(self) -> bool:
        """Return whether CatBoost is imported."""
        return hasattr(sys.modules.get("catboost"), "CatBoost")

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import CatBoost."""
        return any(module.partition(".")[0] == "catboost" for module in modules)

    def load(self) -> None:
        """Import CatBoost, so that the first trial is watched too."""
        import catboost  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each training reports its rounds; see `catboost_fit`."""
        from hpo_magic.frameworks.catboost_fit import watched_fits

        return watched_fits(report, guard)
