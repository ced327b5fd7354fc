"""Searches of any size to look at, made without training anything."""

from __future__ import annotations

from dataclasses import replace
from math import log10
from typing import Any

import numpy as np

from hpo_magic.core.domains import Choice, Float, Int, Plain
from hpo_magic.core.events import Reason
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import Direction, Failure, Goal, Kind, Point, State, Trial

EVIL = "<script>alert(1)</script>"  # a choice, and in every message: it must never get into HTML
N_EPOCHS = 5
FAILING = 7  # one trial in so many


def a_search(n: int, *, is_running: bool = True, **changes: Any) -> Snapshot:
    """Return a search with `n` ended trials, some of them failed, and one in training.

    Its value depends on `lr` alone, but for a little noise; `units[1]` is active where `layers` is
    2. `changes` replace fields of the snapshot.

    >>> len(a_search(10).trials)
    11
    """
    rng, space = np.random.default_rng(0), _space()
    trials = [_trial(number, space, rng) for number in range(n)]
    if is_running:
        curve = (Point(1, {"val_accuracy": 0.3, "accuracy": 0.4}),)
        started = 1000.0 + 2 * n
        params = _setting(space, rng)
        trials.append(Trial(n, State.RUNNING, params, curve=curve, started=started))
    made = Snapshot(
        name="digits",
        goals=(Goal("val_accuracy", Direction.MAXIMIZE),),
        space=space,
        trials=tuple(trials),
        n_trials=max(40, n),
        started=1000.0,
        at=1000.5 + 2 * n,
        is_live=is_running,
        ended=None if is_running else Reason.TRIALS,
    )
    return replace(made, **changes)


def a_search_for_several(n: int, **changes: Any) -> Snapshot:
    """Return a search for accuracy and size: a wider network is better, and larger.

    >>> [str(goal) for goal in a_search_for_several(10).goals]
    ['maximize val_accuracy', 'minimize n_params']
    """
    made = a_search(n, **changes)

    def sized(trial: Trial) -> Trial:
        if trial.value is None:
            return trial
        units = float(str(trial.params["units[0]"]))
        value = round(trial.value + 0.02 * log10(units), 4)
        return replace(trial, value=value, metrics={"n_params": 785.0 * units + 10})

    size = Goal("n_params", Direction.MINIMIZE)
    return replace(made, trials=tuple(map(sized, made.trials)), goals=(*made.goals, size))


def _space() -> Space:
    parameters = [
        Parameter("layers", Int(1, 2), 1),
        Parameter("act", Choice(("relu", EVIL)), "relu"),
        Parameter("lr", Float(1e-4, 1e-1, log=True), 1e-3),
        Parameter("units[0]", Int(16, 512, log=True), 64),
        Parameter("units[1]", Int(16, 512, log=True), 64),
    ]
    return Space({parameter.name: parameter for parameter in parameters})


def _active(params: dict[str, Plain]) -> Params:
    return {n: v for n, v in params.items() if n != "units[1]" or params["layers"] == 2}


def _setting(space: Space, rng: np.random.Generator) -> Params:
    return _active({name: p.domain.value(float(rng.random())) for name, p in space.items()})


def _trial(number: int, space: Space, rng: np.random.Generator) -> Trial:
    params = _setting(space, rng) if number else _active(space.defaults())
    kind = Kind.SEARCH if number else Kind.START
    begun = Trial(number, State.RUNNING, params, kind, started=1000.0 + 2 * number)
    if number % FAILING == FAILING // 2:
        failure = Failure("ValueError", f"diverged {EVIL}\nsecond line", 8, f"frame {EVIL}")
        return replace(begun, state=State.FAILED, failure=failure, duration_s=1.0)
    rate = params["lr"]
    assert isinstance(rate, float)
    value = 0.9 - 0.05 * abs(log10(rate) + 2) + 0.01 * float(rng.random())
    steps = range(1, N_EPOCHS + 1)
    curve = [Point(e, {"val_accuracy": value * e / N_EPOCHS, "accuracy": value}) for e in steps]
    return replace(begun, state=State.COMPLETE, value=value, curve=tuple(curve), duration_s=2.0)
