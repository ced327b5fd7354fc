"""Honest numbers of a chosen point of a front, against data that the search never saw.

    python -m benchmarks.honest_front         # 40 repeats of 40 trials: 40 seconds of CPU

Trees on digits: accurate, and with few leaves. Each repeat searches a pool of 250 rows at random, a
quarter of which validates on splits of `hp.seed()`; all other rows are the test. Two points of each
front are looked at: the most accurate one and the most balanced one. The test is of the chosen
setting trained on as many rows of the pool as in the search, on 20 splits.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

from hpo_magic import hp, search
from hpo_magic.core.domains import FloatArray
from hpo_magic.core.space import Params
from hpo_magic.study.study import Study

N_REPEATS, N_TRIALS, N_POOL, N_SPLITS = 40, 40, 250, 20


def _tree(params: Params) -> DecisionTreeClassifier:
    names = ("max_leaf_nodes", "min_samples_leaf", "criterion", "max_features")
    return DecisionTreeClassifier(**{name: params[name] for name in names}, random_state=0)


def looked_at(repeat: int) -> list[FloatArray]:
    """Return seen - test, honest - test, and the half-width, of both points of one search."""
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(
        x, y, train_size=N_POOL, random_state=repeat, stratify=y
    )

    def accuracy_and_leaves() -> dict[str, float]:
        params = {
            "max_leaf_nodes": hp.Int("max_leaf_nodes", 5, 200, sampling="log"),
            "min_samples_leaf": hp.Int("min_samples_leaf", 1, 10),
            "criterion": hp.Choice("criterion", ["gini", "entropy"]),
            "max_features": hp.Float("max_features", 0.1, 1.0),
        }
        x_fit, x_val, y_fit, y_val = train_test_split(x, y, random_state=hp.seed(), stratify=y)
        tree = _tree(params).fit(x_fit, y_fit)
        return {"accuracy": tree.score(x_val, y_val), "leaves": float(tree.get_n_leaves())}

    def tested(params: Params) -> float:
        scores = []
        for split in range(N_SPLITS):
            x_fit, _, y_fit, _ = train_test_split(x, y, random_state=1000 + split, stratify=y)
            scores.append(_tree(params).fit(x_fit, y_fit).score(x_test, y_test))
        return float(np.mean(scores))

    study = search(
        accuracy_and_leaves,
        trials=N_TRIALS,
        maximize="accuracy",
        minimize="leaves",
        sampler="random",
        seed=repeat,
        ui="none",
    )
    found = [_numbers(study.choose(trial=study.front[0].number), tested)]
    return [*found, _numbers(study.choose(), tested)]


def _numbers(study: Study, tested: Callable[[Params], float]) -> FloatArray:
    test = tested(study.best_params)
    honest = study.honest
    assert honest is not None
    expected = honest["accuracy"]
    assert expected.value is not None
    half = np.nan if expected.half_width is None else expected.half_width
    return np.array([(study.best_trial.value or 0.0) - test, expected.value - test, half])


def main() -> None:
    """Print a table."""
    both = np.array([looked_at(repeat) for repeat in range(N_REPEATS)])  # (repeats, 2, 3)
    print("| chosen | seen - test | honest - test | ± covers | half-width |\n|---|---|---|---|---|")
    for k, name in enumerate(("the most accurate", "the most balanced")):
        seen, honest, half = both[:, k].T
        known = ~np.isnan(half)
        covers = (np.abs(honest) <= half)[known].mean()
        error = [1.96 * each.std(ddof=1) / len(each) ** 0.5 for each in (seen, honest)]
        print(
            f"| {name} | {100 * seen.mean():+.1f} ± {100 * error[0]:.1f} "
            f"| {100 * honest.mean():+.1f} ± {100 * error[1]:.1f} "
            f"| {covers:.0%} of {known.sum()} | {100 * half[known].mean():.1f} |"
        )


if __name__ == "__main__":
    main()
