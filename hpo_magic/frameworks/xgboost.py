"""XGBoost: `train`, `cv` and the scikit-learn classes report their rounds by themselves.

XGBoost is imported when it is used. `xgboost_fit` has the hook, `xgboost_models` keeps models.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.frameworks.xgboost_models import XgboostModels


class Xgboost(Framework):
    """XGBoost's trainings.

    It draws from streams of its own, which `seed` and `random_state` of the cell set; without them
    they begin at a constant. So there is nothing to seed.
    """

    name = "xgboost"
    packages = ("xgboost", "xgboost-cpu")
    models = XgboostModels()

    def is_loaded(self) -> bool:
        """Return whether XGBoost is imported."""
        return "xgboost.training" in sys.modules

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import XGBoost."""
        return any(module.partition(".")[0] == "xgboost" for module in modules)

    def load(self) -> None:
        """Import XGBoost, so that the first trial is watched too."""
        import xgboost  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each training reports its rounds; see `xgboost_fit`."""
        from hpo_magic.frameworks.xgboost_fit import watched_fits

        return watched_fits(report, guard)
