"""Settings as numbers, in the two forms that the samplers compute with.

*Units* are for searching: one column per parameter, its place in [0, 1], so that a step means the
same in every parameter. *Features* are for learning: the columns of scikit-optimize's
`Space.transform`, so that a fitted model is also at home in `skopt.plots`. There an ordered
parameter is one column from 0 (lowest) to 1 (highest), a choice without an order is one-hot, and a
choice between two is one column of 0 and 1. What is not reached stands at its default: the same
wherever it is not reached, so that it makes no difference there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hpo_magic.core.activity import Activity, BoolArray
from hpo_magic.core.domains import Choice, Domain, FloatArray, Plain
from hpo_magic.core.space import Space

__all__ = ["Encoding", "is_one_hot"]


@dataclass(frozen=True)
class Encoding:
    """How the settings of a space become numbers, and back."""

    space: Space
    activity: Activity

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        """The domains, in the order of the space."""
        return tuple(parameter.domain for parameter in self.space.values())

    @cached_property
    def defaults(self) -> FloatArray:
        """The units of the defaults."""
        return np.array([p.domain.unit(p.default) for p in self.space.values()])

    @cached_property
    def owner(self) -> npt.NDArray[np.intp]:
        """For each feature, the index of its parameter; shape (n_features,)."""
        widths = [domain.n_levels if is_one_hot(domain) else 1 for domain in self.domains]
        return np.repeat(np.arange(len(widths)), np.array(widths, dtype=np.intp))

    def snap(self, units: FloatArray) -> FloatArray:
        """Return `units`, shape (n, n_params), moved to the places of values that exist."""
        snapped = np.empty_like(units)
        for j, domain in enumerate(self.domains):
            snapped[:, j] = domain.snap(units[:, j])
        return snapped

    def reached(self, units: FloatArray) -> BoolArray:
        """Return which parameters each setting reaches; shape of `units`."""
        if not self.activity.conditions:
            return ~np.isnan(units)
        return self.activity.mask(units)

    def settled(self, units: FloatArray) -> FloatArray:
        """Return `units` with the defaults in place of what is not reached or is NaN."""
        return np.where(self.reached(units), units, self.defaults)

    def features(self, settled: FloatArray) -> FloatArray:
        """Return the features, shape (n, n_features), of settled units."""
        columns: list[FloatArray] = []
        for j, domain in enumerate(self.domains):
            if is_one_hot(domain):
                n = domain.n_levels or 1
                level = np.minimum((settled[:, j] * n).astype(np.intp), n - 1)
                columns.append(np.eye(n)[level])
            else:
                low, high = _ends(domain)
                stretched = (
                    (settled[:, j] - low) / (high - low) if high > low else 0 * settled[:, j]
                )
                columns.append(stretched[:, np.newaxis])
        return np.hstack(columns)

    def params(self, units: FloatArray) -> dict[str, Plain]:
        """Return the setting at `units`, shape (n_params,), in plain Python values."""
        places = zip(self.space, self.domains, units.tolist(), strict=True)
        return {name: domain.value(unit) for name, domain, unit in places}


def is_one_hot(domain: Domain) -> bool:
    """Whether the domain takes one feature per level: a choice among three or more, no order."""
    return isinstance(domain, Choice) and not domain.ordered and domain.n_levels > 2


def _ends(domain: Domain) -> tuple[float, float]:
    """Return the units of the domain's first and last value."""
    if isinstance(domain, Choice):
        return domain.unit(domain.values[0]), domain.unit(domain.values[-1])
    return domain.unit(domain.low), domain.unit(domain.high)
