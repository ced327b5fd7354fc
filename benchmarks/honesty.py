"""How far off the numbers of a search are on small data: best seen, honest, and what the test says.

    python -m benchmarks.honesty                # all problems, 20 repeats: some minutes of CPU
    python -m benchmarks.honesty --repeats 2

Real data that ships with scikit-learn. Of each data set a small pool is searched (three quarters to
train, one quarter to validate), and all other rows are the test, which is large and so near the
truth. Every search goes through `hpo_magic.search` with the same 40 runs: once with the re-check,
whose runs are taken from the search, and once without, with the honest number from the rows alone.
"""

from __future__ import annotations

import argparse
import inspect
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import (
    datasets,
    ensemble,
    kernel_approximation,
    linear_model,
    metrics,
    naive_bayes,
    neighbors,
    neural_network,
    svm,
    tree,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from hpo_magic import hp, search
from hpo_magic.language.scores import scored
from hpo_magic.language.trial_context import current_trial

RESULTS = Path(__file__).parent / "results" / "honesty.json"
N_TRIALS = 40
WAYS = {"auto": "re-check", "0": "rows alone"}  # by the value of --recheck
VALIDATION_SHARE = 0.25
Model = Callable[[], Any]
# Metrics that are no means over rows: scikit-learn's function, and what it is given. A cell calls
# it, and says nothing of rows.
OTHERS: dict[str, tuple[Callable[..., float], str]] = {
    "AUC": (metrics.roc_auc_score, "chance"),
    "average precision": (metrics.average_precision_score, "chance"),
    "F1": (metrics.f1_score, "label"),
    "macro F1": (partial(metrics.f1_score, average="macro"), "label"),
    "RMSE": (metrics.root_mean_squared_error, "number"),
}
LOSS_METRICS = ("mae", "mse", "log_loss", "RMSE")


@dataclass(frozen=True)
class Problem:
    """A model with its ranges, and a data set of which `n_pool` rows are searched."""

    name: str
    load: Callable[[], tuple[np.ndarray, np.ndarray]]
    model: Model
    n_pool: int
    metric: str = "accuracy"
    knows_rows: bool = True  # else the cell returns a bare number

    @property
    def is_of_classes(self) -> bool:
        """Whether classes are predicted, or their probabilities."""
        return self.metric not in ("mae", "mse", "RMSE")

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return -1.0 if self.metric in LOSS_METRICS else 1.0


@dataclass(frozen=True)
class Found:
    """One search; all numbers are higher is better.

    `test` is that of the setting to take, `test_of_best` that of the best seen. `half_width` is 0
    where there is none.
    """

    problem: str
    way: str
    repeat: int
    best_seen: float
    honest: float
    half_width: float
    test: float
    test_of_best: float


def a_tree() -> Any:
    """Return a decision tree."""
    return tree.DecisionTreeClassifier(
        max_depth=hp.Int("depth", 1, 12),
        min_samples_leaf=hp.Int("leaf", 1, 15),
        max_features=hp.Float("features", 0.1, 1.0),
        random_state=hp.seed(),
    )


def a_forest() -> Any:
    """Return a few randomized trees."""
    return ensemble.ExtraTreesClassifier(
        n_estimators=8,
        max_depth=hp.Int("depth", 2, 12),
        min_samples_leaf=hp.Int("leaf", 1, 8),
        max_features=hp.Float("features", 0.05, 1.0),
        random_state=hp.seed(),
    )


def an_svm() -> Any:
    """Return a support vector machine."""
    gamma = hp.Float("gamma", 1e-4, 1.0, sampling="log")
    return svm.SVC(C=hp.Float("C", 1e-2, 1e3, sampling="log"), gamma=gamma)


def neighbours() -> Any:
    """Return nearest neighbours."""
    return neighbors.KNeighborsClassifier(
        n_neighbors=hp.Int("k", 1, 25),
        weights=hp.Choice("weights", ["uniform", "distance"]),
        p=hp.Float("p", 1.0, 4.0),
    )


def a_network() -> Any:
    """Return a small network."""
    return neural_network.MLPClassifier(
        hidden_layer_sizes=(hp.Int("units", 4, 64, sampling="log"),),
        alpha=hp.Float("alpha", 1e-5, 10.0, sampling="log"),
        learning_rate_init=hp.Float("lr", 1e-3, 1e-1, sampling="log"),
        max_iter=40,
        n_iter_no_change=40,
        random_state=hp.seed(),
    )


def a_regression() -> Any:
    """Return linear regression with both penalties."""
    return linear_model.ElasticNet(
        alpha=hp.Float("alpha", 1e-3, 1.0, sampling="log"), l1_ratio=hp.Float("l1", 0.05, 1.0)
    )


def a_regression_tree() -> Any:
    """Return a regression tree."""
    return tree.DecisionTreeRegressor(
        max_depth=hp.Int("depth", 1, 8),
        min_samples_leaf=hp.Int("leaf", 1, 20),
        random_state=hp.seed(),
    )


def regression_by_neighbours() -> Any:
    """Return nearest neighbours for a regression."""
    return neighbors.KNeighborsRegressor(
        n_neighbors=hp.Int("k", 1, 25),
        weights=hp.Choice("weights", ["uniform", "distance"]),
        p=hp.Float("p", 1.0, 4.0),
    )


def a_sure_svm() -> Any:
    """Return logistic regression on random features, which is sure of itself where C is large."""
    gamma = hp.Float("gamma", 1e-3, 1.0, sampling="log")
    return make_pipeline(
        kernel_approximation.RBFSampler(gamma=gamma, n_components=40, random_state=hp.seed()),
        linear_model.LogisticRegression(C=hp.Float("C", 1e-2, 1e2, sampling="log"), max_iter=500),
    )


def sure_neighbours() -> Any:
    """Return nearest neighbours, of which few may all be of one class."""
    return neighbors.KNeighborsClassifier(
        hp.Int("k", 1, 25), weights=hp.Choice("weights", ["uniform", "distance"])
    )


def a_logistic_regression() -> Any:
    """Return logistic regression, which is sure of itself where C is large."""
    return linear_model.LogisticRegression(C=hp.Float("C", 1e-3, 1e4, sampling="log"), max_iter=500)


def boosted_trees() -> Any:
    """Return boosted trees, which are sure of themselves where they learn fast."""
    return ensemble.GradientBoostingClassifier(
        n_estimators=hp.Int("n", 5, 40),
        learning_rate=hp.Float("lr", 0.05, 1.0),
        max_depth=hp.Int("d", 1, 4),
        random_state=hp.seed(),
    )


def a_naive_bayes() -> Any:
    """Return naive Bayes, which is sure of itself in most cases."""
    return naive_bayes.GaussianNB(var_smoothing=hp.Float("s", 1e-9, 1.0, sampling="log"))


def made_up() -> tuple[np.ndarray, np.ndarray]:
    """Return two classes of which 5% of the rows are labelled at random."""
    return datasets.make_classification(1_500, 8, n_informative=4, flip_y=0.05, random_state=1)


def friedman() -> tuple[np.ndarray, np.ndarray]:
    """Return Friedman's first regression with noise; errors count in standard deviations."""
    x, y = datasets.make_friedman1(1_120, n_features=8, noise=1.0, random_state=0)
    return x, (y - y.mean()) / y.std()


def many_progressed() -> tuple[np.ndarray, np.ndarray]:
    """Return the diabetes data with the question whether it progressed more than in most."""
    x, y = datasets.load_diabetes(return_X_y=True)
    return x, (y > np.median(y)).astype(int)


def progression() -> tuple[np.ndarray, np.ndarray]:
    """Return the diabetes data; errors count in standard deviations of the progression."""
    x, y = datasets.load_diabetes(return_X_y=True)
    return x, (y - y.mean()) / y.std()


def noise() -> tuple[np.ndarray, np.ndarray]:
    """Return rows whose labels have nothing to do with them: every setting is right half the time.

    New ones at each call, as the luck of one table would be that of all repeats.
    """
    rng = np.random.default_rng()
    return rng.standard_normal((1_120, 5)), rng.integers(0, 2, 1_120)


def one_in_eight() -> tuple[np.ndarray, np.ndarray]:
    """Return two classes, one of which has an eighth of the rows."""
    return datasets.make_classification(
        2_000, 8, n_informative=4, weights=[0.88], flip_y=0.02, class_sep=0.8, random_state=2
    )


def loaded(load: Callable[..., Any]) -> Callable[[], tuple[np.ndarray, np.ndarray]]:
    """Return what loads one of scikit-learn's data sets."""
    return lambda: load(return_X_y=True)


PROBLEMS = (
    Problem("digits, tree", loaded(datasets.load_digits), a_tree, 200),
    Problem("digits, SVM", loaded(datasets.load_digits), an_svm, 120),
    Problem("breast cancer, tree", loaded(datasets.load_breast_cancer), a_tree, 100),
    Problem("breast cancer, network", loaded(datasets.load_breast_cancer), a_network, 100),
    Problem("wine, forest", loaded(datasets.load_wine), a_forest, 70),
    Problem("iris, neighbours", loaded(datasets.load_iris), neighbours, 60),
    Problem("diabetes halves, neighbours", many_progressed, neighbours, 120),
    Problem("diabetes, elastic net (mae)", progression, a_regression, 120, "mae"),
)
# Losses, whose rows are anything but shares: the interval's coverage is what is asked here.
LOSSES = (
    Problem("diabetes, elastic net (mae)", progression, a_regression, 120, "mae"),
    Problem("diabetes, tree (mse)", progression, a_regression_tree, 120, "mse"),
    Problem("friedman, neighbours (mae)", friedman, regression_by_neighbours, 120, "mae"),
    Problem("digits, network (log_loss)", loaded(datasets.load_digits), a_network, 150, "log_loss"),
    Problem(
        "cancer, forest (log_loss)", loaded(datasets.load_breast_cancer), a_forest, 100, "log_loss"
    ),
    Problem("diabetes halves, SVM (log_loss)", many_progressed, a_sure_svm, 120, "log_loss"),
)
# Log-losses that no rule was chosen on: whether an interval is withheld where it would not hold.
LOG_LOSSES = (
    Problem(
        "cancer, neighbours", loaded(datasets.load_breast_cancer), sure_neighbours, 100, "log_loss"
    ),
    Problem("wine, forest", loaded(datasets.load_wine), a_forest, 70, "log_loss"),
    Problem("digits, tree", loaded(datasets.load_digits), a_tree, 200, "log_loss"),
    Problem("made up, forest", made_up, a_forest, 160, "log_loss"),
    Problem(
        "cancer, logistic", loaded(datasets.load_breast_cancer), a_logistic_regression, 100,
        "log_loss",
    ),
    Problem("made up, boosting", made_up, boosted_trees, 160, "log_loss"),
    Problem("made up, network", made_up, a_network, 160, "log_loss"),
    Problem(
        "cancer, naive Bayes", loaded(datasets.load_breast_cancer), a_naive_bayes, 100, "log_loss"
    ),
)  # fmt: skip
# Metrics that are no means over rows, whose rows are told to first order.
OTHER_PROBLEMS = (
    Problem("cancer, tree (AUC)", loaded(datasets.load_breast_cancer), a_tree, 100, "AUC"),
    Problem("diabetes halves, neighbours (AUC)", many_progressed, neighbours, 120, "AUC"),
    Problem("one in eight, forest (AUC)", one_in_eight, a_forest, 200, "AUC"),
    Problem(
        "one in eight, forest (average precision)", one_in_eight, a_forest, 200,
        "average precision",
    ),
    Problem("one in eight, tree (F1)", one_in_eight, a_tree, 200, "F1"),
    Problem("diabetes halves, tree (F1)", many_progressed, a_tree, 120, "F1"),
    Problem("digits, tree (macro F1)", loaded(datasets.load_digits), a_tree, 200, "macro F1"),
    Problem("friedman, neighbours (RMSE)", friedman, regression_by_neighbours, 120, "RMSE"),
)  # fmt: skip
# Not among the eight: labels of noise, where all that is seen is luck.
NOISE = (
    Problem("noise, rows known", noise, neighbours, 120),
    Problem("noise, scores only", noise, neighbours, 120, knows_rows=False),
)


def run(problem: Problem, repeat: int, recheck: str, n_trials: int = N_TRIALS) -> Found:
    """Search a pool of the data, and measure what comes out on all other rows."""
    x, y = problem.load()
    stratify = y if problem.is_of_classes else None
    x, x_test, y, y_test = train_test_split(
        x, y, train_size=problem.n_pool, random_state=repeat, stratify=stratify
    )
    tests: dict[str, float] = {}

    def objective() -> float:
        strata = y if problem.is_of_classes else None
        x_train, x_val, y_train, y_val = train_test_split(
            x, y, test_size=VALIDATION_SHARE, random_state=hp.seed(), stratify=strata
        )
        model = make_pipeline(StandardScaler(), problem.model()).fit(x_train, y_train)
        predict = predictions_for(problem.metric, model)
        predicted = predict(x_val)
        if problem.metric in OTHERS:
            value = OTHERS[problem.metric][0](y_val, predicted)
        else:
            value = hp.score(problem.metric, y_val, predicted)
        if not problem.knows_rows:
            current_trial().scored.clear()
        # The search never learns of this: it is what the benchmark knows of every training.
        tests[key(hp.values, hp.seed())] = score(problem.metric, y_test, predict(x_test))
        return value

    sign = problem.sign
    goal = {"maximize" if sign > 0 else "minimize": "value"}
    study = search(
        objective,
        trials=n_trials,
        sampler="random",
        seed=repeat,
        recheck=recheck,
        ui="none",
        **goal,
    )
    best = study.snapshot.history.best()
    assert best is not None
    assert study.honest is not None
    return Found(
        problem.name,
        WAYS.get(recheck, recheck),
        repeat,
        sign * study.best_seen,
        sign * study.honest.value,
        study.honest.half_width or 0.0,
        sign * tests[key(study.best_params, study.best_trial.seed)],
        sign * tests[key(best.params, best.seed)],
    )


def key(params: Any, seed: int) -> str:
    """Return what tells one training from another."""
    return json.dumps([dict(params), seed], sort_keys=True)


def predictions_for(metric: str, model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives the predictions that a metric is of."""
    if metric in OTHERS and OTHERS[metric][1] == "chance":
        return lambda x: model.predict_proba(x)[:, 1]
    return model.predict_proba if metric == "log_loss" else model.predict


def score(metric: str, truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the score on the test rows, past what would take them for the trial's."""
    if metric in OTHERS:
        function = OTHERS[metric][0]
        known = function.keywords if isinstance(function, partial) else {}
        return inspect.unwrap(getattr(function, "func", function))(truth, predicted, **known)
    return scored(metric, truth, predicted).value


def summary(found: Sequence[Found]) -> dict[str, float]:
    """Return means over searches, in points (hundredths), and the share of covered tests."""
    n = len(found)
    too_high = np.array([one.best_seen - one.test for one in found])
    honest = np.array([one.honest - one.test for one in found])
    printed = [one for one in found if one.half_width]
    inside = [abs(one.honest - one.test) <= one.half_width for one in printed]
    return {
        "n": n,
        "best seen": 100 * float(too_high.mean()),
        "honest": 100 * float(honest.mean()),
        "error": 100 * float(honest.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
        "printed": 100 * len(printed) / n,
        "covered": 100 * float(np.mean(inside)) if printed else float("nan"),
        "half": 100 * float(np.mean([one.half_width for one in printed])) if printed else 0.0,
        "test": 100 * float(np.mean([one.test for one in found])),
    }


def table(found: Sequence[Found]) -> str:
    """Return the results as a table in Markdown."""
    lines = [
        "| problem | honest number by | best seen - test | honest - test | has a ± | which covers |"
        " half-width | test of the choice |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    names = [*dict.fromkeys(one.problem for one in found), "all"]
    for name in names:
        for way in dict.fromkeys(one.way for one in found):
            chosen = [o for o in found if o.way == way and name in (o.problem, "all")]
            if not chosen:
                continue
            s = summary(chosen)
            lines.append(
                f"| {name} | {way} | {s['best seen']:+.1f} | {s['honest']:+.1f} ± "
                f"{1.96 * s['error']:.1f} | {s['printed']:.0f}% | {s['covered']:.0f}% | "
                f"{s['half']:.1f} | {s['test']:.1f} |"
            )
    return "\n".join(lines)


def choice_difference(found: Sequence[Found], way: str, other: str) -> str:
    """Return by how much better one way's choices are than another's, in points, paired."""
    tests = {(one.problem, one.repeat, one.way): one.test for one in found}
    apart = np.array([value - tests[p, r, other] for (p, r, w), value in tests.items() if w == way])
    error = 196 * float(apart.std(ddof=1)) / np.sqrt(len(apart)) if len(apart) > 1 else np.nan
    return f"choice by {way} - by {other}: {100 * apart.mean():+.2f} ± {error:.2f} points"


def main() -> None:
    """Run the problems named on the command line, or all; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first repeat's seed")
    parser.add_argument("--noise", action="store_true", help="the problems without a signal")
    parser.add_argument("--losses", action="store_true", help="six losses")
    parser.add_argument("--log-losses", action="store_true", help="eight log-losses of sure models")
    parser.add_argument("--others", action="store_true", help="metrics that are no means over rows")
    parser.add_argument(
        "--way", action="append", help="a value of --recheck; by default auto, and 0"
    )
    parser.add_argument("--problem", action="append", help="a part of a name; may be repeated")
    asked = parser.parse_args()
    problems = NOISE if asked.noise else LOSSES if asked.losses else PROBLEMS
    problems = LOG_LOSSES if asked.log_losses else OTHER_PROBLEMS if asked.others else problems
    chosen = [p for p in problems if not asked.problem or any(w in p.name for w in asked.problem)]
    found: list[Found] = []
    # Short trainings are what makes small searches noisy; scikit-learn warns of each.
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    with threadpool_limits(1):
        for problem in chosen:
            for repeat in range(asked.first, asked.first + asked.repeats):
                found += [run(problem, repeat, way) for way in asked.way or ("auto", "0")]
            print(table([one for one in found if one.problem == problem.name]), flush=True)
    kind = "_noise" if asked.noise else "_losses" if asked.losses else ""
    kind = "_log_losses" if asked.log_losses else "_others" if asked.others else kind
    results = RESULTS.with_name(f"honesty{kind}.json")
    results.write_text(json.dumps([asdict(one) for one in found], indent=1), encoding="utf-8")
    print(table(found))
    for other in dict.fromkeys(one.way for one in found if one.way != "re-check"):
        if any(one.way == "re-check" for one in found):
            print(choice_difference(found, "re-check", other))


if __name__ == "__main__":
    main()
