"""Bayesian optimization: learn a surrogate of the loss, and try where it promises the most.

The first trials are spread evenly (`initial`). From then on the trials become numbers (`encoding`)
and their losses a scale that can be learned (`warp`); a Gaussian process is fitted to them
(`learning`, `gaussian_process`, as scikit-optimize's regressor in `surrogate`); and the setting
whose expected improvement (`acquisition`) is the highest is searched for (`proposal`), among those
that were not tried (`tried`).

A Gaussian process that is wrong is wrong for long: a branch of the space that begins badly looks
settled, and a valley that it is sure of is all it sees. So from trial 30 on every third suggestion
comes from a model that knows nothing of slopes and neighbours (`parzen`). On smooth landscapes that
costs little, elsewhere it is what finds the way out (`benchmarks/`).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import OptimizeResult

from hpo_magic.core.activity import Activity
from hpo_magic.core.domains import FloatArray, Plain
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, Kind, State
from hpo_magic.errors import HpoError
from hpo_magic.samplers.acquisition import log_expected_improvement
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.gaussian_process import one_thread
from hpo_magic.samplers.initial import n_initial, sobol_points
from hpo_magic.samplers.learning import Fitted, Memory, learn, losses_of
from hpo_magic.samplers.parzen import better_alike
from hpo_magic.samplers.proposal import most_promising
from hpo_magic.samplers.random import draw_untried, stream
from hpo_magic.samplers.surrogate import LossSurrogate, optimize_result
from hpo_magic.samplers.tried import Tried, every_setting

# Up to so many settings, each is scored; with more, they are searched.
MOST_SCORED = 1000
# What counts as an improvement, in standard deviations of the warped losses; scikit-optimize's
# default too. With 0, half of a long search goes into the fourth digit of the best setting.
LEAST_GAIN = 0.01
# How often it is the other model's turn, and from which trial on: before, the surrogate learns much
# from each trial, and searches of 25 went worse. Several settings are drawn, in case of repeats.
OTHERS_TURN, OTHERS_FROM, N_OTHERS = 3, 30, 8


class BayesSampler:
    """Suggests the setting with the highest expected improvement.

    Keeps what it computed, to be faster; its answers are the same without.

    Parameters
    ----------
    others_turn
        One of so many suggestions comes from the model of the other kind; none with 0. (Where each
        suggestion weighs several objectives anew, no valley is settled, and it does not pay.)
    """

    def __init__(self, others_turn: int = OTHERS_TURN) -> None:
        self._others_turn = others_turn
        self._memory: Memory | None = None

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        memory = self._memory
        if memory is None or not memory.holds_for(space, history):
            memory = self._memory = Memory(space, history.direction)
        units = memory.units(history.trials)
        tried = Tried.in_history(space, history, units)
        encoding = tried.encoding
        rng = stream(seed, history)
        if _is_initial(space, history):
            candidates = encoding.snap(_initial(space, history, seed)[np.newaxis])
        elif self._is_others_turn(history.number):
            candidates = _like_the_better(encoding, history, units, rng)
        else:
            with one_thread():
                model = learn(encoding, history, units, memory)
                candidates = _promising(model, tried, rng)
        is_new = ~tried.known(encoding.settled(candidates))
        if is_new.any():
            return encoding.params(candidates[is_new.argmax()])
        return draw_untried(tried, rng)

    def _is_others_turn(self, number: int) -> bool:
        turn = self._others_turn
        return turn > 0 and number >= OTHERS_FROM and number % turn == turn - 1


def fitted(space: Space, history: History) -> Fitted:
    """Return what a Bayesian search has learned from `history`, for showing and explaining it.

    Raises
    ------
    HpoError
        If no trial is complete.
    """
    if not history.complete:
        raise HpoError("no trial is complete yet: there is nothing to learn from.")
    memory = Memory(space, history.direction)
    units = memory.units(history.trials)
    encoding = Encoding(space, Activity.learned(space, history.trials, units))
    with one_thread():
        return learn(encoding, history, units, memory)


def to_optimize_result(space: Space, history: History) -> OptimizeResult:
    """Return the search as scikit-optimize's result, for `skopt.plots`.

    `func_vals` are the values of the complete trials, with their sign turned if they are maximized:
    scikit-optimize minimizes. What a trial did not reach stands at its default.
    """
    model = fitted(space, history)
    surrogate = model.surrogate
    in_losses = LossSurrogate(surrogate.owner, surrogate.theta, model.warp)
    in_losses.fit(surrogate.X_train_, surrogate.y_train_)
    settings = [trial.params for trial in history.complete]
    losses = losses_of(history, history.complete).tolist()
    return optimize_result(space, settings, losses, in_losses)


def _is_initial(space: Space, history: History) -> bool:
    n_free = sum(parameter.domain.n_levels != 1 for parameter in space.values())
    n_counted = sum(trial.state is not State.STOPPED for trial in history.trials)
    return n_counted < n_initial(n_free) or not history.complete


def _initial(space: Space, history: History, seed: int) -> FloatArray:
    counted = [t for t in history.trials if t.state is not State.STOPPED]
    index = sum(trial.kind is not Kind.START for trial in counted)
    point: FloatArray = sobol_points(len(space), index.bit_length(), seed)[index]
    return point


def _like_the_better(
    encoding: Encoding, history: History, units: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Return settings that are like the better trials, by a model of another kind.

    Units of shape (n, n_params); `units` has the shape (n_trials, n_params).
    """
    is_finished = np.array([trial.state.is_finished for trial in history.trials], dtype=bool)
    finished = [trial for trial in history.trials if trial.state.is_finished]
    losses = losses_of(history, finished)
    return better_alike(encoding, units[is_finished], losses, N_OTHERS, rng)


def _promising(model: Fitted, tried: Tried, rng: np.random.Generator) -> FloatArray:
    """Return settings by their expected improvement, the highest first.

    Units of shape (n, n_params).
    """
    encoding = model.encoding

    def score(settled: FloatArray) -> FloatArray:
        mean, std = model.at(settled)
        scores = log_expected_improvement(mean, std, model.best - LEAST_GAIN)
        scores[tried.known(settled)] = -np.inf
        return scores

    listed = every_setting(encoding, MOST_SCORED)
    if listed is None:
        return most_promising(encoding, score, model.best_units, rng)
    scores = score(listed)
    ranked = np.argsort(-scores, kind="stable")
    return listed[ranked]
