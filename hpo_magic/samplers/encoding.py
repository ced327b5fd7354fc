"""Settings as numbers, in the two forms that the samplers compute with.

*Units* are for searching: one column per parameter, its place in [0, 1], so that a step means the
same in every parameter. *Settled* units have what is not reached at its default: the same wherever
it is not reached, so that it makes no difference there.

*Features* are for learning: the columns of scikit-optimize's `Space.transform`, so that a fitted
model is also at home in `skopt.plots`. There an ordered parameter is one column from 0 (lowest) to
1 (highest), a choice without an order is one-hot, and a choice between two is 0 or 1. Of a choice
among very many names, those that no trial has tried can share one column (`compact`): each of them
is equally far from all that were tried, and distances are all that a kernel sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hpo_magic.core.activity import Activity, BoolArray
from hpo_magic.core.domains import Choice, Domain, FloatArray, Plain
from hpo_magic.core.space import Space

IntArray = npt.NDArray[np.intp]

# A choice without an order among more values than this has features for those that were tried.
MOST_ONE_HOT = 64
# A continuous range with fewer floating-point numbers than this is searched number by number.
NARROW = 2.0**24
# The level that stands for all that were not tried.
UNTRIED = -1


@dataclass(frozen=True)
class Encoding:
    """How the settings of a space become numbers, and back.

    Attributes
    ----------
    levels
        By the index of a parameter, the levels of a choice that have a feature each, where not all
        have; the others share one more.
    """

    space: Space
    activity: Activity
    levels: Mapping[int, IntArray] = field(default_factory=dict)

    def compact(self, units: FloatArray) -> Encoding:
        """Return the encoding with fewer features of large choices, for trials at `units`.

        `units` has the shape (n_trials, n_params).
        """
        levels = {}
        for j in np.flatnonzero(self.is_unordered & (self.n_levels > MOST_ONE_HOT)).tolist():
            tried = units[:, j][~np.isnan(units[:, j])]
            known = np.append(tried, self.defaults[j])
            levels[j] = np.unique(np.floor(known * self.n_levels[j]).astype(np.intp))
        return replace(self, levels=levels) if levels else self

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        """The domains, in the order of the space."""
        return tuple(parameter.domain for parameter in self.space.values())

    @cached_property
    def defaults(self) -> FloatArray:
        """The units of the defaults.

        Shape (n_params,).
        """
        return np.array([p.domain.unit(p.default) for p in self.space.values()])

    @cached_property
    def n_levels(self) -> FloatArray:
        """How many values each parameter has; infinity for a continuous range.

        Shape (n_params,).
        """
        return np.array([d.n_levels or np.inf for d in self.domains], dtype=np.float64)

    @cached_property
    def is_unordered(self) -> BoolArray:
        """Whether each parameter is a choice without an order.

        Shape (n_params,).
        """
        return np.array([isinstance(d, Choice) and not d.ordered for d in self.domains])

    @cached_property
    def owner(self) -> IntArray:
        """For each feature, the index of its parameter; shape (n_features,)."""
        return np.repeat(np.arange(len(self.domains)), [len(levels) for levels in self._listed])

    def snap(self, units: FloatArray) -> FloatArray:
        """Return `units`, shape (n, n_params), moved to the places of values that exist."""
        snapped = np.clip(units, 0.0, 1.0)
        columns, n = self._evenly_spaced
        levels = np.minimum(np.floor(snapped[:, columns] * n), n - 1)
        snapped[:, columns] = (levels + 0.5) / n
        for j in self._log_integers:
            snapped[:, j] = self.domains[j].snap(snapped[:, j])
        for j in self._narrow:
            domain = self.domains[j]
            snapped[:, j] = [domain.unit(domain.value(unit)) for unit in snapped[:, j].tolist()]
        return snapped

    def gaps(self, units: FloatArray) -> FloatArray:
        """Return how far the next value above is from each of `units`; 0 on a continuous range.

        `units` has the shape (n, n_params), and so has the result.
        """
        gaps = np.broadcast_to(1.0 / self.n_levels, units.shape).copy()
        low, width = self._ends
        for j in self._log_integers:
            domain = self.domains[j]
            assert domain.low is not None
            decades = np.log(domain.high / domain.low) or 1.0
            place = (units[:, j] - low[j]) / width[j]
            place = 1.0 - place if domain.reverse_log else place
            number = domain.low * np.exp(place * decades)
            gaps[:, j] = np.log1p(1.0 / number) / decades * width[j]
        return gaps

    def reached(self, units: FloatArray) -> BoolArray:
        """Return which parameters each setting reaches; shape of `units`."""
        return self.activity.mask(units)

    def settled(self, units: FloatArray) -> FloatArray:
        """Return `units` with the defaults in place of what is not reached or is NaN.

        `units` has the shape (n, n_params), and so has the result.
        """
        return np.where(self.reached(units), units, self.defaults)

    def features(self, settled: FloatArray) -> FloatArray:
        """Return the features, shape (n, n_features), of settled units."""
        low, width = self._ends
        features = ((settled - low) / width)[:, self.owner]
        columns, level = self._one_hot
        if columns.size:
            owner = self.owner[columns]
            levels = np.floor(settled[:, owner] * self.n_levels[owner])
            features[:, columns] = levels == level
        for column in columns[level == UNTRIED]:
            same = self.owner == self.owner[column]
            features[:, column] = 1.0 - features[:, same].sum(axis=1)
        return features

    def params(self, units: FloatArray) -> dict[str, Plain]:
        """Return the setting at `units`, shape (n_params,), in plain Python values."""
        places = zip(self.space, self.domains, units.tolist(), strict=True)
        return {name: domain.value(unit) for name, domain, unit in places}

    @cached_property
    def _evenly_spaced(self) -> tuple[IntArray, FloatArray]:
        """The parameters whose n values have equal shares of the unit interval, and n.

        Both have the shape (n_such_params,).
        """
        is_even = np.isfinite(self.n_levels)
        is_even[self._log_integers] = False
        return np.flatnonzero(is_even), self.n_levels[is_even]

    @cached_property
    def _log_integers(self) -> list[int]:
        """The parameters whose values have shares that shrink: integers on a log scale."""
        return [
            j
            for j, d in enumerate(self.domains)
            if not isinstance(d, Choice)
            and d.kind == "int"
            and (d.log or d.reverse_log)
            and d.step is None
        ]

    @cached_property
    def _narrow(self) -> list[int]:
        """The continuous ranges with so few numbers that two places are often the same number."""
        return [
            j
            for j, d in enumerate(self.domains)
            if not isinstance(d, Choice)
            and d.n_levels is None
            and 0 < d.high - d.low < NARROW * np.spacing(max(abs(d.low), abs(d.high)))
        ]

    @cached_property
    def _ends(self) -> tuple[FloatArray, FloatArray]:
        """The units of each parameter's first value, and how far away the last one is.

        Both have the shape (n_params,).
        """
        low = np.array([d.unit(d.value(0.0)) for d in self.domains])
        high = np.array([d.unit(d.value(1.0)) for d in self.domains])
        return low, np.where(high > low, high - low, 1.0)  # a single value stands at 0

    @cached_property
    def _listed(self) -> list[IntArray]:
        """For each parameter, the levels that its features stand for; of a number there is one.

        Each of shape (n_features_of_the_parameter,).
        """
        is_listed = self.is_unordered & (self.n_levels > 2)
        listed = []
        for j, n in enumerate(self.n_levels):
            every = np.arange(int(n)) if is_listed[j] else np.zeros(1, dtype=np.intp)
            listed.append(np.append(self.levels[j], UNTRIED) if j in self.levels else every)
        return listed

    @cached_property
    def _one_hot(self) -> tuple[IntArray, IntArray]:
        """The features that say "it is this level", and which level.

        Both have the shape (n_such_features,).
        """
        columns = np.flatnonzero(np.bincount(self.owner)[self.owner] > 1)
        return columns, np.concatenate(self._listed)[columns]
