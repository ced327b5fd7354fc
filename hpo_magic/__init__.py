"""Hyperparameter optimization for a notebook cell.

    %load_ext hpo_magic

puts `hp` into the notebook and gives `%%hpo`, `%%hpo_test` and `%hpo`. In Python code, `search`
does to a function what `%%hpo` does to a cell. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hpo_magic.language.hp import HyperParameters, hp

if TYPE_CHECKING:
    from hpo_magic.api import load_study, read_study, search
    from hpo_magic.study.compare import compare
    from hpo_magic.study.study import Study

__all__ = [
    "HyperParameters",
    "Study",
    "compare",
    "hp",
    "load_ipython_extension",
    "load_study",
    "read_study",
    "search",
]
__version__ = "0.2.0.dev0"

_HOMES = {
    "Study": "hpo_magic.study.study",
    "compare": "hpo_magic.study.compare",
    "load_ipython_extension": "hpo_magic.notebook.magic",
    "load_study": "hpo_magic.api",
    "read_study": "hpo_magic.api",
    "search": "hpo_magic.api",
    "unload_ipython_extension": "hpo_magic.notebook.magic",
}


class _Package(ModuleType):
    """The package, whose `search` stays the function when the folder `search/` is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name == "search" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hpo_magic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__"})
