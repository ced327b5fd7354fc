"""The hooks on LightGBM and XGBoost: what they see, what they stop, and that nothing else shows."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from lightgbm import train as lgb_train
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import train as xgb_train

from hpo_magic import hp, search
from hpo_magic.core.metric_directions import usual_direction
from hpo_magic.core.ports import Framework
from hpo_magic.core.trial import Direction, State
from hpo_magic.frameworks.lightgbm import Lightgbm
from hpo_magic.frameworks.xgboost import Xgboost

pytestmark = pytest.mark.filterwarnings(
    "ignore::FutureWarning",  # LightGBM 4.7 of `eval_set`
    "ignore:X does not have valid feature names",  # LightGBM 4.6 in `predict` of an array
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = (X[:, 0] + 0.5 * RNG.normal(size=120) > 0).astype(int)
LGB = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
XGB = {"objective": "binary:logistic", "nthread": 1}
QUIET: dict[str, Any] = {"ui": "none", "recheck": "0", "sampler": "random"}


class Stop(BaseException):
    """What a guard raises."""


class Watched:
    """A watch whose reports are kept."""

    def __init__(self, framework: Framework, stop_at: int | None = None) -> None:
        self.steps: list[int] = []
        self.metrics: list[dict[str, float]] = []
        self.planned: list[int | None] = []
        self._stop_at = stop_at
        self._context = framework.watch(self._report, lambda: None)

    def _report(self, step: int, metrics: Any, n_steps: int | None = None) -> None:
        self.steps.append(step)
        self.metrics.append(dict(metrics))
        self.planned.append(n_steps)
        if step == self._stop_at:
            raise Stop

    def __enter__(self) -> Watched:
        self.fits = self._context.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._context.__exit__(*error)


def grown(n: int = 10, **options: Any) -> Any:
    """Return a booster of LightGBM; the name was bound before any watch."""
    rows = lgb.Dataset(X[:80], Y[:80])
    held_out = lgb.Dataset(X[80:], Y[80:], reference=rows)
    return lgb_train(LGB, rows, n, [held_out], ["held"], **options)


def boosted(n: int = 10, **options: Any) -> Any:
    """Return a booster of XGBoost; the name was bound before any watch."""
    held_out = xgb.DMatrix(X[80:], Y[80:])
    options = {"verbose_eval": False, **options}
    return xgb_train(XGB, xgb.DMatrix(X[:80], Y[:80]), n, evals=[(held_out, "held")], **options)


LIBRARIES = {
    "lightgbm": (Lightgbm(), grown, "held-binary_logloss"),
    "xgboost": (Xgboost(), boosted, "held-logloss"),
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Any:
    """Return each library's framework, a training and the name of its metric."""
    return LIBRARIES[request.param]


def test_several_trainings_of_a_cell_are_one_curve(library: Any) -> None:
    """Steps go on, and the last step planned is that of the running training."""
    framework, train, metric = library
    with Watched(framework) as seen:
        train(6)
        train(4)
    assert seen.steps == list(range(1, 11))
    assert seen.planned == [6] * 6 + [10] * 4
    assert all(metric in found for found in seen.metrics)
    assert [len(fit.epochs) for fit in seen.fits] == [6, 4]


def test_long_trainings_report_ever_more_seldom(library: Any) -> None:
    """The same steps in every trial, the last round always; all rounds are in the fit."""
    framework, train, metric = library
    with Watched(framework) as seen:
        train(200)
    assert seen.steps[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 10, 12]
    assert seen.steps[-1] == 200
    assert len(seen.steps) < 40
    assert len(seen.fits[0].epochs) == 200
    assert seen.fits[0].epochs[199][metric] == seen.metrics[-1][metric]


def test_a_report_that_raises_ends_the_training(library: Any) -> None:
    """With its own exception; the hook goes all the same, and what ended is no fit."""
    framework, train, _ = library
    with Watched(framework, stop_at=3) as seen, pytest.raises(Stop):
        train(50)
    assert seen.steps == [1, 2, 3]
    assert seen.fits == []
    train(2)
    assert seen.steps == [1, 2, 3]


def test_the_functions_are_themselves_again() -> None:
    """Code, signature and methods; inside, the signature is the library's own."""
    functions = lgb.engine.train, inspect.unwrap(xgb.train)
    codes = [function.__code__ for function in functions]
    methods = lgb.LGBMModel.fit, xgb.XGBModel.fit, xgb.XGBClassifier.fit
    signatures = [inspect.signature(function) for function in functions]
    with Watched(Lightgbm()), Watched(Xgboost()):
        assert [inspect.signature(function) for function in functions] == signatures
        assert functions[0].__code__ is not codes[0]
    assert [function.__code__ for function in functions] == codes
    assert methods == (lgb.LGBMModel.fit, xgb.XGBModel.fit, xgb.XGBClassifier.fit)
    assert not any(hasattr(function, "__signature__") for function in functions)


def test_the_users_callbacks_are_respected() -> None:
    """They see, record, schedule and stop as without us; their list stays as it was."""
    seen: list[int] = []
    record: dict[str, Any] = {}
    callbacks = [
        lambda env: seen.append(env.iteration),
        lgb.record_evaluation(record),
        lgb.reset_parameter(learning_rate=lambda k: 0.1 if k < 5 else 2.0),
        lgb.early_stopping(3, verbose=False),
    ]
    with Watched(Lightgbm()) as watched:
        booster = grown(50, callbacks=callbacks)
    assert len(callbacks) == 4
    n = len(seen)
    assert n < 50
    assert watched.steps[-1] == n == len(record["held"]["binary_logloss"])
    [fit] = watched.fits
    assert fit.final + 1 == booster.best_iteration < n
    assert fit.epochs[fit.final]["held-binary_logloss"] == min(record["held"]["binary_logloss"])


class Last(xgb.callback.TrainingCallback):
    """Ends a training after its fifth round."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        return epoch == 4


def test_a_booster_of_xgboost_predicts_with_all_rounds_unless_it_was_cut() -> None:
    """So the value is that of its last round; a callback of the user's may end the training."""
    own = Last()
    with Watched(Xgboost()) as watched:
        boosted(callbacks=[own])
        boosted(300, early_stopping_rounds=3)
        cutting = xgb.callback.EarlyStopping(3, save_best=True)
        boosted(300, callbacks=[cutting])
    ended, stopped, cut = watched.fits
    assert len(ended.epochs) == 5
    losses = [epoch["held-logloss"] for epoch in stopped.epochs]
    assert len(losses) < 300
    assert stopped.epochs[stopped.final]["held-logloss"] == losses[-1] > min(losses)
    assert cut.epochs[cut.final]["held-logloss"] == min(losses)


def test_a_call_that_is_wrong_is_the_library_s_to_explain(library: Any) -> None:
    """Its own error."""
    framework, train, _ = library
    with Watched(framework), pytest.raises(TypeError, match="no_such"):
        train(no_such=1)


def test_a_cross_validation_reports_its_means() -> None:
    """Under the names of its result."""
    with Watched(Lightgbm()) as seen:
        found = lgb.cv(LGB, lgb.Dataset(X, Y), 5, nfold=3)
    (name,) = [name for name in found if name.endswith("-mean")]
    assert [metrics[name] for metrics in seen.metrics] == found[name]
    with Watched(Xgboost()) as seen:
        table = xgb.cv(XGB, xgb.DMatrix(X, Y), 5, nfold=3, as_pandas=False)
    means = [metrics["test-logloss-mean"] for metrics in seen.metrics]
    assert means == table["test-logloss-mean"]


@contextmanager
def patched(module: Any, name: str) -> Iterator[list[str]]:
    """Wrap a function as an experiment logger does, while a watch is open."""
    calls: list[str] = []
    before = getattr(module, name)

    def logged(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return before(*args, **kwargs)

    setattr(module, name, logged)
    try:
        yield calls
    finally:
        setattr(module, name, before)


def test_what_others_patched_stays_theirs() -> None:
    """A wrapper that was put on meanwhile is called, and is left in its place."""
    rows = lgb.Dataset(X[:80], Y[:80])
    with Watched(Lightgbm()) as seen:
        context = patched(lgb, "train")
        calls = context.__enter__()
        lgb.train(LGB, rows, 3, [rows])
    assert (calls, seen.steps) == (["train"], [1, 2, 3])
    assert lgb.train.__name__ == "logged"
    context.__exit__(None, None, None)
    context = patched(lgb.LGBMModel, "fit")
    with Watched(Lightgbm()) as seen:
        calls = context.__enter__()
        lgb.LGBMRegressor(n_estimators=2, verbosity=-1).fit(X, Y, eval_set=[(X, Y)])
    assert (calls, seen.steps) == (["fit"], [1, 2])
    assert lgb.LGBMModel.fit.__name__ == "logged"
    context.__exit__(None, None, None)


def test_a_part_of_a_pipeline_is_not_the_model() -> None:
    """What scales its rows would be missing; the cell's own variable is the model then."""
    pipe = make_pipeline(StandardScaler(), lgb.LGBMClassifier(n_estimators=2, verbosity=-1))
    with Watched(Lightgbm()) as seen:
        pipe.fit(X, Y)
        cross_val_score(lgb.LGBMClassifier(n_estimators=2, verbosity=-1), X, Y, cv=2)
    with Watched(Xgboost()) as also_seen:
        make_pipeline(StandardScaler(), xgb.XGBClassifier(n_estimators=2)).fit(X, Y)
    assert [fit.model for fit in (*seen.fits, *also_seen.fits)] == [None] * 4


def test_a_cell_that_reports_by_itself_is_not_reported_twice() -> None:
    """Its own reports are the curve."""

    def report(env: Any) -> None:
        hp.report(env.iteration + 1, loss=env.evaluation_result_list[0][2])

    def objective() -> float:
        hp.Float("x", 0.0, 1.0)
        booster = grown(6, callbacks=[report])
        return float(booster.best_score["held"]["binary_logloss"])

    study = search(objective, trials=2, minimize="loss", **QUIET)
    for trial in study.trials:
        assert trial.state is State.COMPLETE
        assert [(point.step, list(point.metrics)) for point in trial.curve] == [
            (k, ["loss"]) for k in range(1, 7)
        ]


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("valid_0-auc", Direction.MAXIMIZE),
        ("valid_0-binary_logloss", Direction.MINIMIZE),
        ("validation_0-merror", Direction.MINIMIZE),
        ("test-aucpr-mean", Direction.MAXIMIZE),
        ("valid l2-mean", Direction.MINIMIZE),
        ("val-ndcg@5", Direction.MAXIMIZE),
        ("validation-NDCG:top=5", Direction.MAXIMIZE),
        ("validation-RMSE", Direction.MINIMIZE),
        ("eval_f1", Direction.MAXIMIZE),
        ("valid_acc", Direction.MAXIMIZE),
        ("my_number", None),
    ],
)
def test_the_direction_of_the_libraries_metrics_is_known(
    metric: str, direction: Direction | None
) -> None:
    """By the names that they log."""
    assert usual_direction(metric) is direction


class Broken(Exception):
    """What a user's callback raises."""


def test_a_training_that_fails_has_its_rounds_on_the_curve(library: Any) -> None:
    """Those that waited to be reported, too; its error is its own."""
    framework, train, _ = library
    with Watched(framework) as seen, pytest.raises(Broken):
        train(50, callbacks=[breaking(framework.name)])
    assert seen.steps == [1, 2, 3, 4, 5]


def breaking(name: str) -> Any:
    """Return a callback of a library that raises in its sixth round."""

    class Breaking(xgb.callback.TrainingCallback):
        order = 0  # for LightGBM: before ours
        before_iteration = False

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 5:
                raise Broken
            return False

        def __call__(self, env: Any) -> None:
            self.after_iteration(None, env.iteration, None)

    if name == "xgboost":
        del Breaking.before_iteration
    return Breaking()


def test_the_rounds_planned_are_those_that_lightgbm_counts() -> None:
    """Its parameters may have them, under several names."""
    rows = lgb.Dataset(X[:80], Y[:80])
    with Watched(Lightgbm()) as seen:
        lgb_train({**LGB, "n_iter": 3}, rows, valid_sets=[rows])
    assert seen.planned == [3, 3, 3]


def test_a_training_of_xgboost_that_goes_on_knows_its_rows() -> None:
    """Of the model as it predicts: with the rounds that it had before, or cut to the best one."""
    with Watched(Xgboost()) as seen:
        first = boosted(4)
        boosted(3, xgb_model=first)
        boosted(60, xgb_model=first, callbacks=[xgb.callback.EarlyStopping(3, save_best=True)])
    for fit in seen.fits:
        rows = fit.row_scores("held-logloss")
        assert rows is not None
        assert rows.mean == pytest.approx(fit.epochs[fit.final]["held-logloss"], rel=1e-4)


def test_metrics_that_are_no_means_have_rows_to_first_order() -> None:
    """AUC and RMSE; their mean is what was logged."""
    held_out = (X[80:], Y[80:])
    with Watched(Lightgbm()) as seen, Watched(Xgboost()) as also_seen:
        lgb.LGBMClassifier(n_estimators=3, min_child_samples=5, verbosity=-1).fit(
            X[:80], Y[:80], eval_set=[held_out], eval_names=["held"], eval_metric="auc"
        )
        xgb.XGBRegressor(n_estimators=3).fit(X[:80], Y[:80], eval_set=[held_out], verbose=False)
    (of_lightgbm,), (of_xgboost,) = seen.fits, also_seen.fits
    for fit, name in ((of_lightgbm, "held-auc"), (of_xgboost, "validation_0-rmse")):
        rows = fit.row_scores(name)
        assert rows is not None
        assert rows.mean == pytest.approx(fit.epochs[fit.final][name], rel=1e-4)
        assert rows.values.std() > 0


def test_it_is_known_which_sets_are_those_of_the_training() -> None:
    """By the objects, whatever their names: an evaluation set is not called so by mistake."""
    rows, held_out = (X[:80], Y[:80]), (X[80:], Y[80:])
    sets = {"eval_set": [rows, held_out]}
    with Watched(Lightgbm()) as seen, Watched(Xgboost()) as also_seen:
        grown(2)
        data = lgb.Dataset(*rows)
        lgb_train(LGB, data, 2, [data, lgb.Dataset(*held_out, reference=data)], ["mine", "other"])
        lgb.LGBMClassifier(n_estimators=2, verbosity=-1).fit(*rows, **sets)
        boosted(2)
        matrix = xgb.DMatrix(*rows)
        xgb_train(XGB, matrix, 2, evals=[(matrix, "mine")], verbose_eval=False)
        xgb.XGBClassifier(n_estimators=2).fit(*rows, **sets, verbose=False)
    found = [
        {name: fit.of_training(name) for name in fit.epochs[-1]}
        for fit in (*seen.fits, *also_seen.fits)
    ]
    assert found == [
        {"held-binary_logloss": False},
        {"mine-binary_logloss": True, "other-binary_logloss": False},
        {"training-binary_logloss": True, "valid_1-binary_logloss": False},
        {"held-logloss": False},
        {"mine-logloss": True},
        {"validation_0-logloss": True, "validation_1-logloss": False},
    ]
