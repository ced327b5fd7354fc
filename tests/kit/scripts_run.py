"""A script of another tool under `%%hpo`."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

OPTUNA = """
    import optuna

    def objective(trial):
        x = trial.suggest_float("x", -10, 10)
        kind = trial.suggest_categorical("kind", ["far", "near"])
        trial.set_user_attr("squares", [x**2])
        return (x - 2) ** 2 + (kind == "far")

    if __name__ == "__main__":
        study = optuna.create_study(direction="minimize")
        study.enqueue_trial({"x": 2.5, "kind": "near"})
        study.optimize(objective, n_trials=12)
        n, best = len(study.trials), study.best_params
        attributes = study.best_trial.user_attrs
"""
SPLIT = """
    from sklearn.datasets import load_iris
    from sklearn.svm import SVC
    X, y = load_iris(return_X_y=True)
"""


def run(notebook: Any, cell: str, name: str = "s", options: str = "") -> Any:
    """Run a script; return the study of ours."""
    notebook.ok(f"%%hpo {name} --ui none {options}\n{dedent(cell)}")
    return notebook[name]
