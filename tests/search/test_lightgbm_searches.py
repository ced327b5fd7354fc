"""Searches of LightGBM trainings, by the callback of the notebook."""

from __future__ import annotations

from typing import Any

import lightgbm as lgb
import numpy as np

from hpo_magic import hp, search
from hpo_magic.core.trial import State

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
Y = X[:, 0] + 0.1 * RNG.normal(size=200)
QUIET: dict[str, Any] = {"minimize": "l2", "ui": "none", "recheck": "0", "sampler": "grid"}
SETTINGS = {"objective": "l2", "num_threads": 1, "verbosity": -1, "min_data_in_leaf": 5}


def report(env: Any) -> None:
    """Report what a round measured."""
    [(_, metric, value, _)] = env.evaluation_result_list
    hp.report(env.iteration + 1, **{metric: value})


def boosted(rate: float, *callbacks: Any) -> lgb.Booster:
    """Return trees that were grown with this learning rate."""
    rows = lgb.Dataset(X[:150], Y[:150])
    held_out = lgb.Dataset(X[150:], Y[150:], reference=rows)
    return lgb.train(
        {**SETTINGS, "learning_rate": rate},
        rows,
        num_boost_round=20,
        valid_sets=[held_out],
        callbacks=[report, *callbacks],
    )


def test_boosting_that_is_lost_is_pruned() -> None:
    """LightGBM lets the end pass, and the others have a curve of all their rounds."""
    rates = [0.3, 0.2, 0.1, 0.05, 0.02, 1e-6]  # the grid takes them in this order

    def objective() -> Any:
        rate = hp.Choice("learning_rate", rates, ordered=False)
        return boosted(rate).best_score["valid_0"]

    study = search(objective, trials=len(rates), **QUIET)
    *others, lost = study.trials
    for trial in others:
        assert trial.state is State.COMPLETE
        assert [point.step for point in trial.curve] == list(range(1, 21))
        assert trial.value == trial.curve[-1].metrics["l2"]
    assert (lost.params["learning_rate"], lost.state, lost.value) == (1e-6, State.PRUNED, None)
    assert len(lost.curve) < 20


def test_early_stopping_of_lightgbm_s_own_is_respected() -> None:
    """The value is that of the round that it goes back to."""

    def objective() -> Any:
        rate = hp.Choice("learning_rate", [0.9, 1.0], ordered=False)
        return boosted(rate, lgb.early_stopping(3, verbose=False)).best_score["valid_0"]

    study = search(objective, trials=2, **QUIET)
    for trial in study.trials:
        values = [point.metrics["l2"] for point in trial.curve]
        assert trial.value == min(values) == values[-4]
        assert len(values) < 20
