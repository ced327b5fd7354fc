"""LightGBM: `train`, `cv` and the scikit-learn classes report their rounds by themselves.

LightGBM is imported when it is used. `lightgbm_fit` has the hook, `lightgbm_models` keeps models.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.frameworks.lightgbm_models import LightgbmModels


class Lightgbm(Framework):
    """LightGBM's trainings.

    It draws from streams of its own, which `seed` and `random_state` of the cell set; without them
    they begin at a constant. So there is nothing to seed.
    """

    name = "lightgbm"
    packages = ("lightgbm",)
    models = LightgbmModels()

    def is_loaded(self) -> bool:
        """Return whether LightGBM is imported."""
        return "lightgbm.engine" in sys.modules

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import LightGBM."""
        return any(module.partition(".")[0] == "lightgbm" for module in modules)

    def load(self) -> None:
        """Import LightGBM, so that the first trial is watched too."""
        import lightgbm  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each training reports its rounds; see `lightgbm_fit`."""
        from hpo_magic.frameworks.lightgbm_fit import watched_fits

        return watched_fits(report, guard)
