"""Freeze-thaw: at each decision, all waiting trainings and new settings compete for some epochs.

Source: Swersky, Snoek and Adams, "Freeze-thaw Bayesian optimization", arXiv:1406.3896 (2014).
Difference: the score is the expected improvement of the *final* value divided by the epochs that
are still to be trained, in place of their entropy search; and one process stands for both of
theirs (`curve_process`).
"""

# ruff: noqa: N806 -- X and y as everybody writes them
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hpo_magic.core.activity import Activity, units_of_trials
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.ports import Turn
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, Trial
from hpo_magic.samplers.acquisition import log_expected_improvement
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.gaussian_process import one_thread
from hpo_magic.samplers.proposal import moved
from hpo_magic.samplers.random import stream
from hpo_magic.samplers.tried import Tried, every_setting
from hpo_magic.waiting.curve_process import CurvePosterior, Points, fit
from hpo_magic.waiting.trainings import Training, Trainings, thinned

# The first epochs of a new setting, as a share of the longest training. Of 0.04, 0.1, 0.2 and 0.33
# none was better in the median of recorded curves; 0.1 had the best worst problem.
FIRST_SHARE = 0.1
# A training that is taken up goes on to so many times its epochs.
GROWTH = 1.5
# Points of each curve are so far apart; there are no more of all curves.
RATIO, MOST_POINTS = 1.7, 420
N_FITTED = 200
# The kernel's parameters are found again when there are so many times the points, or so many more.
REFIT_SHARE, REFIT_POINTS = 1.25, 40
# New settings that compete: drawn anywhere, and around the best predicted ones.
N_ANYWHERE, N_AROUND, N_CENTRES = 200, 150, 5
MOST_LISTED = 600  # a smaller space is scored as a whole
N_KEPT = 60
LEAST_GAIN = 0.01
# A new setting costs its preparation, too: as so many steps.
START_COST = 0.0


@dataclass
class FreezeThawMemory:
    """What an earlier call found: where the search for the kernel's parameters begins, and when.

    Without it the parameters are found anew from the same points.
    """

    theta: FloatArray | None = None
    n_points: int = 0
    n_begun: int = -1
    candidates: FloatArray | None = None
    # The last forecast, and the trials and the space that it is of: which training is given up is
    # asked right after whose turn it is.
    seen: tuple[Space, tuple[Trial, ...], Forecast] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Forecast:
    """The predicted ends of the trainings.

    Attributes
    ----------
    trainings
        Those that were asked about.
    mean, std : shape (n_trainings,)
        On the scale of the process; lower is better.
    best
        The lowest end of a complete training, on the same scale.
    """

    trainings: tuple[Training, ...]
    mean: FloatArray
    std: FloatArray
    best: float
    posterior: CurvePosterior = field(repr=False)
    encoding: Encoding = field(repr=False)
    settled: FloatArray = field(repr=False)


def first_chunk(length: int) -> int:
    """Return the step at which a new training is first judged."""
    return max(round(FIRST_SHARE * length), 1)


def next_stop(training: Training) -> int | None:
    """Return the step to which a training goes that is taken up; None: to its end."""
    step = training.curve.last_step
    stop = max(math.floor(GROWTH * step), step + 1)
    return None if stop >= training.n_steps else stop


def forecast(
    space: Space, history: History, trainings: Trainings, memory: FreezeThawMemory
) -> Forecast:
    """Return how all trainings are predicted to end."""
    if memory.seen is not None:
        seen_space, seen_trials, seen = memory.seen
        if seen_space is space and _marks(seen_trials) == _marks(history.trials):
            return seen
    found = _forecast(space, history, trainings, memory)
    memory.seen = space, history.trials, found
    return found


def _marks(trials: Sequence[Trial]) -> list[tuple[object, ...]]:
    """Return what is equal for the same trials as long as those that are compared exist."""
    return [(t.number, t.state, t.value, t.n_steps, id(t.curve), id(t.params)) for t in trials]


def _forecast(
    space: Space, history: History, trainings: Trainings, memory: FreezeThawMemory
) -> Forecast:
    known = trainings.all
    trials = [training.trial for training in known]
    units = units_of_trials(space, trials)
    every = units_of_trials(space, history.trials)
    encoding = Encoding(space, Activity.learned(space, history.trials, every))
    settled = encoding.snap(np.where(np.isnan(units), encoding.defaults, units))
    X = encoding.features(settled)
    numbers, shares, losses = _points(known)
    scaled = _scaled(losses, np.array([training.loss for training in known]))
    middle, spread = scaled.mean(), scaled.std() or 1.0
    y = (scaled - middle) / spread
    points = Points(X[numbers], shares, numbers)
    theta = _theta(points, y, encoding, memory)
    posterior = CurvePosterior(points, y, encoding.owner, theta)
    mean, std = posterior.ends(X, np.arange(len(known)))
    is_end = np.array([known[k].is_complete for k in numbers]) & (shares == 1.0)
    best = float(y[is_end].min())
    return Forecast(known, mean, std, best, posterior, encoding, settled)


def freeze_thaw(
    space: Space,
    history: History,
    trainings: Trainings,
    seed: int,
    memory: FreezeThawMemory,
    n_left: float = math.inf,
) -> Turn:
    """Return the turn of the training or the new setting with the most gain per epoch.

    Only what comes to its end within `n_left` whole trainings' epochs is of use; where nothing
    does, what is the nearest to its end.
    """
    with one_thread():
        seen = forecast(space, history, trainings, memory)
        costs = np.array([_cost(training, trainings) for training in seen.trainings])
        scores = log_expected_improvement(seen.mean, seen.std, seen.best - LEAST_GAIN)
        scores = scores - np.log(costs)  # -inf where the cost is infinite
        scores[costs > max(n_left * trainings.length, costs.min())] = -np.inf
        old = int(scores.argmax())
        settled, new_scores = _new(space, history, trainings, seen, seed, memory)
    best_new = new_scores.max(initial=-np.inf) if n_left >= 1 else -np.inf
    if best_new > scores[old]:
        params = seen.encoding.params(settled[new_scores.argmax()])
        return Turn(None, first_chunk(trainings.length), params)
    if not np.isfinite(scores[old]):
        return Turn(None, first_chunk(trainings.length))
    training = seen.trainings[old]
    if training.waits:
        return Turn(training.trial.number, next_stop(training))
    return Turn(None, first_chunk(trainings.length), dict(training.trial.params))


def worst_waiting(
    space: Space, history: History, trainings: Trainings, memory: FreezeThawMemory
) -> int:
    """Return the number of the waiting trial whose end is predicted to be the worst, at best."""
    with one_thread():
        seen = forecast(space, history, trainings, memory)
    hope = [
        (mean - std, training.trial.number)
        for training, mean, std in zip(seen.trainings, seen.mean, seen.std, strict=True)
        if training.waits
    ]
    return max(hope)[1]


def _cost(training: Training, trainings: Trainings) -> float:
    """Return the steps to the end; infinite where it cannot be had."""
    if training.waits:
        return max(training.n_steps - training.curve.last_step, 1)
    return trainings.length + START_COST if training.is_dropped else math.inf


def _points(known: tuple[Training, ...]) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Return training, share of its epochs and loss of each point; each of shape (n_points,)."""
    rows: list[tuple[int, float, float]] = []
    ranked = sorted(range(len(known)), key=lambda k: known[k].loss)
    for k in ranked:  # the best first: the others have fewer points where there are too many
        training = known[k]
        chosen = list(thinned(training.curve, RATIO))
        if training.is_dropped:
            chosen = chosen[-2:]
        if len(rows) + len(chosen) + len(known) > MOST_POINTS:
            chosen = chosen[-1:]
        rows += [(k, min(step / training.n_steps, 1.0), loss) for step, loss in chosen]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    order = np.argsort(table[:, 0], kind="stable")
    table = table[order]
    return table[:, 0].astype(np.intp), table[:, 1], table[:, 2]


def _scaled(losses: FloatArray, last: FloatArray) -> FloatArray:
    """Return losses on a logarithmic scale, in their shape.

    `last` are the last losses of the trainings, shape (n_trainings,).
    """
    lowest = losses.min()
    finite = last[np.isfinite(last)]
    spread = float(np.median(finite) - lowest)
    if spread <= 0:
        spread = float(losses.std()) or 1.0
    return np.asarray(np.log1p(np.minimum((losses - lowest) / spread, 1e4)))


def _theta(
    points: Points, y: FloatArray, encoding: Encoding, memory: FreezeThawMemory
) -> FloatArray:
    n = len(y)
    is_due = (
        memory.theta is None
        or len(memory.theta) != 2 * len(encoding.space) + 8
        or n >= REFIT_SHARE * memory.n_points
        or n >= memory.n_points + REFIT_POINTS
        or n < memory.n_points / REFIT_SHARE
    )
    if is_due or memory.theta is None:
        kept = np.unique(np.linspace(0, n - 1, min(n, N_FITTED)).astype(np.intp))
        some = Points(points.X[kept], points.u[kept], points.training[kept])
        memory.theta = fit(some, y[kept], encoding.owner, memory.theta)
        memory.n_points = n
    return memory.theta


def _new(
    space: Space,
    history: History,
    trainings: Trainings,
    seen: Forecast,
    seed: int,
    memory: FreezeThawMemory,
) -> tuple[FloatArray, FloatArray]:
    """Return new settings, settled units of shape (n, n_params), and their scores, shape (n,)."""
    encoding = seen.encoding
    candidates = memory.candidates
    is_fresh = candidates is None or memory.n_begun != trainings.n_begun
    if is_fresh or candidates is None:
        candidates = _candidates(space, history, trainings, seen, seed)
    if not len(candidates):
        return candidates, np.zeros(0)
    mean, std = seen.posterior.ends(encoding.features(candidates), np.full(len(candidates), -1))
    scores = log_expected_improvement(mean, std, seen.best - LEAST_GAIN)
    scores -= math.log(trainings.length + START_COST)
    if is_fresh:
        top = np.argsort(-scores, kind="stable")[:N_KEPT]
        memory.candidates, memory.n_begun = candidates[top], trainings.n_begun
        return candidates[top], scores[top]
    return candidates, scores


def _candidates(
    space: Space, history: History, trainings: Trainings, seen: Forecast, seed: int
) -> FloatArray:
    """Return settings that were not tried, as settled units, shape (n_settings, n_params)."""
    encoding = seen.encoding
    units = units_of_trials(space, history.trials)
    tried = Tried.of(encoding, history.trials, units)
    listed = every_setting(encoding, MOST_LISTED)
    if listed is None:
        rng = stream(seed, history)
        anywhere = encoding.snap(rng.random((N_ANYWHERE, len(space))))
        centres = seen.settled[np.argsort(seen.mean, kind="stable")[:N_CENTRES]]
        repeated = np.resize(centres, (N_AROUND, len(space)))
        steps = np.resize((0.05, 0.2), len(repeated))[:, np.newaxis]
        listed = encoding.settled(np.vstack([anywhere, moved(encoding, repeated, steps, rng)]))
    return listed[~tried.known(listed)]
