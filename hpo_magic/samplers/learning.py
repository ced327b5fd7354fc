"""What is learned from a history: a surrogate of the losses.

The kernel's parameters are found anew only now and then (`refit_point`), from the first trials up
to that point: so they are a function of the history, and a search that is resumed has the same as
one that never stopped. Each refit starts from what was found at the milestone before it (20, 40,
80, ... trials), so that even the first suggestion of a resumed study needs only a handful.
"""

# ruff: noqa: N803, N806 -- X and y as everybody writes them
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hpo_magic.core.activity import units_of
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import Direction, History, State, Trial
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.gaussian_process import Theta, fit
from hpo_magic.samplers.pruned import expected_losses
from hpo_magic.samplers.surrogate import Surrogate
from hpo_magic.samplers.warp import Warp

# Trials at the first milestone; each further one is at twice as many.
FIRST_MILESTONE = 20
# The surrogate sees no more trials than this: the best half of them, and a spread of the rest.
MAX_TRAINED = 400
# Its kernel's parameters are found from no more than this, chosen the same way.
MAX_FITTED = 200


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

    def predict(self, settings: Sequence[Params]) -> tuple[FloatArray, FloatArray]:
        """Return mean and standard deviation of the warped loss of each setting.

        Both have the shape (n_settings,).

        What a setting does not hold, or would not reach, is left out of account.
        """
        return self.at(self.encoding.settled(units_of(self.encoding.space, settings)))

    def at(self, settled: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the same for settled units, shape (n_settings, n_params)."""
        mean, std = self.surrogate.predict(self.encoding.features(settled), return_std=True)
        return mean, std


@dataclass
class Memory:
    """What an earlier call computed and a later one would compute again, the same.

    It holds for one space and direction. Never needed for an answer, and never changes one.
    """

    space: Space
    direction: Direction
    rows: dict[int, tuple[Trial, FloatArray]] = field(default_factory=dict)  # by id(trial)
    finished: tuple[Trial, ...] = ()  # what the thetas were found from
    thetas: dict[int, Theta] = field(default_factory=dict)  # by refit point

    def holds_for(self, space: Space, history: History) -> bool:
        """Whether what was computed is of use for these."""
        if self.space is not space and repr(self.space) != repr(space):  # == takes 1 for True
            return False
        return self.direction is history.direction

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
    X = encoding.features(settled)
    theta = _theta(encoding, history, finished, X, memory.thetas_of(finished))

    warp = Warp.of(losses_of(history, finished))
    kept = _chosen(warp.losses, MAX_TRAINED)
    X, y, settled = X[kept], warp.warped[kept], settled[kept]
    surrogate = Surrogate(encoding.owner, theta).fit(X, y)
    if is_running.any():
        pending = encoding.settled(units[is_running])
        X_pending = encoding.features(pending)
        y = np.concatenate([y, surrogate.predict(X_pending)])
        X, settled = np.vstack([X, X_pending]), np.vstack([settled, pending])
        surrogate = Surrogate(encoding.owner, theta).fit(X, y)
    means = surrogate.predict(X)
    order = np.argsort(means, kind="stable")
    return Fitted(encoding, surrogate, warp, float(means[order[0]]), settled[order])


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
    encoding: Encoding,
    history: History,
    finished: tuple[Trial, ...],
    X: FloatArray,
    known: dict[int, Theta],
) -> Theta:
    """Return the kernel's parameters as of the last refit point.

    `X` has the shape (n_finished, n_features).
    """

    def found(n: int, start: Theta | None) -> Theta:
        warp = Warp.of(losses_of(history, finished[:n]))
        kept = _chosen(warp.losses, MAX_FITTED)
        return fit(X[:n][kept], warp.warped[kept], encoding.owner, start)

    theta, milestone = None, FIRST_MILESTONE
    last = refit_point(len(finished))
    while milestone < last:
        theta = known[milestone] = known.get(milestone) or found(milestone, theta)
        milestone *= 2
    known[last] = known.get(last) or found(last, theta)
    return known[last]


def _chosen(losses: FloatArray, at_most: int) -> npt.NDArray[np.intp]:
    """Return the indices of the best losses and of a spread of the rest, ascending.

    `losses` has the shape (n,), the result (min(n, at_most),).
    """
    n = len(losses)
    if n <= at_most:
        return np.arange(n)
    n_best = at_most // 2
    ranked = np.argsort(losses, kind="stable")
    spread = np.linspace(n_best, n - 1, at_most - n_best).astype(np.intp)
    return np.sort(np.concatenate([ranked[:n_best], ranked[spread]]))
