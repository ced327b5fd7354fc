"""Which parameters mattered: how much worse a model of the trials gets without each of them.

A forest learns a trial's rank from its setting. Then one parameter's values are shuffled among the
trials, and the drop in the share of the ranks' variance that the forest explains is that
parameter's importance (Breiman 2001, "Random Forests", section 10). Ranks, so that a wild value
has no more weight than any other.

What it is not: a search tries some regions far more often than others, so this describes the
trials that were made, not the whole space. The plot says how much the forest explains at all, and
shows nothing where that is too little.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.ports import Snapshot
from hpo_magic.core.summary import active_names
from hpo_magic.core.trial import Trial
from hpo_magic.views.canvas import INK, TRIAL, WORDS, Plot, blank, drawable, new_axes, sentence

__all__ = ["Importance", "importance", "importance_alt", "measured_importance"]

# Below this a forest of settings with some six parameters explains noise.
N_LEAST = 20
# Out of bag; below it the order of the parameters changes from seed to seed.
EXPLAINED_LEAST = 0.1
N_TREES = 64
N_SHUFFLES = 8
N_LATEST = 500  # trials at most: a forest of more takes seconds, and says the same
NOT_ACTIVE = -0.5  # outside the unit interval: a level of its own, that a tree can split off


class Importance(NamedTuple):
    """What the forest found.

    `names` by falling importance; `drops` and their standard deviations over the shuffles `spread`
    are shares of variance; `explained` is the forest's out-of-bag R², at most 1.
    """

    names: list[str]
    drops: FloatArray
    spread: FloatArray
    explained: float


def measured_importance(snapshot: Snapshot, seed: int = 0) -> Importance | None:
    """Return the importance of the active parameters; None where the trials are too few."""
    trials = snapshot.history.complete[-N_LATEST:]
    names = [n for n in active_names(snapshot, trials) if _moves(trials, n)]
    if len(trials) < N_LEAST or not names:
        return None
    from sklearn.ensemble import ExtraTreesRegressor

    settings = _settings(snapshot, trials, names)
    ranks = _ranks(np.array([snapshot.history.loss(t) for t in trials], dtype=np.float64))
    forest = ExtraTreesRegressor(
        N_TREES, min_samples_leaf=2, bootstrap=True, oob_score=True, random_state=seed, n_jobs=1
    )
    forest.fit(settings, ranks)
    drops = _drops(forest.predict, settings, ranks, np.random.default_rng(seed))
    order = np.argsort(-drops.mean(axis=1), kind="stable")
    return Importance(
        [names[i] for i in order],
        np.maximum(drops.mean(axis=1)[order], 0.0),
        drops.std(axis=1)[order],
        float(forest.oob_score_),
    )


def _moves(trials: tuple[Trial, ...], name: str) -> bool:
    return len({str(t.params.get(name)) for t in trials}) > 1


def _settings(snapshot: Snapshot, trials: tuple[Trial, ...], names: list[str]) -> FloatArray:
    """Return the settings as places in the unit interval: (n_trials, n_names)."""
    settings = np.full((len(trials), len(names)), NOT_ACTIVE)
    for row, trial in enumerate(trials):
        for column, name in enumerate(names):
            if name in trial.params and name in snapshot.space:
                domain = snapshot.space[name].domain
                settings[row, column] = domain.unit(domain.nearest(trial.params[name]))
    return settings


def _ranks(losses: FloatArray) -> FloatArray:
    """Return the ranks in [0, 1], equal for equal losses."""
    _, place, n_equal = np.unique(losses, return_inverse=True, return_counts=True)
    last = np.cumsum(n_equal)
    middle = last - (n_equal + 1) / 2
    ranks: FloatArray = middle[place] / max(len(losses) - 1, 1)
    return ranks


def _drops(
    predict: Callable[[FloatArray], FloatArray],
    settings: FloatArray,
    ranks: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the loss of explained variance for each shuffle: (n_names, N_SHUFFLES)."""
    n_trials, n_names = settings.shape
    # One prediction for all shuffles: calling the forest costs more than its rows.
    stacked = np.tile(settings, (n_names * N_SHUFFLES, 1, 1))
    for k in range(n_names * N_SHUFFLES):
        column = k // N_SHUFFLES
        stacked[k, :, column] = rng.permutation(settings[:, column])
    shuffled = predict(stacked.reshape(-1, n_names)).reshape(n_names, N_SHUFFLES, n_trials)
    error = ((shuffled - ranks) ** 2).mean(axis=2)
    drops: FloatArray = (error - ((predict(settings) - ranks) ** 2).mean()) / max(
        ranks.var(), 1e-12
    )
    return drops


def importance(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the importance of the parameters as bars, or the sentence that says why not."""
    figure = blank(figure)
    found = measured_importance(snapshot)
    figure.set_label(importance_alt(found))
    if found is None or found.explained < EXPLAINED_LEAST:
        return sentence(figure, importance_alt(found))
    n = len(found.names)
    axes = new_axes(figure, (0.24, 0.17, 0.97, 0.9))
    places = np.arange(n)[::-1]
    axes.barh(places, found.drops, 0.6, color=TRIAL, xerr=found.spread, ecolor=INK)
    axes.set_yticks(places, [drawable(name) for name in found.names], **WORDS)
    axes.set_xlim(0, max(float((found.drops + found.spread).max()) * 1.05, 1e-3))
    axes.set_xlabel("drop of the explained variance", **WORDS)
    axes.set_title(f"a forest explains {found.explained:.0%} of the trials' order", **WORDS)
    return figure


def importance_alt(found: Importance | None) -> str:
    """Return what was found, for those who do not see the plot."""
    if found is None:
        return f"Importance needs {N_LEAST} complete trials."
    if found.explained < EXPLAINED_LEAST:
        return "Importance: the trials do not tell yet which parameter matters."
    parts = (f"{n} {d:.2f}" for n, d in zip(found.names, found.drops, strict=True))
    return f"Importance, out of {found.explained:.0%} explained: {', '.join(parts)}."
