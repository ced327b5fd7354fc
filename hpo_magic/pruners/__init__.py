"""Pruners: functions from what a training reported, and the others before it, to keep or stop."""

from __future__ import annotations

from collections.abc import Callable

from hpo_magic.core.ports import Pruner
from hpo_magic.errors import OptionError, did_you_mean
from hpo_magic.pruners.asha import AshaPruner
from hpo_magic.pruners.hyperband import HyperbandPruner
from hpo_magic.pruners.median import MedianPruner

__all__ = ["PRUNERS", "make_pruner"]

PRUNERS: dict[str, Callable[[], Pruner | None]] = {
    "asha": AshaPruner,
    "hyperband": HyperbandPruner,
    "median": MedianPruner,
    "none": lambda: None,
}


def make_pruner(name: str) -> Pruner | None:
    """Return a new pruner of that name; None for "none".

    Raises
    ------
    OptionError
        If there is none of that name.

    >>> type(make_pruner("median")).__name__
    'MedianPruner'
    """
    if name not in PRUNERS:
        known = ", ".join(PRUNERS)
        raise OptionError(f'no pruner "{name}".{did_you_mean(name, PRUNERS)} There are: {known}.')
    return PRUNERS[name]()
