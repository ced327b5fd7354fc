"""The promise on real data: small samples of scikit-learn's own data sets, the rest as the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hpo_magic.honesty.bbc import bbc
from hpo_magic.honesty.choice import rechecked
from hpo_magic.honesty.recheck import plan, recheck_of, seeds

pytestmark = pytest.mark.slow

N_TRIALS, N_REPEATS = 40, 20
Split = tuple[np.ndarray, np.ndarray]


def one_search(features: np.ndarray, labels: np.ndarray, n_pool: int, seed: int) -> dict[str, float]:
    """Return the accuracies of one search on `n_pool` rows, four fifths of them for training.

    The settings are those of a support vector machine, drawn at random; the truth is measured on
    the rows outside the pool.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    pool, test = order[:n_pool], order[n_pool:]
    drawn = zip(10 ** rng.uniform(-2, 3, N_TRIALS), 10 ** rng.uniform(-4, 1, N_TRIALS), strict=True)
    settings = list(drawn)
    n_val = n_pool // 5

    def outcomes(setting: tuple[float, float], split: int) -> np.ndarray:
        shuffled = np.random.default_rng([seed, split]).permutation(pool)
        train, val = shuffled[n_val:], shuffled[:n_val]
        return fitted(setting, train).predict(features[val]) == labels[val]

    def fitted(setting: tuple[float, float], rows: np.ndarray) -> SVC:
        cost, gamma = setting
        model = make_pipeline(StandardScaler(), SVC(C=cost, gamma=gamma))
        return model.fit(features[rows], labels[rows])

    recheck = recheck_of("auto", N_TRIALS)
    assert recheck is not None
    n_search = N_TRIALS - recheck.n_runs
    table = np.array([outcomes(setting, 0) for setting in settings])
    y = table[:n_search].mean(axis=1)
    runs = plan(recheck, y, 0, start=0)
    rows = sorted({run.trial for run in runs})
    f = np.array([[outcomes(settings[i], s).mean() for s in seeds(0, 2)] for i in rows])
    found = rechecked(y[rows], f, start=rows.index(0), n_rows=n_val)
    assert found is not None

    def truth(trial: int) -> float:
        train = np.random.default_rng([seed, 0]).permutation(pool)[n_val:]
        model = fitted(settings[trial], train)
        return float((model.predict(features[test]) == labels[test]).mean())

    chosen, best = truth(rows[found.chosen]), truth(int(table.mean(axis=1).argmax()))
    of_rows = bbc(table)
    return {
        "best seen": table.mean(axis=1).max() - best,
        "honest": found.value - chosen,
        "covered": abs(found.value - chosen) <= (found.half_width or 0),
        "bbc": of_rows.value - best,
        "bbc covered": abs(of_rows.value - best) <= of_rows.half_width,
        "chosen - best": chosen - best,
    }
