"""Lightning: `Trainer.fit` reports its epochs by itself, under both of the package's names.

Lightning is imported when it is used; `lightning_fit` has the hook. `frameworks/torch.py` seeds it,
keeps its modules and frees its memory.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from hpo_magic.core.ports import Fit, Framework, Report

# The modules that have `Trainer`, of the packages `lightning` and `pytorch-lightning`.
MODULES = ("lightning.pytorch", "pytorch_lightning")


class Lightning(Framework):
    """The trainers of Lightning."""

    name = "lightning"
    packages = ("lightning", "pytorch-lightning")

    def is_loaded(self) -> bool:
        """Return whether one of the packages is imported."""
        return any(hasattr(sys.modules.get(name), "Trainer") for name in MODULES)

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code with these imports will import Lightning."""
        return any(one.partition(".")[0] in ("lightning", "pytorch_lightning") for one in modules)

    def load(self) -> None:
        """Import Lightning where it is installed, under whichever of its names."""
        try:
            import lightning.pytorch  # noqa: F401
        except ImportError:
            import pytorch_lightning  # noqa: F401

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which each `Trainer.fit` reports its epochs; see `lightning_fit`."""
        from hpo_magic.frameworks.lightning_fit import watched_fits

        loaded = [sys.modules[name] for name in MODULES if name in sys.modules]
        return watched_fits(loaded, report, guard)
