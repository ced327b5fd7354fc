"""Importance against functions whose shares can be computed, beside Optuna's PED-ANOVA and fANOVA.

    python -m benchmarks.importance

All see the same trials. PED-ANOVA is Optuna's default since 5.0. The truth are total indices by
200,000 draws; the error is the mean distance of the shares, which sum to 1, from the true ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna

from hpo_magic import hp, search
from hpo_magic.core.trial import Trial
from hpo_magic.views.importance import measured_importance

Array = npt.NDArray[np.float64]
N_TRIALS, N_SEEDS, N_DRAWS = 100, 5, 200_000


def additive(u: Array) -> Array:
    """Return a sum of three effects; two parameters are idle."""
    return 5 * (u[0] - 0.3) ** 2 + u[1] + 0.4 * np.sin(6 * u[2]) + 0 * u[3] + 0 * u[4]


def ishigami(u: Array) -> Array:
    """Return Ishigami & Homma's function (1990): waves, and an interaction; the last is idle."""
    x = [(2 * v - 1) * math.pi for v in u[:3]]
    return np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]) + 0 * u[3]


def steep(u: Array) -> Array:
    """Return exponentials, two of them multiplied."""
    return 0.3 * np.exp(3 * u[0]) + np.exp(2 * u[1]) * (0.5 + u[2]) + 0.2 * u[3]


FUNCTIONS: dict[Callable[[Array], Array], int] = {additive: 5, ishigami: 4, steep: 4}


def true_shares(function: Callable[[Array], Array], n: int) -> Array:
    """Return the total indices, by Jansen's estimator, out of their sum."""
    rng = np.random.default_rng(0)
    here, other = rng.random((n, N_DRAWS)), rng.random((n, N_DRAWS))
    values, totals = function(here), []
    for k in range(n):
        changed = here.copy()
        changed[k] = other[k]
        totals.append(((values - function(changed)) ** 2).mean())
    return np.array(totals) / sum(totals)


def errors(function: Callable[[Array], Array], n: int, sampler: str, seed: int) -> Array:
    """Return the errors of ours, of PED-ANOVA and of fANOVA on the trials of one search."""

    def value() -> float:
        return float(function(np.array([hp.Float(f"x{k}", 0.0, 1.0) for k in range(n)])))

    options = {"sampler": sampler, "seed": seed, "recheck": "0", "ui": "none"}
    snapshot = search(value, trials=N_TRIALS, minimize="value", **options).snapshot
    found = measured_importance(snapshot, seed)
    assert found is not None
    ours = dict(zip(found.names, found.shares, strict=True))
    names = list(snapshot.space)
    theirs = (
        optunas(evaluator, snapshot.history.complete, names) for evaluator in _evaluators(seed)
    )
    truth = true_shares(function, n)
    return np.array(
        [
            np.abs([shares.get(x, 0.0) - t for x, t in zip(names, truth, strict=True)]).mean()
            for shares in (ours, *theirs)
        ]
    )


def _evaluators(seed: int) -> tuple[Any, Any]:
    importance = optuna.importance
    fanova = importance.FanovaImportanceEvaluator(seed=seed)
    return importance.PedAnovaImportanceEvaluator(), fanova


def optunas(evaluator: Any, trials: Sequence[Trial], names: list[str]) -> dict[str, float]:
    """Return what an evaluator of Optuna's says of the same trials."""
    study = optuna.create_study()
    uniform = optuna.distributions.FloatDistribution(0.0, 1.0)
    for trial in trials:
        distributions = dict.fromkeys(trial.params, uniform)
        study.add_trial(
            optuna.trial.create_trial(
                params=dict(trial.params), distributions=distributions, value=trial.value
            )
        )
    return optuna.importance.get_param_importances(study, evaluator=evaluator, params=names)


def main() -> None:
    """Print the errors, a line for each function and sampler."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(f"Optuna {optuna.__version__}")
    print("| function | trials of | ours | PED-ANOVA | fANOVA |\n|---|---|---|---|---|")
    for function, n in FUNCTIONS.items():
        for sampler in ("random", "bayes"):
            found = [errors(function, n, sampler, seed) for seed in range(N_SEEDS)]
            cells = " | ".join(f"{error:.3f}" for error in np.mean(found, axis=0))
            print(f"| {function.__name__} | {sampler} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
