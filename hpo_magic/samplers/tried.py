"""What has been tried, and what is left.

A cell is a function of the parameters that it reaches. So a setting repeats a trial if it agrees
with it on everything the trial reached, whatever the other values are; that needs no knowledge of
*why* the rest was not reached, and covers a trial that failed half-way through its parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo_magic.core.activity import Activity
from hpo_magic.core.domains import Choice, Domain, FloatArray, Plain
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import SpaceExhausted
from hpo_magic.samplers.encoding import Encoding

__all__ = ["Tried", "every_setting", "exhausted"]

Key = tuple[Any, ...]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """The settings of the trials, by the names of the parameters that they reached."""

    space: Space
    keys: Mapping[Names, set[Key]]

    @classmethod
    def of(cls, activity: Activity, trials: Sequence[Trial]) -> Tried:
        """Return what complete, failed and running trials tried.

        A stopped trial may be tried again. A running one is taken to reach what `activity` says.
        """
        tried = cls(activity.space, {})
        for trial in trials:
            if trial.state in (State.COMPLETE, State.FAILED):
                tried._add(trial.params)
        tried._drop_overtaken()
        for trial in trials:
            if trial.state is State.RUNNING:
                tried._add(activity.reduced(trial.params))
        return tried

    def __contains__(self, params: Params) -> bool:
        for names, keys in self.keys.items():
            if all(name in params for name in names) and self._key(names, params) in keys:
                return True
        return False

    def _add(self, params: Params) -> None:
        names = tuple(name for name in self.space if name in params)
        if names:  # a trial that reached nothing tells nothing about any setting
            assert isinstance(self.keys, dict)
            self.keys.setdefault(names, set()).add(self._key(names, params))

    def _key(self, names: Names, params: Params) -> Key:
        return tuple(_identity(self.space[name].domain, params[name]) for name in names)

    def _drop_overtaken(self) -> None:
        """Forget a trial if another one agrees with it and yet reached more.

        It failed by chance, or the cell was another then: it does not stand for all that agree.
        """
        for names, keys in self.keys.items():
            for longer, longer_keys in self.keys.items():
                if len(longer) > len(names) and set(names) <= set(longer):
                    at = [longer.index(name) for name in names]
                    keys -= {tuple(key[i] for i in at) for key in longer_keys}


def _identity(domain: Domain, value: Plain) -> Plain:
    """Return the same for two values that are the same to the domain, as 0.3 and 0.1 + 0.2."""
    return domain.index(value) if isinstance(domain, Choice) else domain.nearest(value)


def every_setting(encoding: Encoding, at_most: int) -> FloatArray | None:
    """Return all settings that differ in what they reach, or None if there are too many.

    Returns
    -------
    settled units, shape (n_settings, n_params); n_settings <= `at_most`
    """
    units = encoding.defaults[np.newaxis]
    names = list(encoding.space)
    for name in encoding.activity.from_parents_down():
        j = names.index(name)
        reached = encoding.reached(units)[:, j]
        levels = _levels(encoding.domains[j])
        if levels is None or reached.sum() * len(levels) + (~reached).sum() > at_most:
            if reached.any():
                return None
            continue
        spread = np.repeat(units[reached], len(levels), axis=0)
        spread[:, j] = np.tile(levels, int(reached.sum()))
        units = np.vstack([spread, units[~reached]])
    return units


def _levels(domain: Domain) -> FloatArray | None:
    """Return the units of all values of the domain; None if there are very many."""
    n = domain.n_levels
    if n is None or n > 10_000:
        return None
    if domain.kind == "int" and domain.step is None:  # type: ignore[union-attr]
        return np.array([domain.unit(domain.low + k) for k in range(n)])  # type: ignore[operator]
    return (np.arange(n) + 0.5) / n


def exhausted(space: Space) -> SpaceExhausted:
    """Return the error that says that nothing is left."""
    listed = ", ".join(space)
    return SpaceExhausted(
        f"every setting of {listed} has been tried. To go on, widen a range or add a choice."
    )
