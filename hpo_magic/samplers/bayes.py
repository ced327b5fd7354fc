"""Bayesian optimization: learn a surrogate of the loss, and try where it promises the most.

The first trials are spread evenly (`initial`). From then on the trials become numbers (`encoding`)
and their losses a scale that can be learned (`warp`); a Gaussian process is fitted to them
(`learning`, `gaussian_process`, as scikit-optimize's regressor in `surrogate`); and the setting
whose expected improvement (`improvement`, `acquisition`) is the highest is searched for
(`proposal`), among those that were not tried (`tried`).

Where older studies guide the search, their settings take the place of the spread trials (`guided`),
unless the first of them shows that they mislead, and their trials are data of the Gaussian process
(`guides`). In a space of one number every second
suggestion is the lowest point of a parabola (`parabola`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

import numpy as np
from scipy.optimize import OptimizeResult

from hpo_magic.core.activity import Activity
from hpo_magic.core.domains import FloatArray, Plain
from hpo_magic.core.space import Space
from hpo_magic.core.trial import History, Kind, State
from hpo_magic.errors import HpoError
from hpo_magic.samplers.encoding import Encoding
from hpo_magic.samplers.gaussian_process import one_thread
from hpo_magic.samplers.guided import is_contradicted
from hpo_magic.samplers.guides import N_SETTINGS, first_settings
from hpo_magic.samplers.improvement import Improvement
from hpo_magic.samplers.initial import n_initial, sobol_points
from hpo_magic.samplers.learning import Fitted, Memory, learn, losses_of
from hpo_magic.samplers.parabola import lowest_of_parabola
from hpo_magic.samplers.proposal import N_AROUND, most_promising
from hpo_magic.samplers.random import draw_untried, stream
from hpo_magic.samplers.surrogate import LossSurrogate, optimize_result
from hpo_magic.samplers.tried import Tried, every_setting

# Up to so many settings, each is scored; with more, they are searched.
MOST_SCORED = 1000
# With fewer trials of older studies than this, the first trials are spread as without them.
FEWEST_OLDER = 6


class BayesSampler:
    """Suggests the setting with the highest expected improvement.

    Keeps what it computed, to be faster; its answers are the same without.
    """

    def __init__(self) -> None:
        self._memory: Memory | None = None

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`; see `core.ports.Sampler`."""
        memory = self._memory
        if memory is None or not memory.holds_for(space, history):
            memory = self._memory = Memory.of(space, history)
        units = memory.units(history.trials)
        tried = Tried.in_history(space, history, units)
        encoding, rng = tried.encoding, stream(seed, history)
        candidates = self._candidates(tried, history, units, seed, memory)
        is_new = ~tried.known(encoding.settled(candidates))
        if is_new.any():
            return encoding.params(candidates[is_new.argmax()])
        return draw_untried(tried, rng)

    def _candidates(
        self, tried: Tried, history: History, units: FloatArray, seed: int, memory: Memory
    ) -> FloatArray:
        """Return settings as units, the best first.

        Both units have the shape (n, n_params).
        """
        encoding = tried.encoding
        if _is_initial(encoding.space, history, len(memory.data.targets), seed):
            return encoding.snap(_initial(encoding.space, history, seed)[np.newaxis])
        lowest = _lowest_of_parabola(encoding, history, units)
        if lowest is not None and not tried.known(lowest)[0]:
            return lowest
        with one_thread():
            model = learn(encoding.compact(units), history, units, memory)
            return _promising(model, tried, stream(seed, history))


def fitted(space: Space, history: History, *, is_compact: bool = True) -> Fitted:
    """Return what a Bayesian search has learned from its own trials, for showing and explaining it.

    Older studies are left out. If not `is_compact`, the features are scikit-optimize's, all of
    them, however many values a choice has.

    Raises
    ------
    HpoError
        If no trial is complete.
    """
    if not history.complete:
        raise HpoError("no trial is complete yet: there is nothing to learn from.")
    history = replace(history, guides=())
    memory = Memory.of(space, history)
    units = memory.units(history.trials)
    encoding = Encoding(space, Activity.learned(space, history.trials, units))
    with one_thread():
        return learn(encoding.compact(units) if is_compact else encoding, history, units, memory)


def to_optimize_result(space: Space, history: History) -> OptimizeResult:
    """Return the search as scikit-optimize's result, for `skopt.plots`.

    `func_vals` are the values of the complete trials, with their sign turned if they are maximized:
    scikit-optimize minimizes. What a trial did not reach stands at its default. `models` has what
    was learned of the first trials, of one more, and so on up to all, each fitted when it is asked.

    Raises
    ------
    HpoError
        If no trial is complete.
    """
    models = FittedModels(space, history)
    settings = [trial.params for trial in history.complete]
    losses = losses_of(history, history.complete).tolist()
    return optimize_result(space, settings, losses, models)


class FittedModels(Sequence[LossSurrogate]):
    """The surrogates of a growing search, for scikit-optimize: each predicts losses.

    The first one knows `n_first` complete trials, the last one all. Without `n_first` it knows as
    many as a search begins with (`initial`).
    """

    def __init__(self, space: Space, history: History, n_first: int | None = None) -> None:
        if not history.complete:
            raise HpoError("no trial is complete yet: there is nothing to learn from.")
        self._space, self._history = space, history
        self._n_first = n_initial(space) if n_first is None else n_first
        self._fitted: dict[int, LossSurrogate] = {}

    def __len__(self) -> int:
        return max(len(self._history.complete) - self._n_first + 1, 1)

    @overload
    def __getitem__(self, index: int) -> LossSurrogate: ...
    @overload
    def __getitem__(self, index: slice) -> list[LossSurrogate]: ...
    def __getitem__(self, index: int | slice) -> LossSurrogate | list[LossSurrogate]:
        if isinstance(index, slice):
            return [self[k] for k in range(len(self))[index]]
        k = range(len(self))[index]
        if k not in self._fitted:
            self._fitted[k] = self._fit(len(self) - 1 - k)
        return self._fitted[k]

    def _fit(self, n_left_out: int) -> LossSurrogate:
        """Return what is learned without the last `n_left_out` complete trials."""
        history = self._history
        if n_left_out:
            last = history.complete[-n_left_out].number
            history = replace(history, trials=tuple(t for t in history.trials if t.number < last))
        model = fitted(self._space, history, is_compact=False)
        surrogate = model.surrogate
        in_losses = LossSurrogate(surrogate.owner, surrogate.theta, model.warp)
        in_losses.fit(surrogate.X_train_, surrogate.y_train_)
        return in_losses


def _is_initial(space: Space, history: History, n_older: int, seed: int) -> bool:
    n_counted = sum(trial.state is not State.STOPPED for trial in history.trials)
    n_first = n_initial(space)
    if n_older >= FEWEST_OLDER and n_counted <= n_first:
        best = first_settings(space, history, seed)[:1]
        # A setting that misled is none of the spread ones.
        is_misled = any(is_contradicted(setting, history) for setting in best)
        n_first = n_first + 1 if is_misled else min(n_first, N_SETTINGS + 1)
    return n_counted < n_first or not history.complete


def _initial(space: Space, history: History, seed: int) -> FloatArray:
    counted = [t for t in history.trials if t.state is not State.STOPPED]
    index = sum(trial.kind is not Kind.START for trial in counted)
    point: FloatArray = sobol_points(len(space), index.bit_length(), seed)[index]
    return point


def _lowest_of_parabola(
    encoding: Encoding, history: History, units: FloatArray
) -> FloatArray | None:
    """Return the lowest point of a parabola through the trials, as units of shape (1, n_params).

    `units` has the shape (n_trials, n_params).
    None for a space of more than one number, and at every second suggestion.
    """
    is_free = encoding.n_levels > 1
    j = int(is_free.argmax())
    if is_free.sum() != 1 or encoding.is_unordered[j] or history.number % 2 == 0:
        return None
    is_finished = np.array([trial.state.is_finished for trial in history.trials], dtype=bool)
    is_known = is_finished & ~np.isnan(units[:, j])
    finished = [trial for trial, known in zip(history.trials, is_known, strict=True) if known]
    place = lowest_of_parabola(units[is_known, j], losses_of(history, finished))
    if place is None:
        return None
    lowest = encoding.defaults.copy()
    lowest[j] = place
    return encoding.settled(encoding.snap(lowest[np.newaxis]))


def _promising(model: Fitted, tried: Tried, rng: np.random.Generator) -> FloatArray:
    """Return settings by their expected improvement, the highest first.

    Units of shape (n, n_params).
    """
    encoding = model.encoding
    score = Improvement.of(model, tried, rng)
    listed = every_setting(encoding, MOST_SCORED)
    if listed is None:
        around = np.vstack([model.best_units[:N_AROUND], model.guide_units])
        return most_promising(encoding, score, around, rng)
    scores = score(listed)
    ranked = np.argsort(-scores, kind="stable")
    return listed[ranked]
