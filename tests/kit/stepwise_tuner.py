"""A tuner with the parts of Optuna's tuner of LightGBM that its search is read from."""

from __future__ import annotations

import json
from typing import Any

import optuna

_LGBM_PARAMS_KEY = "lightgbm_tuner:lgbm_params"
BOUNDS = {"feature_fraction": (0.4, 1.0), "bagging_fraction": (0.4, 1.0), "lambda_l1": (0.0, 9.0)}


def _handling_alias_parameters(params: dict[str, Any]) -> None:
    """Give a parameter the name that the tuner has for it."""
    if "reg_lambda" in params:
        params["lambda_l2"] = params.pop("reg_lambda")


class Rows:
    """A data set."""

    def __init__(self, data: list[float]) -> None:
        self.data, self.label, self.weight = data, data, None


class Objective:
    """One training: its booster is the number of those before it."""

    def __init__(self, params: dict[str, Any], names: list[str]) -> None:
        self.params, self.names = params, names
        self.best_score = float("inf")
        self.best_booster_with_trial_number: tuple[Any, int] | None = None
        self.n = 0

    def __call__(self, trial: Any) -> float:
        for name, (low, high) in BOUNDS.items():
            if name in self.names:
                self.params[name] = trial.suggest_float(name, low, high)
        self.n += 1
        score = (self.params["lambda_l1"] - 3) ** 2 + self.params["feature_fraction"]
        if score < self.best_score:
            self.best_score = score
            self.best_booster_with_trial_number = f"booster {score:.6f}", trial.number
        trial.storage.set_trial_system_attr(
            trial._trial_id, _LGBM_PARAMS_KEY, json.dumps(self.params)
        )
        return score


class _LightGBMBaseTuner:
    """The tuner."""

    def __init__(self, params: dict[str, Any], train_set: Rows, valid_sets: Any = None) -> None:
        self.lgbm_params, self.train_set, self.train_subset = dict(params), train_set, None
        self.lgbm_kwargs = {"valid_sets": valid_sets}
        self.auto_options = {"time_budget": None}
        self.study = optuna.create_study()
        self.objectives: list[Objective] = []
        self._optuna_callbacks = None
        self._best_booster_with_trial_number: tuple[Any, int] | None = None

    def higher_is_better(self) -> bool:
        """Return that its metric is a loss."""
        return False

    def sample_train_set(self) -> None:
        """Take all rows."""

    def _create_objective(self, names: list[str], rows: Rows, step: str, bar: None) -> Objective:
        self.objectives.append(Objective(self.lgbm_params, names))
        return self.objectives[-1]

    def run(self) -> None:
        """Run the tuner's own search, which no test does."""
        _handling_alias_parameters(self.lgbm_params)
        raise AssertionError("the tuner searches itself")

    def get_best_booster(self) -> Any:
        """Return the best booster, if its number is that of the study's best trial."""
        assert self._best_booster_with_trial_number is not None
        booster, number = self._best_booster_with_trial_number
        assert number == self.study.best_trial.number
        return booster

    @property
    def best_params(self) -> Any:
        """The parameters of the best trial, as the study has them."""
        return json.loads(self.study.best_trial.system_attrs[_LGBM_PARAMS_KEY])
