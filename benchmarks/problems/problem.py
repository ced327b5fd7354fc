"""A benchmark problem: a space to search, and what a setting in it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hpo_magic.core.domains import Plain
from hpo_magic.core.space import Parameter, Params, Space

__all__ = ["Outcome", "Problem", "active_names", "is_reached", "undeclared"]


@dataclass(frozen=True)
class Outcome:
    """What one training gives.

    `loss` is what the sampler sees; `mean` is without the noise, and what is judged. `active` are
    the parameters that the training asked for, in the order of the space.
    """

    loss: float
    mean: float
    active: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """One search to be done.

    Parameters
    ----------
    name
        The stem of the table's file name.
    space
        What the sampler may read. Where the conditions are left to be learned from the trials, as
        a plain `if` leaves them, its parameters have no scopes.
    conditions
        The same space with every condition declared: what is true. For the judges, and for the
        samplers whose language cannot do without (Optuna's `if`, Hyperopt's nested choices).
    losses
        (params, random generator) to (loss, mean), both in the problem's own unit.
    kind
        "flat", "choices" or "conditional".
    best, median
        The lowest known mean, and the median mean of random settings: regret is measured in
        units of their difference.
    is_noisy
        Whether the same setting gives another loss when it is drawn again.
    """

    name: str
    space: Space
    conditions: Space
    losses: Callable[[Params, np.random.Generator], tuple[float, float]]
    kind: str
    best: float
    median: float
    is_noisy: bool = False

    def evaluate(self, params: Params, rng: np.random.Generator) -> Outcome:
        """Train with `params`; values of parameters that are not active make no difference."""
        active = active_names(self.conditions, params)
        loss, mean = self.losses({name: params[name] for name in active}, rng)
        return Outcome(loss, mean, active)

    def regret(self, mean: float) -> float:
        """Return how far `mean` is from the best known: 0 is the best, 1 a median random one."""
        return max(mean - self.best, 0.0) / (self.median - self.best)


def is_reached(parameter: Parameter, active: Params) -> bool:
    """Return whether `parameter` is asked for, once the parameters before it gave `active`."""
    return all(parent in active and active[parent] in values for parent, values in parameter.scopes)


def active_names(space: Space, params: Params) -> tuple[str, ...]:
    """Return the parameters that `params` reaches, by the scopes that `space` declares.

    A parent stands before its children in the space, as it is asked for before them.
    """
    active: dict[str, Plain] = {}
    for name, parameter in space.items():
        if is_reached(parameter, active):
            active[name] = params[name]
    return tuple(active)


def undeclared(space: Space) -> Space:
    """Return `space` without its scopes."""
    return Space({name: replace(parameter, scopes=()) for name, parameter in space.items()})
