"""The options of a search without the user's words, for a bug report."""

from __future__ import annotations

from dataclasses import fields

from hpo_magic.pruners import PRUNERS
from hpo_magic.samplers import SAMPLERS
from hpo_magic.search.options import ERRORS, UIS, Options

# Words of our own; every other text may be a name, a path or an address of the user's.
OURS = {*SAMPLERS, *PRUNERS, *ERRORS, *UIS, "auto", "none", "noise"}


def anonymous(options: Options) -> str:
    """Return the options that differ from their defaults; names and paths are only "given".

    >>> anonymous(Options(trials=20, sampler="random", from_study="secret"))
    'trials=20, sampler=random, from_study given'
    """
    default, told = Options(), []
    for field in fields(options):
        value = getattr(options, field.name)
        if value == getattr(default, field.name):
            continue
        is_ours = value in OURS if isinstance(value, str) else isinstance(value, int | float)
        told.append(f"{field.name}={value}" if is_ours else f"{field.name} given")
    return ", ".join(told) or "defaults"
