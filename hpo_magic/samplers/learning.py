"""What is learned from a history: a surrogate of the losses.

The kernel's parameters are found anew only now and then (`refit_point`), from the first trials up
to that point: so they are a function of the history, and a search that is resumed has the same as
one that never stopped. Each refit starts from what was found at the milestone before it (20, 40,
80, ... trials), so that even the first suggestion of a resumed study needs only a handful.

The trials of older studies (`guides`) are data as well, with a further input for each study.
"""

# ruff: noqa: N803, N806 -- X and y as everybody writes them
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hpo_magic.core.activity import units_of
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import Direction, History, State, Trial
from hpo_magic.samplers.encoding import Encoding, IntArray
from hpo_magic.samplers.gaussian_process import Draws, Theta, fit
from hpo_magic.samplers.guides import GuideData
from hpo_magic.samplers.initial import n_initial
from hpo_magic.samplers.pruned import expected_losses
from hpo_magic.samplers.spread import spread_of
from hpo_magic.samplers.surrogate import Surrogate
from hpo_magic.samplers.warp import Warp

# Trials at the first milestone; each further one is at twice as many.
FIRST_MILESTONE = 20
# The surrogate sees no more trials than this: the best half of them, and a spread of the rest.
MAX_TRAINED = 400
# Its kernel's parameters are found from no more than this, chosen the same way.
MAX_FITTED = 200
# The true values of so many trials, those with the lowest means, are drawn so many times.
N_DRAWN, N_DRAWS = 20, 8


@dataclass(frozen=True)
class Fitted:
    """A surrogate that has seen a history.

    Losses are warped: mean 0, variance 1, lower is better; `warp.inverse` gives the metric's unit
    (with its sign turned if the metric is maximized).
    """

    encoding: Encoding
    surrogate: Surrogate
    warp: Warp
    best: float  # the lowest mean among the trials
    best_units: FloatArray  # the trials' settled units, lowest mean first
    guide_units: FloatArray  # the settled units of the best trials of older studies
    n_studies: int = 0  # older ones

    def predict(self, settings: Sequence[Params]) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of the warped loss of each setting.

        Both have the shape (n_settings,).

        What a setting does not hold, or would not reach, is left out of account.
        """
        return self.at(self.encoding.settled(units_of(self.encoding.space, settings)))

    def at(self, settled: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same for settled units, shape (n_settings, n_params)."""
        mean, std = self.surrogate.predict(self.features(settled), return_std=True)
        return mean, std

    def features(self, settled: FloatArray) -> FloatArray:
        """Return what the surrogate reads of settled units, shape (n_settings, n_params)."""
        return _with_study(self.encoding.features(settled), self.n_studies)

    def drawn(self, rng: np.random.Generator) -> Draws:
        """Return draws of the true values of the best trials."""
        best = self.features(self.best_units[:N_DRAWN])
        return Draws.of(self.surrogate.posterior, best, N_DRAWS, rng)


@dataclass
class Memory:
    """What an earlier call computed and a later one would compute again, the same.

    It holds for one space, direction and guides. Never needed for an answer, and never changes one.
    """

    space: Space
    direction: Direction
    guides: tuple[History, ...]
    data: GuideData
    rows: dict[int, tuple[Trial, FloatArray]] = field(default_factory=dict)  # by id(trial)
    finished: tuple[Trial, ...] = ()  # what the thetas were found from
    thetas: dict[int, Theta] = field(default_factory=dict)  # by refit point

    @classmethod
    def of(cls, space: Space, history: History) -> Memory:
        """Return a memory of nothing but the trials of older studies."""
        return cls(space, history.direction, history.guides, GuideData.of(space, history))

    def holds_for(self, space: Space, history: History) -> bool:
        """Whether what was computed is of use for these."""
        if self.space is not space and repr(self.space) != repr(space):  # == takes 1 for True
            return False
        return self.direction is history.direction and self.guides == history.guides

    def units(self, trials: Sequence[Trial]) -> FloatArray:
        """Return `units_of` the trials' params.

        Shape (n_trials, n_params).
        """
        rows = {}
        for trial in trials:
            known = self.rows.get(id(trial))
            rows[id(trial)] = known or (trial, units_of(self.space, [trial.params])[0])
        self.rows = rows  # holds the trials, so that no other can get their ids
        return np.array([rows[id(trial)][1] for trial in trials]).reshape(-1, len(self.space))

    def thetas_of(self, finished: tuple[Trial, ...]) -> dict[int, Theta]:
        """Return the thetas that were found from these trials, to be added to."""
        same = [a is b for a, b in zip(self.finished, finished, strict=False)]
        n_same = same.index(False) if False in same else len(same)
        self.thetas = {n: theta for n, theta in self.thetas.items() if n <= n_same}
        self.finished = finished
        return self.thetas


def learn(encoding: Encoding, history: History, units: FloatArray, memory: Memory) -> Fitted:
    """Return the surrogate of a history with at least one finished trial.

    `units` has the shape (n_trials, n_params).

    `units` are `units_of` its trials. Trials that still run are taken to end as expected: so the
    next suggestion looks elsewhere.
    """
    is_finished = np.array([trial.state.is_finished for trial in history.trials], dtype=bool)
    is_running = np.array([trial.state is State.RUNNING for trial in history.trials], dtype=bool)
    finished = tuple(trial for trial in history.trials if trial.state.is_finished)
    settled = np.where(np.isnan(units), encoding.defaults, units)[is_finished]
    older = _Older.of(encoding, memory.data)
    X = _with_study(encoding.features(settled), older.n_studies)
    thetas = memory.thetas_of(finished)
    n_first = 2 * n_initial(encoding.space)
    theta = _theta(older, history, finished, X, n_first, thetas)

    warp = Warp.of(losses_of(history, finished), n_first)
    kept = spread_of(warp.losses, MAX_TRAINED)
    X, y, settled = X[kept], warp.warped[kept], settled[kept]
    surrogate = older.surrogate(theta, X, y)
    if is_running.any():
        pending = encoding.settled(units[is_running])
        X_pending = _with_study(encoding.features(pending), older.n_studies)
        y = np.concatenate([y, surrogate.predict(X_pending)])
        X, settled = np.vstack([X, X_pending]), np.vstack([settled, pending])
        surrogate = older.surrogate(theta, X, y)
    means = surrogate.predict(X)
    order = np.argsort(means, kind="stable")
    return Fitted(
        encoding,
        surrogate,
        warp,
        float(means[order[0]]),
        settled[order],
        older.settled[memory.data.best],
        older.n_studies,
    )


@dataclass(frozen=True)
class _Older:
    """The trials of older studies: what the surrogate has seen besides those of the new one."""

    settled: FloatArray
    X: FloatArray
    y: FloatArray
    owner: IntArray
    n_lengths: int
    n_studies: int

    @classmethod
    def of(cls, encoding: Encoding, data: GuideData) -> _Older:
        settled = encoding.snap(np.where(np.isnan(data.units), encoding.defaults, data.units))
        X = _with_study(encoding.features(settled), data.n_studies, data.study)
        n_params = len(encoding.space)
        owner = np.concatenate([encoding.owner, n_params + np.arange(data.n_studies)])
        n_lengths = n_params + data.n_studies
        return cls(settled, X, data.targets, owner, n_lengths, data.n_studies)

    def surrogate(self, theta: Theta, X: FloatArray, y: FloatArray) -> Surrogate:
        """Return the surrogate that has seen `y` at `X` in the new study, and all of the older.

        `X` has the shape (n_trials, n_features), `y` (n_trials,).
        """
        X, y = np.vstack([X, self.X]), np.concatenate([y, self.y])
        return Surrogate(self.owner, theta).fit(X, y)

    def theta(self, X: FloatArray, y: FloatArray, start: Theta | None) -> Theta:
        """Return the kernel's parameters for the same data, of the same shapes.

        `X` has the shape (n_trials, n_features), `y` (n_trials,).
        """
        X, y = np.vstack([X, self.X]), np.concatenate([y, self.y])
        # A feature that is 0 throughout changes no distance. Left out, it cannot change a rounding
        # either: the levels of a large choice that are tried later add features.
        used = X.any(axis=0)
        return fit(np.ascontiguousarray(X[:, used]), y, self.owner[used], self.n_lengths, start)


def _with_study(features: FloatArray, n_studies: int, study: IntArray | None = None) -> FloatArray:
    """Return the features with one more for each older study: 1 in the study of the row.

    `features` has the shape (n, n_features), `study` (n,); None: all rows are of the new study.
    """
    if not n_studies:
        return features
    is_of = np.zeros((len(features), n_studies))
    if study is not None:
        is_of[np.arange(len(features)), study] = 1.0
    return np.hstack([features, is_of])


def losses_of(history: History, finished: Sequence[Trial]) -> FloatArray:
    """Return a loss for each finished trial: a failed one has the worst of the others.

    Shape (n_finished,).

    A pruned one has what is expected of it.
    """
    expected = expected_losses(history, finished)
    losses = [expected.get(trial.number, history.loss(trial)) for trial in finished]
    known = [loss for loss in losses if loss is not None and math.isfinite(loss)]
    worst = max(known, default=0.0)
    filled = [worst if loss is None or not math.isfinite(loss) else loss for loss in losses]
    return np.array(filled, dtype=np.float64)


def refit_point(n: int) -> int:
    """Return the largest number of trials, n at most, at which the kernel's parameters are found.

    Every trial up to 30, every second up to 60, every fourth up to 120, then each n/15 further on.
    """
    if n <= 30:
        return n
    if n <= 60:
        return n - n % 2
    if n <= 120:
        return n - n % 4
    point = 120
    while point + point // 15 <= n:
        point += point // 15
    return point


def _theta(
    older: _Older,
    history: History,
    finished: tuple[Trial, ...],
    X: FloatArray,
    n_first: int,
    known: dict[int, Theta],
) -> Theta:
    """Return the kernel's parameters as of the last refit point.

    `X` has the shape (n_finished, n_features).
    """

    def found(n: int, start: Theta | None) -> Theta:
        warp = Warp.of(losses_of(history, finished[:n]), n_first)
        kept = spread_of(warp.losses, MAX_FITTED)
        return older.theta(X[:n][kept], warp.warped[kept], start)

    theta, milestone = None, FIRST_MILESTONE
    last = refit_point(len(finished))
    while milestone < last:
        theta = known[milestone] = known.get(milestone) or found(milestone, theta)
        milestone *= 2
    known[last] = known.get(last) or found(last, theta)
    return known[last]
