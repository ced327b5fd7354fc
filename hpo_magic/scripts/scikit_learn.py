"""`GridSearchCV`, `RandomizedSearchCV`, `BayesSearchCV` and the halving searches.

Their `fit` does everything but choose the settings, so folds, scores, `cv_results_` and the refit
are scikit-learn's own: only the loop over settings is ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hpo_magic.core.trial import Direction
from hpo_magic.language.spaces import dimension_value, value_from
from hpo_magic.scripts.tool_search import ToolSearch, replayed
from hpo_magic.study.study import Study
from hpo_magic.tools.interception import Call


def read_run_search(call: Call) -> ToolSearch:
    """Return the search that the `fit` of a search of scikit-learn's asks for."""
    search, evaluate = call.args[0], call.args[1] if len(call.args) > 1 else None
    script = _Script(search, evaluate or call.options["evaluate_candidates"])
    return ToolSearch(
        script.train,
        Direction.MAXIMIZE,
        trials=script.n_trials(),
        settings=script.settings(),
        read=script.train,
        notes=script.notes(),
        result=script.result,
    )


class _Script:
    """One search of scikit-learn's while it fits."""

    def __init__(self, search: Any, evaluate: Callable[..., Any]) -> None:
        self._search = search
        self._evaluate = evaluate
        self._kind = type(search).__name__
        self._has_budgets = self._kind == "BayesSearchCV"
        self._space = self._space_of(search)

    def _space_of(self, search: Any) -> Any:
        for name in ("search_spaces", "param_distributions", "param_grid"):
            if hasattr(search, name):
                space = getattr(search, name)
                listed = space if isinstance(space, list | tuple) else [space]
                return [one[0] if isinstance(one, tuple) else one for one in listed]
        raise AttributeError(f"{self._kind} has no space")

    def n_trials(self) -> int | None:
        """Return the number of settings that the search asks for."""
        if self._kind in ("GridSearchCV", "HalvingGridSearchCV"):
            return self._n_in_grid()
        if self._has_budgets and isinstance(self._search.search_spaces, list):
            numbers = [s[1] for s in self._search.search_spaces if isinstance(s, tuple)]
            if numbers:
                return int(sum(numbers))
        number = getattr(self._search, "n_iter", None)
        return number if isinstance(number, int) else None

    def _n_in_grid(self) -> int:
        return sum(math.prod(len(list(v)) for v in grid.values()) for grid in self._space)

    def settings(self) -> dict[str, Any]:
        """Return the options that belong to the kind of search."""
        sampler = {"GridSearchCV": "grid", "RandomizedSearchCV": "random"}.get(self._kind)
        # Its folds are the same each time, and every re-run would be a row of `cv_results_`.
        settings: dict[str, Any] = {"recheck": "0", "pruner": "none"}
        return settings if sampler is None else settings | {"sampler": sampler}

    def notes(self) -> list[str]:
        """Return what of the search is not done."""
        if self._kind.startswith("Halving"):
            return ["Not used: the halving of the rows; each setting is fitted on all of them."]
        return []

    def train(self) -> float:
        """Return the mean score over the folds of the trial's setting."""
        setting = self._setting()
        results = self._evaluated(setting)
        name = self._score_name(results)
        return float(results[name][-1])

    def _evaluated(self, setting: Mapping[str, Any]) -> Mapping[str, Any]:
        more: tuple[Any, ...] = ()
        if self._kind.startswith("Halving"):
            rows = {"n_resources": [self._search._n_samples_orig], "iter": [0]}
            more = (self._search._checked_cv_orig, rows)
        results: Mapping[str, Any] = self._evaluate([setting], *more)
        return results

    def _setting(self) -> dict[str, Any]:
        """Return the trial's values by name."""
        setting: dict[str, Any] = value_from(self._space, self._tuple_value)
        return setting

    def _tuple_value(self, name: str, part: tuple[Any, ...]) -> Any:
        """Return the value of a tuple: a range for scikit-optimize, else values to choose from."""
        return dimension_value(name, part if self._has_budgets else list(part))

    def _score_name(self, results: Mapping[str, Any]) -> str:
        refit = self._search.refit
        if "mean_test_score" in results:
            return "mean_test_score"
        if isinstance(refit, str):
            return f"mean_test_{refit}"
        return next(name for name in results if name.startswith("mean_test_"))

    def result(self, study: Study) -> None:
        """Leave the attributes that only this kind of search has."""
        if self._kind.startswith("Halving"):
            n_rows, n_tried = self._search._n_samples_orig, len(study.snapshot.history.complete)
            self._search.min_resources_ = self._search.max_resources_ = n_rows
            self._search.n_resources_, self._search.n_candidates_ = [n_rows], [n_tried]
            for name in ("n_iterations_", "n_required_iterations_", "n_possible_iterations_"):
                setattr(self._search, name, 1)  # of all rows
            self._search.n_remaining_candidates_ = 1
        if self._has_budgets:
            made = [self._search._make_optimizer(space) for space in self._space]
            self._search.optimizers_ = made
            self._search._optim_results = [
                self._told(optimizer, k, study) for k, optimizer in enumerate(made)
            ]

    def _told(self, optimizer: Any, k: int, study: Study) -> Any:
        """Return the result of scikit-optimize's optimizer of one space, told of its trials."""
        points, losses = [], []
        for trial in study.snapshot.history.complete:
            if trial.value is not None and trial.params.get("grid", k) == k:
                with replayed(trial):
                    setting = self._setting()
                points.append([setting[name] for name in sorted(self._space[k])])
                losses.append(-trial.value)
        return optimizer.tell(points, losses) if points else optimizer.get_result()
