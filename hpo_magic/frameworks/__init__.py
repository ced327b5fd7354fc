"""The training libraries that are watched while a cell runs; none is imported before its use."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, ModuleType

from hpo_magic.core.log import suppressed
from hpo_magic.core.ports import Framework
from hpo_magic.core.registry import load
from hpo_magic.frameworks.kept_models import KeptModels
from hpo_magic.frameworks.standard import kept_random_state

__all__ = [
    "FRAMEWORKS",
    "all_frameworks",
    "kept_models",
    "kept_random_state",
    "load_wanted",
]

# Where each framework is. The standard streams come first: a library may seed them differently.
# PyTorch comes last, as models of the others are modules of it: the first that knows one keeps it.
FRAMEWORKS = {
    "standard": "hpo_magic.frameworks.standard:StandardStreams",
    "scikit-learn": "hpo_magic.frameworks.scikit_learn:ScikitLearn",
    "lightgbm": "hpo_magic.frameworks.lightgbm:Lightgbm",
    "xgboost": "hpo_magic.frameworks.xgboost:Xgboost",
    "catboost": "hpo_magic.frameworks.catboost:Catboost",
    "keras": "hpo_magic.frameworks.keras:KerasFramework",
    "lightning": "hpo_magic.frameworks.lightning:Lightning",
    "transformers": "hpo_magic.frameworks.huggingface:HuggingFace",
    "skorch": "hpo_magic.frameworks.skorch:Skorch",
    "fastai": "hpo_magic.frameworks.fastai:Fastai",
    "torch": "hpo_magic.frameworks.torch:Torch",
}


def all_frameworks() -> list[Framework]:
    """Return a new object of each framework, in the order of `FRAMEWORKS`."""
    return [load(place)() for place in FRAMEWORKS.values()]


def load_wanted(modules: Iterable[str], values: Iterable[object] = ()) -> None:
    """Import the libraries that code with these imports loads in its first trial.

    `values` are what it reads from outside: a package that the notebook has imported may import
    its trainer only when it is used, which would be too late for the hook and the seeds. A library
    that is not installed, or cannot be imported, is left to the cell: its own import raises,
    at a line of the user's.
    """
    modules = [*modules, *filter(None, map(_module_of, values))]
    for framework in all_frameworks():
        if not framework.is_loaded() and framework.wants(modules):
            with suppressed(f"{framework.name} could not be imported"):
                framework.load()


def _module_of(value: object) -> str:
    """Return the name of a module, or of the one that defines a class or function; else ""."""
    if isinstance(value, ModuleType):
        return value.__name__
    return str(value.__module__ or "") if isinstance(value, type | FunctionType) else ""


def kept_models() -> KeptModels:
    """Return what saves and loads the models of all frameworks."""
    return KeptModels(all_frameworks())
