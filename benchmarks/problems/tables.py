"""The recorded tables, and the problems made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Params

from .encoding import columns, places
from .problem import Problem, undeclared
from .readers import Grid, Networks, Reader, Warp, fit_forest
from .spaces import DEFINITIONS, Definition

__all__ = ["TABLES", "load", "reader_of"]

TABLES = Path(__file__).parent / "tables"

Table = dict[str, np.ndarray]


@cache
def load(name: str) -> Problem:
    """Return the problem of that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    definition = DEFINITIONS[name]
    with np.load(TABLES / f"{name}.npz") as stored:
        table: Table = {key: stored[key].astype(np.float64) for key in stored.files}
    reader = reader_of(definition, table)
    space = definition.space
    return Problem(
        name,
        space if definition.is_declared else undeclared(space),
        space,
        _losses(definition, table, reader),
        definition.kind,
        float(table["best"]),
        float(table["median"]),
        definition.n_seeds > 1,
    )


def reader_of(definition: Definition, table: Table) -> Reader:
    """Return what makes a function of `table`."""
    means = np.exp(np.log(table["losses"]).mean(axis=1))
    if definition.reader == "grid":
        return Grid(definition.space, table["losses"].mean(axis=1))
    if definition.reader == "forest":
        return fit_forest(definition.space, table["units"], means)
    n_layers = sum(key.startswith("matrix") for key in table)
    weights = tuple((table[f"matrix_{i}"], table[f"bias_{i}"]) for i in range(n_layers))
    return Networks(definition.space, Warp.of(means), weights)


def _losses(
    definition: Definition, table: Table, reader: Reader
) -> Callable[[Params, np.random.Generator], tuple[float, float]]:
    """Return the function from params to (loss, mean); noise is what the recorded seeds differ by.

    Off the grid the noise is that of the nearest recorded setting, as a factor.
    """
    space = definition.space
    recorded = table["losses"]
    factors = recorded / np.exp(np.log(recorded).mean(axis=1, keepdims=True))
    is_grid = isinstance(reader, Grid)
    known = None if is_grid else columns(space, table["units"])

    def losses(params: Params, rng: np.random.Generator) -> tuple[float, float]:
        units = places(space, params)[None]
        mean = float(reader.means(units)[0])
        if definition.n_seeds == 1:
            return mean, mean
        seed = rng.integers(definition.n_seeds)
        if isinstance(reader, Grid):
            return float(recorded[reader.rows(units)[0], seed]), mean
        return mean * float(factors[_nearest(known, columns(space, units)), seed]), mean

    return losses


def _nearest(known: FloatArray | None, read: FloatArray) -> int:
    assert known is not None
    return int(((known - read) ** 2).sum(axis=1).argmin())
