"""Training libraries that are watched while a cell runs; none is loaded before it is used."""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.ports import Framework, ModelKeeper
from hpo_magic.frameworks.keras import KerasFramework
from hpo_magic.frameworks.keras_models import KerasModels
from hpo_magic.frameworks.standard import StandardStreams, kept_random_state

__all__ = [
    "all_frameworks",
    "kept_models",
    "kept_random_state",
    "load_wanted",
]


def all_frameworks() -> list[Framework]:
    """Return one of each; the standard streams first, as libraries may seed them too."""
    return [StandardStreams(), KerasFramework()]


def load_wanted(modules: Iterable[str]) -> None:
    """Load the frameworks that a cell importing these modules would load in its first trial."""
    framework = KerasFramework()
    if not framework.is_loaded() and framework.wants(modules):
        framework.load()


def kept_models() -> ModelKeeper:
    """Return what saves and loads the models of the frameworks."""
    return KerasModels()
