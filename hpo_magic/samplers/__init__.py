"""Samplers: functions from space, history and seed to the next setting."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from hpo_magic.core.ports import Sampler
from hpo_magic.errors import OptionError, did_you_mean

__all__ = ["SAMPLERS", "make_sampler"]

# Where each sampler is: its module is imported when it is made, as some load large libraries.
SAMPLERS = {
    "bayes": "hpo_magic.samplers.bayes:BayesSampler",
    "random": "hpo_magic.samplers.random:RandomSampler",
}


def make_sampler(name: str) -> Sampler:
    """Return a new sampler of that name.

    Raises
    ------
    OptionError
        If there is none.

    >>> type(make_sampler("random")).__name__
    'RandomSampler'
    """
    if name not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        raise OptionError(f'no sampler "{name}".{did_you_mean(name, SAMPLERS)} There are: {known}.')
    module, class_name = SAMPLERS[name].split(":")
    made: Callable[[], Sampler] = getattr(import_module(module), class_name)
    return made()
