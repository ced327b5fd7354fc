"""What older studies tell a new search: settings to begin with, and data for its surrogate.

`History.guides` are older studies, whose values were measured by other code or on other data. Their
best settings are tried first. For the Gaussian process their trials are data of the same function
with a further input for each study: 0 for the new one, 1 for the older one. The length scale of
that input is learned as any other, and with it how much the studies have to do with each other
(an intrinsic model of several tasks: Swersky et al., "Multi-Task Bayesian Optimization", 2013).

Parameters are the same if they have the same name. Losses are warped for each study by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
import numpy.typing as npt

from hpo_magic.core.activity import units_of
from hpo_magic.core.domains import Choice, FloatArray, Plain
from hpo_magic.core.space import Parameter, Params, Space, setting_key
from hpo_magic.core.trial import VALUE, Goal, History, State, Trial
from hpo_magic.samplers.pruned import expected_losses
from hpo_magic.samplers.spread import spread_of
from hpo_magic.samplers.warp import Warp

# How many settings of older studies are tried first. Five were no better.
N_SETTINGS = 3
# They are the best one, and those of so many best that are far from each other. Each rank costs as
# much as so much of the mean distance, in shares of the ranges.
N_BEST, COST_OF_RANK = 12, 0.02
# The surrogate learns from no more trials of each older study than this.
MAX_TRIALS = 60
# So many of the best settings are among those around which new ones are searched for.
N_CENTRES = 5


def guides_of(history: History) -> list[History]:
    """Return the older studies, each judged by the objectives of `history` if it measured them."""
    return [in_goals(guide, history.goals) for guide in history.guides]


def in_goals(guide: History, goals: Sequence[Goal]) -> History:
    """Return an older study judged by `goals`; as it is, if its trials did not measure them all.

    A value without a name is taken for another one.
    """
    if tuple(goals) == guide.goals or any(goal.metric == VALUE.metric for goal in goals):
        return guide
    trials = []
    for trial in guide.trials:
        values = dict(trial.metrics)
        if trial.value is not None:
            values[guide.metric] = trial.value
        if trial.state is State.COMPLETE and not all(goal.metric in values for goal in goals):
            return guide
        first = values.get(goals[0].metric) if trial.state is State.COMPLETE else None
        trials.append(replace(trial, value=first, metrics=values))
    return replace(guide, trials=tuple(trials), goals=tuple(goals), chosen=None)


@dataclass(frozen=True)
class GuideData:
    """The trials of older studies as data.

    Attributes
    ----------
    units : shape (n, n_params)
        NaN for a parameter that a trial does not have.
    targets : shape (n,)
        Warped losses: mean 0 and variance 1 in each study.
    study : shape (n,)
        The number of the older study that a trial is of, from 0.
    n_studies
        How many there are that share a parameter and have a trial.
    """

    units: FloatArray
    targets: FloatArray
    study: npt.NDArray[np.intp]
    n_studies: int

    @classmethod
    def of(cls, space: Space, history: History) -> GuideData:
        """Return the data of those trials whose values all lie in the ranges of `space`."""
        units, targets = [np.empty((0, len(space)))], [np.empty(0)]
        study: list[npt.NDArray[np.intp]] = []
        for guide in guides_of(history):
            trials, losses = _placed(space, guide)
            if trials:
                kept = spread_of(losses, MAX_TRIALS)
                units.append(units_of(space, [_shared(space, trials[k]) for k in kept]))
                targets.append(Warp.of(losses).warped[kept])
                study.append(np.full(len(kept), len(study), dtype=np.intp))
        of_study = np.concatenate(study) if study else np.empty(0, dtype=np.intp)
        return cls(np.vstack(units), np.concatenate(targets), of_study, len(study))

    @property
    def best(self) -> npt.NDArray[np.intp]:
        """The indices of the trials with the lowest losses of their studies; shape (n_best,)."""
        return np.argsort(self.targets, kind="stable")[:N_CENTRES]


def first_settings(space: Space, history: History, seed: int) -> list[dict[str, Plain]]:
    """Return the settings of older studies that are tried first, three at most.

    A value out of range is taken to the nearest one inside. What an older setting has no value for
    is at its default in the best setting, as older code may well have had it there, and drawn in
    the others. Parameters that are not in `space` stay: a setting may reach them.
    """
    candidates = [
        (rank, trial.params)
        for guide in guides_of(history)
        for rank, trial in enumerate(_distinct(space, guide))
    ]
    if not candidates:
        return []
    units = units_of(space, [_nearest(space, params) for _, params in candidates])
    units = np.where(np.isnan(units), 0.5, units)
    costs = COST_OF_RANK * np.array([rank for rank, _ in candidates], dtype=np.float64)
    chosen = [0]
    while len(chosen) < min(N_SETTINGS, len(candidates)):
        distances = np.abs(units[:, np.newaxis] - units[chosen]).mean(axis=2).min(axis=1)
        worth = distances - costs
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return [_completed(space, candidates[k][1], seed, k) for k in chosen]


def _distinct(space: Space, guide: History) -> list[Trial]:
    """Return the best trials of an older study that share a parameter, each setting once."""
    found: dict[str, Trial] = {}
    for trial in guide.ranked:
        if not space.keys().isdisjoint(trial.params):
            found.setdefault(setting_key(_shared(space, trial)), trial)
    return list(found.values())[:N_BEST]


def _shared(space: Space, trial: Trial) -> dict[str, Plain]:
    return {name: value for name, value in trial.params.items() if name in space}


def _nearest(space: Space, params: Params) -> dict[str, Plain]:
    """Return the values of an older setting, each the nearest one that `space` allows."""
    return {
        name: parameter.domain.nearest(params[name])
        for name, parameter in space.items()
        if name in params and _is_comparable(parameter, params[name])
    }


def _completed(space: Space, params: Params, seed: int, k: int) -> dict[str, Plain]:
    """Return the k-th candidate with a value for every parameter of `space`."""
    setting = _nearest(space, params)
    for name in space.keys() - setting.keys():
        setting[name] = space[name].default if k == 0 else _drawn(space[name], seed, k)
    further = {name: value for name, value in params.items() if name not in space}
    return {name: setting[name] for name in space} | further


def _drawn(parameter: Parameter, seed: int, k: int) -> Plain:
    entropy = (seed % 2**64, k, crc32(parameter.name.encode()))
    return parameter.domain.value(np.random.default_rng(entropy).random())


def _is_comparable(parameter: Parameter, value: Plain) -> bool:
    """Return whether some value of the parameter is the nearest to `value`."""
    if isinstance(parameter.domain, Choice):
        return value in parameter.domain
    return isinstance(value, int | float) and not isinstance(value, bool)


def _placed(space: Space, guide: History) -> tuple[Sequence[Trial], FloatArray]:
    """Return the trials of an older study that have a place in `space`, and their losses.

    The losses have the shape (n_trials,).
    """
    ended = [t for t in guide.trials if t.state.is_finished and t.state is not State.FAILED]
    expected = expected_losses(guide, ended)
    losses = [expected.get(trial.number, guide.loss(trial)) for trial in ended]
    known = [
        (trial, loss)
        for trial, loss in zip(ended, losses, strict=True)
        if loss is not None and np.isfinite(loss) and _has_place(space, trial)
    ]
    trials, values = [trial for trial, _ in known], [loss for _, loss in known]
    return trials, np.array(values, dtype=np.float64)


def _has_place(space: Space, trial: Trial) -> bool:
    shared = _shared(space, trial)
    return bool(shared) and all(_is_within(space[n], value) for n, value in shared.items())


def _is_within(parameter: Parameter, value: Plain) -> bool:
    """Return whether a value lies in the range; between two steps will do."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        return value in domain
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and domain.low <= value <= domain.high  # type: ignore[operator]
