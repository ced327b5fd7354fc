"""Registries of samplers, pruners and the other parts that can be added: names and places."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load(place: str) -> Any:
    """Return the object at "module:name"; its module is imported by this call, not before.

    >>> load("hpo_magic.core.domains:Int").__name__
    'Int'
    """
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
