"""fastai: `fit`, and all that calls it, report their epochs by themselves.

fastai is imported when it is used; `fastai_fit` has the hook. `frameworks/torch.py` seeds PyTorch
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


class FastaiModels(WeightsAlone):
    """Saves the weights of a learner's model."""

    library = "fastai"

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a learner of fastai."""
        return is_of(value, "fastai.learner", "Learner") and can_write()

    def module_of(self, model: Any) -> Any:
        """Return the learner's model."""
        return model.model


class Fastai(Framework):
    """The learners of fastai."""

    name = "fastai"
    packages = ("fastai",)
    models = FastaiModels()

    def is_loaded(self) -> bool:
        """Return whether fastai is imported."""
        return hasattr(sys.modules.get("fastai.learner"), "Learner")

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import fastai."""
        return any(module.partition(".")[0] == "fastai" for module in modules)

    def load(self) -> None:
        """Import fastai, so that the first trial is watched too."""
        import fastai.learner  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each fit reports its epochs; see `fastai_fit`."""
        from hpo_magic.frameworks.fastai_fit import watched_fits

        return watched_fits(report, guard)
