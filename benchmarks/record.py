"""Records the tables: `python -m benchmarks.record [name ...]`; some ten minutes for all.

Six tenths of a table's settings are Sobol points. The others are drawn around the best of those,
so that the surrogate knows most about where samplers end up. Then, a few times over, what a network
surrogate takes for the lowest settings is trained and added: minima that are not there go away.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is imported

import argparse
import itertools
import time
import warnings
from typing import Any

import numpy as np
from scipy.stats import qmc, spearmanr

from benchmarks.problems.encoding import columns, setting, settle
from benchmarks.problems.readers import Reader, Warp, fit_forest
from benchmarks.problems.spaces import DEFINITIONS, Definition
from benchmarks.problems.tables import TABLES, reader_of
from benchmarks.problems.trainings import TRAININGS
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Space

__all__ = ["main"]

SPREAD_SHARE = 0.6
# The best known: the lowest of so many random settings, improved by so many rounds of small steps.
N_RANDOM, N_KEPT, N_ROUNDS = 30_000, 60, 120
N_NETWORKS = 4
N_CORRECTIONS, N_CORRECTED = 3, 25
HIDDEN = (48, 48)
# Held-out settings are foretold best with 0.1 to 1; with less, the minima are not those trained.
WEIGHT_DECAY = 0.3


def main() -> None:
    """Record the tables that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name")
    parser.add_argument(
        "--refit", action="store_true", help="keep the recorded losses, make the surrogates again"
    )
    options = parser.parse_args()
    for name in options.names or DEFINITIONS:
        began = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # trainings cut short say so
            table = record(DEFINITIONS[name], _stored(name) if options.refit else None)
        TABLES.mkdir(exist_ok=True)
        np.savez_compressed(TABLES / f"{name}.npz", **table)  # type: ignore[arg-type]
        size = (TABLES / f"{name}.npz").stat().st_size / 1e3
        told = "  ".join(f"{k} {float(table[k]):.4g}" for k in ("best", "median", "r2", "rank"))
        print(
            f"{name:16s} {time.process_time() - began:6.1f} s  {size:5.0f} kB  {told}", flush=True
        )


def _stored(name: str) -> dict[str, np.ndarray]:
    with np.load(TABLES / f"{name}.npz") as stored:
        return {key: stored[key] for key in stored.files if key in ("units", "losses")}


def record(
    definition: Definition, trained: dict[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return the table: units, losses, what the surrogate is made of, and the scale of regret.

    `r2` and `rank` say how well a surrogate made of four fifths of the table foretells the rest:
    the share of variance of the warped losses, and Spearman's correlation. Both are 1 for a grid.
    """
    table = dict(trained or _trained(definition))
    if definition.reader == "networks" and trained is None:
        for i in range(N_CORRECTIONS):
            table = _corrected(definition, table, seed=i)
    reader = _fitted(definition, table)
    _, lowest, median = _search(definition.space, reader)
    known = {"best": lowest.min(), "median": median, "r2": 1.0, "rank": 1.0}
    table |= {key: np.asarray(value) for key, value in known.items()}
    if definition.reader != "grid":
        table["r2"], table["rank"] = _held_out(definition, table)
    return table


def _corrected(
    definition: Definition, table: dict[str, np.ndarray], seed: int
) -> dict[str, np.ndarray]:
    """Return the table with the settings in it that its surrogate takes for the lowest."""
    reader = _fitted(definition, {key: table[key] for key in ("units", "losses")}, n_networks=2)
    units, _, _ = _search(definition.space, reader, n_rounds=30)  # still apart
    rng = np.random.default_rng(seed)
    chosen = units[rng.choice(len(units), N_CORRECTED, replace=False)]
    return {
        "units": np.concatenate([table["units"], chosen]).astype(np.float32),
        "losses": np.concatenate([table["losses"], _train(definition, chosen)]),
    }


def _fitted(
    definition: Definition, table: dict[str, np.ndarray], n_networks: int = N_NETWORKS
) -> Reader:
    """Return the reader of `table` as `load` will make it; add what has to be stored for it."""
    if definition.reader == "networks":
        units = table["units"].astype(np.float64)
        table |= _networks(definition.space, units, _means(table), n_networks)
    return reader_of(definition, {key: value.astype(np.float64) for key, value in table.items()})


def _trained(definition: Definition) -> dict[str, np.ndarray]:
    space = definition.space
    if definition.reader == "grid":
        levels = [[(i + 0.5) / n for i in range(n)] for n in _n_levels(space)]
        units = np.array(list(itertools.product(*levels)))
        return {"losses": _train(definition, units)}
    n_spread = int(SPREAD_SHARE * definition.n_settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Sobol: not a power of 2
        spread = settle(space, qmc.Sobol(len(space), seed=0).random(n_spread))
    first = _train(definition, spread)
    order = first.mean(axis=1).argsort()
    raw = qmc.Sobol(len(space), seed=1).random(2048)
    near = settle(space, _around(spread[order[: n_spread // 10]], definition, raw))
    near = near[: definition.n_settings - n_spread]
    losses = np.concatenate([first, _train(definition, near)])
    return {"units": np.concatenate([spread, near]).astype(np.float32), "losses": losses}


def _around(good: FloatArray, definition: Definition, raw: FloatArray) -> FloatArray:
    """Return settings around the good ones: two thirds of the values move, by 0.15 on average."""
    rng = np.random.default_rng(2)
    parents = good[rng.integers(len(good), size=len(raw))]
    parents = np.where(np.isnan(parents), raw, parents)  # what was inactive is drawn
    moved = np.clip(parents + rng.normal(0.0, 0.15, parents.shape), 0.0, 1.0)
    return np.where(rng.random(parents.shape) < 2 / 3, moved, parents)


def _train(definition: Definition, units: FloatArray) -> FloatArray:
    """Return the losses at settled `units`, shape (n, n_seeds)."""
    training = TRAININGS[definition.name]
    rows: list[list[float]] = []
    for row in units:
        params: dict[str, Any] = setting(definition.space, row)
        rows.append([training(params, seed) for seed in range(definition.n_seeds)])
    return np.array(rows, dtype=np.float32)


def _networks(
    space: Space, units: FloatArray, losses: FloatArray, n_networks: int
) -> dict[str, np.ndarray]:
    from sklearn.neural_network import MLPRegressor

    read = 2.0 * columns(space, units) - 1.0
    target = Warp.of(losses).forward(losses)
    options = {"activation": "tanh", "solver": "lbfgs", "max_iter": 400, "max_fun": 1_000}
    models = [
        MLPRegressor(
            hidden_layer_sizes=HIDDEN, alpha=WEIGHT_DECAY, random_state=seed, **options
        ).fit(read, target)
        for seed in range(n_networks)
    ]
    stored: dict[str, np.ndarray] = {}
    for i in range(len(HIDDEN) + 1):
        stored[f"matrix_{i}"] = np.stack([m.coefs_[i] for m in models]).astype(np.float32)
        stored[f"bias_{i}"] = np.stack([m.intercepts_[i] for m in models]).astype(np.float32)
    return stored


def _held_out(definition: Definition, table: dict[str, np.ndarray]) -> tuple[Any, Any]:
    units, losses, space = table["units"].astype(np.float64), _means(table), definition.space
    test = np.arange(len(units)) % 5 == 0
    if definition.reader == "forest":
        reader: Reader = fit_forest(space, units[~test], losses[~test])
    else:
        part = {"losses": losses[~test][:, None]}
        part |= _networks(space, units[~test], losses[~test], n_networks=2)
        reader = reader_of(definition, part)
    warp = Warp.of(losses)
    truth, told = warp.forward(losses[test]), warp.forward(reader.means(units[test]))
    r2 = 1.0 - np.mean((truth - told) ** 2) / truth.var()
    return np.float64(r2), np.float64(spearmanr(truth, told).statistic)


def _search(
    space: Space, reader: Reader, n_rounds: int = N_ROUNDS
) -> tuple[FloatArray, FloatArray, Any]:
    """Return the lowest settings that can be found, their means, and the random settings' median.

    Shapes (n, n_params) and (n,): the last round's, not in order.
    """
    rng = np.random.default_rng(3)
    units = settle(space, rng.random((N_RANDOM, len(space))))
    means = reader.means(units)
    median = np.float64(np.median(means))
    for round_ in range(n_rounds):
        kept = units[means.argsort()[:N_KEPT]]
        raw = rng.random((N_KEPT * 10, len(space)))
        tried = np.repeat(kept, 10, axis=0)
        tried = np.where(np.isnan(tried), raw, tried)
        step = 0.3 * 0.95**round_
        move = np.clip(tried + rng.normal(0.0, step, tried.shape), 0.0, 1.0)
        tried = np.where(rng.random(tried.shape) < 0.4, move, tried)
        tried = np.where(rng.random(tried.shape) < 0.05, raw, tried)  # the unordered choices
        units = np.concatenate([kept, settle(space, tried)])
        means = reader.means(units)
    return units, means, median


def _means(table: dict[str, np.ndarray]) -> FloatArray:
    means: FloatArray = np.exp(np.log(table["losses"].astype(np.float64)).mean(axis=1))
    return means


def _n_levels(space: Space) -> list[int]:
    return [parameter.domain.n_levels or 1 for parameter in space.values()]


if __name__ == "__main__":
    main()
