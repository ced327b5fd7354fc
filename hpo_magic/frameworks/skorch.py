"""skorch: `fit` and `partial_fit` report their epochs by themselves.

skorch is imported when it is used; `skorch_fit` has the hook. `frameworks/torch.py` seeds PyTorch
and frees its memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.frameworks.model_files import is_of
from hpo_magic.frameworks.torch_models import WeightsAlone, can_write


class SkorchModels(WeightsAlone):
    """Saves the weights of a net's module."""

    library = "skorch"

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a net of skorch whose module is built."""
        return is_of(value, "skorch", "NeuralNet") and hasattr(value, "module_") and can_write()

    def module_of(self, model: Any) -> Any:
        """Return the net's module."""
        return model.module_


class Skorch(Framework):
    """The nets of skorch."""

    name = "skorch"
    packages = ("skorch",)
    models = SkorchModels()

    def is_loaded(self) -> bool:
        """Return whether skorch is imported."""
        return hasattr(sys.modules.get("skorch"), "NeuralNet")

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import skorch."""
        return any(module.partition(".")[0] == "skorch" for module in modules)

    def load(self) -> None:
        """Import skorch, so that the first trial is watched too."""
        import skorch  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each fit reports its epochs; see `skorch_fit`."""
        from hpo_magic.frameworks.skorch_fit import watched_fits

        return watched_fits(report, guard)
