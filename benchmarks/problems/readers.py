"""What turns a recorded table into a function of the setting.

All-choice tables hold every setting and are looked up. Of the others a surrogate is made, as in
YAHPO Gym (Pfisterer et al. 2022, networks) and HPOBench (Eggensperger et al. 2021, forests). Half
of them are networks, which are smooth, and half are forests, which go in steps, so that no kind of
sampler meets its own model in every problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Space

from .encoding import columns

__all__ = ["Forest", "Grid", "Networks", "Reader", "Warp", "fit_forest"]

N_TREES = 60


class Reader(Protocol):
    """Gives the mean loss of settings."""

    def means(self, units: FloatArray) -> FloatArray:
        """Return the mean loss at settled `units`, shape (n, n_params); in the problem's unit."""
        ...


@dataclass(frozen=True)
class Warp:
    """A monotone change of losses that makes them easy to fit: asinh of the centred logarithm.

    It spreads the good losses, and draws in those that diverged, of 1e8 and more.
    """

    centre: float
    scale: float

    @classmethod
    def of(cls, losses: FloatArray) -> Warp:
        """Return the warp for these losses, all above 0."""
        low, centre = np.quantile(np.log(losses), [0.05, 0.5])
        return cls(float(centre), float(centre - low))

    def forward(self, losses: FloatArray) -> FloatArray:
        """Return the losses as the surrogate sees them."""
        warped: FloatArray = np.arcsinh((np.log(losses) - self.centre) / self.scale)
        return warped

    def back(self, warped: FloatArray) -> FloatArray:
        """Return losses from what the surrogate gives."""
        losses: FloatArray = np.exp(np.sinh(warped) * self.scale + self.centre)
        return losses


@dataclass(frozen=True)
class Grid:
    """Looks settings up. `losses` has shape (n_settings,): the last parameter runs fastest."""

    space: Space
    losses: FloatArray

    def means(self, units: FloatArray) -> FloatArray:
        """Return the mean loss at settled `units`, shape (n, n_params)."""
        losses: FloatArray = self.losses[self.rows(units)]
        return losses

    def rows(self, units: FloatArray) -> np.ndarray:
        """Return the rows of the table at settled `units`."""
        levels = [parameter.domain.n_levels or 1 for parameter in self.space.values()]
        index = np.floor(units * levels).astype(np.intp)
        rows: np.ndarray = np.ravel_multi_index(tuple(index.T), levels)
        return rows


@dataclass(frozen=True)
class Networks:
    """The mean of some networks with two hidden layers.

    `weights` are for each layer the matrices, shape (n_networks, n_in, n_out), and the biases,
    shape (n_networks, n_out).
    """

    space: Space
    warp: Warp
    weights: tuple[tuple[FloatArray, FloatArray], ...]

    def means(self, units: FloatArray) -> FloatArray:
        """Return the mean loss at settled `units`, shape (n, n_params)."""
        layer = 2.0 * columns(self.space, units)[None] - 1.0  # (1, n, n_columns)
        for i, (matrix, bias) in enumerate(self.weights):
            layer = layer @ matrix + bias[:, None, :]
            if i < len(self.weights) - 1:
                layer = np.tanh(layer)
        return self.warp.back(layer[:, :, 0].mean(axis=0))


@dataclass(frozen=True)
class Forest:
    """Many randomised trees, all in one array of nodes; a leaf is its own child."""

    space: Space
    warp: Warp
    roots: np.ndarray
    feature: np.ndarray
    threshold: FloatArray
    children: np.ndarray  # (n_nodes, 2): where the feature is <= the threshold, and where above
    value: FloatArray

    def means(self, units: FloatArray) -> FloatArray:
        """Return the mean loss at settled `units`, shape (n, n_params)."""
        read = columns(self.space, units)
        node = np.tile(self.roots, (len(read), 1))  # (n, n_trees)
        row = np.arange(len(read))[:, None]
        while True:
            right = read[row, self.feature[node]] > self.threshold[node]
            below = self.children[node, right.astype(np.intp)]
            if np.array_equal(below, node):
                return self.warp.back(self.value[node].mean(axis=1))
            node = below


def fit_forest(space: Space, units: FloatArray, losses: FloatArray) -> Forest:
    """Return the forest of a table: mean losses, shape (n,), at `units`, shape (n, n_params)."""
    from sklearn.ensemble import ExtraTreesRegressor

    warp = Warp.of(losses)
    model = ExtraTreesRegressor(N_TREES, random_state=0)
    model.fit(columns(space, units).astype(np.float32), warp.forward(losses))
    trees = [estimator.tree_ for estimator in model.estimators_]
    roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
    children = np.concatenate(
        [
            np.where(pair < 0, np.arange(tree.node_count)[:, None], pair) + root
            for tree, root in zip(trees, roots, strict=True)
            for pair in [np.stack([tree.children_left, tree.children_right], axis=1)]
        ]
    )
    return Forest(
        space,
        warp,
        roots,
        np.concatenate([np.maximum(tree.feature, 0) for tree in trees]),
        np.concatenate([tree.threshold for tree in trees]),
        children,
        np.concatenate([tree.value[:, 0, 0] for tree in trees]),
    )
