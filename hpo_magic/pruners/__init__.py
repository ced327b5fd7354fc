"""Pruners: functions that decide from learning curves whether a training goes on."""

from __future__ import annotations

from hpo_magic.core.ports import Pruner
from hpo_magic.core.registry import load
from hpo_magic.errors import OptionError, did_you_mean

__all__ = ["PRUNERS", "make_pruner"]

# Where each pruner is; "" for no pruner.
PRUNERS = {
    "asha": "hpo_magic.pruners.asha:AshaPruner",
    "hyperband": "hpo_magic.waiting.brackets:HyperbandTurns",
    "median": "hpo_magic.pruners.median:MedianPruner",
    "none": "",
    "wait": "hpo_magic.waiting.pruner:FreezeThawPruner",
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
    if not PRUNERS[name]:
        return None
    made: Pruner = load(PRUNERS[name])()
    return made
