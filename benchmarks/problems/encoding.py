"""Settings as arrays: places in the unit cube for the tables, columns for the surrogates."""

from __future__ import annotations

import numpy as np

from hpo_magic.core.domains import Choice, FloatArray
from hpo_magic.core.space import Params, Space

__all__ = ["columns", "places", "setting", "settle"]

# What a surrogate reads for a parameter that is not active.
INACTIVE = 0.5


def places(space: Space, params: Params) -> FloatArray:
    """Return the places of active `params` in the unit cube, shape (n_params,); NaN if inactive."""
    return np.array([p.domain.unit(params[n]) if n in params else np.nan for n, p in space.items()])


def setting(space: Space, units: FloatArray) -> dict[str, object]:
    """Return the active params at `units`, shape (n_params,), NaN where inactive."""
    pairs = zip(space.items(), units.tolist(), strict=True)
    return {name: p.domain.value(unit) for (name, p), unit in pairs if not np.isnan(unit)}


def settle(space: Space, units: FloatArray) -> FloatArray:
    """Return `units`, shape (n, n_params), on the grids of the domains; NaN where inactive.

    `space` declares its conditions.
    """
    settled = np.empty_like(units, dtype=np.float64)
    index = {name: i for i, name in enumerate(space)}
    for i, parameter in enumerate(space.values()):
        settled[:, i] = parameter.domain.snap(units[:, i])
        for parent, values in parameter.scopes:
            domain = space[parent].domain
            wanted = [domain.unit(value) for value in values]
            held = np.isclose(settled[:, [index[parent]]], wanted).any(axis=1)
            settled[~held, i] = np.nan
    return settled


def columns(space: Space, units: FloatArray) -> FloatArray:
    """Return what a surrogate reads, shape (n, n_columns).

    A number or an ordered choice is one column, an unordered choice one for each value.
    """
    read: list[FloatArray] = []
    for i, parameter in enumerate(space.values()):
        unit = np.where(np.isnan(units[:, i]), INACTIVE, units[:, i])
        domain = parameter.domain
        if isinstance(domain, Choice) and not domain.ordered:
            level = np.where(np.isnan(units[:, i]), -1, np.floor(unit * domain.n_levels))
            read.append(level[:, None] == np.arange(domain.n_levels))
        else:
            read.append(unit[:, None])
    return np.concatenate(read, axis=1, dtype=np.float64)
