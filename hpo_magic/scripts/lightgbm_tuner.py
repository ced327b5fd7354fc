"""Optuna's tuner of LightGBM, `lgb.train(…)` of its integration: one search of all its ranges.

The tuner trains, scores and keeps its study and best booster as it does. It would search its seven
hyperparameters one after the other; here they are searched together, with as many trainings.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hpo_magic.core.trial import Trial
from hpo_magic.scripts.optuna import OptunaScript, ScriptTrial
from hpo_magic.scripts.tool_search import ToolSearch, replayed
from hpo_magic.study.study import Study
from hpo_magic.tools.interception import Call

# The tuner's hyperparameters, in the order of its steps.
_TUNED = (
    "feature_fraction",
    "num_leaves",
    "bagging_fraction",
    "bagging_freq",
    "lambda_l1",
    "lambda_l2",
    "min_child_samples",
)
_N_TRIALS = 7 + 20 + 10 + 6 + 20 + 5  # of its steps: feature_fraction, num_leaves, bagging, …


def read_run(call: Call) -> ToolSearch:
    """Return the search that `LightGBMTuner.run()` asks for."""
    tuner, names = call.args[0], call.original.__globals__
    names["_handling_alias_parameters"](tuner.lgbm_params)
    tuner.sample_train_set()
    script = _Tuner(tuner, names["_LGBM_PARAMS_KEY"])
    return ToolSearch(
        script.train,
        script.goals(),
        trials=_N_TRIALS,
        time_s=tuner.auto_options["time_budget"],
        settings={"pruner": "none"},  # the tuner has none
        owner=tuner.study,
        read=_reading(tuner),
        notes=["All hyperparameters of the tuner are searched together, not one after the other."],
        ended=script.ended,
        result=script.result,
    )


class _Tuner(OptunaScript):
    """A tuner, and its study, which gets our trials.

    Parameters
    ----------
    tuner
        A `LightGBMTuner` or a `LightGBMTunerCV`.
    key
        The attribute by which its study's trials have LightGBM's parameters.
    """

    def __init__(self, tuner: Any, key: str) -> None:
        self._tuner, self._key = tuner, key
        rows = tuner.train_set if tuner.train_subset is None else tuner.train_subset
        self._trains = tuner._create_objective(list(_TUNED), rows, "all", None)
        super().__init__(tuner.study, self._trains, tuner._optuna_callbacks or ())

    def system_attributes(self, trial: Trial) -> dict[str, Any]:
        """Return what the tuner noted of a trial; of one that is stored, its parameters."""
        noted = super().system_attributes(trial)
        if noted:
            return noted
        setting = {name: trial.params[name] for name in _TUNED if name in trial.params}
        for name in ("feature_fraction", "bagging_fraction"):
            if isinstance(value := setting.get(name), float):
                setting[name] = min(value, 1.0)  # its range ends a little above
        fixed = {k: v for k, v in self._tuner.lgbm_params.items() if not callable(v)}
        return {self._key: json.dumps({**fixed, **setting})}

    def result(self, study: Study) -> None:
        """Leave the best booster with the tuner; one that is not in memory is trained again."""
        best = study.snapshot.history.best()
        kept = self._trains.best_booster_with_trial_number
        if best is None:
            return
        is_kept = getattr(self._tuner, "get_best_booster", None) is not None
        if is_kept and (kept is None or kept[1] != best.number) and self._keeps_boosters():
            self._trains.best_booster_with_trial_number = None
            self._trains.best_score = -self._worst()
            with replayed(best):
                self._trains(ScriptTrial(self.study, {}, {}))
            kept = self._trains.best_booster_with_trial_number
        if kept is not None:
            self._tuner._best_booster_with_trial_number = kept[0], self.study.best_trial.number

    def _keeps_boosters(self) -> bool:
        """Return whether a training leaves a booster: a cross-validation does so if asked."""
        given = self._tuner.lgbm_kwargs
        return "valid_sets" in given or bool(given.get("return_cvbooster"))

    def _worst(self) -> float:
        return float("inf") if self._tuner.higher_is_better() else float("-inf")


def _reading(tuner: Any) -> Callable[[], Any]:
    """Return a function that reads what the tuner trains on, for its fingerprint."""
    given = tuner.lgbm_kwargs.get("valid_sets") or ()
    sets = [tuner.train_set, *(given if isinstance(given, list | tuple) else [given])]
    rows = [[getattr(one, name) for name in ("data", "label", "weight")] for one in sets]
    options = {k: v for k, v in tuner.lgbm_kwargs.items() if k not in ("valid_sets", "callbacks")}
    params = dict(tuner.lgbm_params)
    return lambda: (rows, params, options)
