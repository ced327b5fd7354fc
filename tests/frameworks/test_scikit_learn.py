"""scikit-learn's scores, row by row: by every way a cell may come to its value."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn.metrics
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    zero_one_loss,
)
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    RepeatedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    train_test_split,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from hpo_magic.core.events import Completed, Run
from hpo_magic.core.row_scores import RowOrder, RowScores
from hpo_magic.core.trial import Direction, Goal, Kind
from hpo_magic.executors.trial_execution import TrialExecution, TrialStopped
from hpo_magic.frameworks import all_frameworks
from hpo_magic.frameworks.function_watch import WatchedFunction
from hpo_magic.frameworks.scikit_learn import ScikitLearn
from hpo_magic.language.hp import hp
from hpo_magic.testing.fakes import FakeClock, FakeObjective

X, Y = load_iris(return_X_y=True)
X_TRAIN, X_VAL, Y_TRAIN, Y_VAL = train_test_split(X, Y, random_state=0)
XR, YR = make_regression(80, 4, noise=30, random_state=0)
TREE = DecisionTreeClassifier(max_depth=2, random_state=0)


def rows_after(train: Callable[[], Any]) -> RowScores | None:
    """Return what a trial got on each row."""
    execution = TrialExecution(
        FakeObjective(train),
        [ScikitLearn()],
        goals=(Goal("value", Direction.MAXIMIZE),),
        clock=FakeClock(),
    )
    ended = execution(Run(0, {}, Kind.START, 0), lambda *a, **k: None, lambda: None).event
    assert isinstance(ended, Completed), ended
    return ended.outcome.row_scores


def of_model(train: Callable[[Any], Any]) -> Callable[[], Any]:
    """Return a cell that fits a tree first."""
    return lambda: train(copy.deepcopy(TREE).fit(X_TRAIN, Y_TRAIN))


@pytest.mark.parametrize(
    "train",
    [
        of_model(lambda model: model.score(X_VAL, Y_VAL)),
        of_model(lambda model: accuracy_score(Y_VAL, model.predict(X_VAL))),
        of_model(lambda model: sklearn.metrics.accuracy_score(Y_VAL, y_pred=model.predict(X_VAL))),
        of_model(lambda model: (model.score(X_TRAIN, Y_TRAIN), model.score(X_VAL, Y_VAL))[1]),
        of_model(lambda model: {"value": model.score(X_VAL, Y_VAL)}),
        of_model(lambda model: hp.score(accuracy_score, Y_VAL, model.predict(X_VAL))),
    ],
)
def test_an_accuracy_is_its_rows(train: Callable[[], Any]) -> None:
    """By the estimator, by a function that was imported before, and beside other scores."""
    found = rows_after(train)
    expected = copy.deepcopy(TREE).fit(X_TRAIN, Y_TRAIN).predict(X_VAL) == Y_VAL
    assert found is not None
    assert found.is_share
    assert found.values.tolist() == expected.tolist()
    assert found.n_folds == 1


@pytest.mark.parametrize(
    ("metric", "is_share"),
    [(mean_absolute_error, False), (mean_squared_error, False), (r2_score, False)],
)
def test_a_regression_is_its_rows(metric: Callable[..., float], is_share: bool) -> None:
    """Errors, and R² with the variance of the true values as it is."""
    model = Ridge().fit(XR[:50], YR[:50])
    found = rows_after(lambda: metric(YR[50:], model.predict(XR[50:])))
    assert found is not None
    assert found.is_share == is_share
    assert found.mean == pytest.approx(metric(YR[50:], model.predict(XR[50:])), rel=1e-5)


def test_losses_of_classes_are_their_rows() -> None:
    """The share of wrong rows, and the log-loss of probabilities."""
    model = LogisticRegression(max_iter=500).fit(X_TRAIN, Y_TRAIN)
    for cell in (
        lambda: zero_one_loss(Y_VAL, model.predict(X_VAL)),
        lambda: log_loss(Y_VAL, model.predict_proba(X_VAL)),
    ):
        found = rows_after(cell)
        assert found is not None
        assert found.mean == pytest.approx(cell(), rel=1e-5)


def test_a_score_that_is_no_plain_mean_has_no_rows() -> None:
    """Weights, a median, and an AUC of several classes."""
    model = copy.deepcopy(TREE).fit(X_TRAIN, Y_TRAIN)
    weights = np.arange(len(Y_VAL))
    assert rows_after(lambda: model.score(X_VAL, Y_VAL, sample_weight=weights)) is None
    assert rows_after(lambda: sklearn.metrics.median_absolute_error(YR, YR * 0.9)) is None
    chances = model.predict_proba(X_VAL)
    auc = sklearn.metrics.roc_auc_score
    assert rows_after(lambda: auc(Y_VAL, chances, multi_class="ovr")) is None


IS_LAST = Y == 2


@pytest.mark.parametrize(
    ("cell", "metric", "n_rows"),
    [
        (
            lambda: cross_val_score(TREE, X, IS_LAST, cv=FOLDS, scoring="roc_auc").mean(),
            "roc_auc_score",
            150,
        ),
        (
            lambda: cross_val_score(TREE, X, Y, cv=FOLDS, scoring="f1_macro").mean(),
            "f1_score(pos_label=None, average='macro')",
            150,
        ),
        (
            lambda: sklearn.metrics.f1_score(
                Y_VAL, copy.deepcopy(TREE).fit(X_TRAIN, Y_TRAIN).predict(X_VAL), average="macro"
            ),
            "f1_score(average='macro')",
            len(Y_VAL),
        ),
        (
            lambda: hp.score(sklearn.metrics.f1_score, IS_LAST, Y >= 1),
            "f1_score",
            150,
        ),
        (
            lambda: -sklearn.metrics.root_mean_squared_error(YR, YR * 0.9),
            "-root_mean_squared_error",
            len(YR),
        ),
    ],
)
def test_a_score_that_is_no_mean_has_rows_to_first_order(
    cell: Callable[[], Any], metric: str, n_rows: int
) -> None:
    """With its options, by folds and with the other sign; their mean is the score."""
    found = rows_after(cell)
    assert found is not None
    assert (found.metric, found.n_rows, found.is_share) == (metric, n_rows, False)
    assert found.mean == pytest.approx(cell(), rel=1e-3)


FOLDS = StratifiedKFold(5)


@pytest.mark.parametrize(
    "train",
    [
        lambda: cross_val_score(TREE, X, Y, cv=FOLDS).mean(),
        lambda: cross_validate(TREE, X, Y, cv=FOLDS, return_train_score=True)["test_score"].mean(),
        lambda: cross_validate(TREE, X, Y, cv=FOLDS, scoring=["accuracy", "neg_log_loss"])[
            "test_accuracy"
        ].mean(),
        lambda: accuracy_score(Y, cross_val_predict(TREE, X, Y, cv=FOLDS)),
        lambda: by_hand(train_scores=False),
        lambda: by_hand(train_scores=True),
    ],
)
def test_a_cross_validation_is_the_rows_of_its_folds(train: Callable[[], Any]) -> None:
    """By every function, and by a loop that scores its training rows too."""
    found = rows_after(train)
    assert found is not None
    assert (found.n_rows, found.n_folds) == (150, 5)
    assert found.mean == pytest.approx(cross_val_score(TREE, X, Y, cv=FOLDS).mean())
    assert found.units == b""


def by_hand(*, train_scores: bool) -> float:
    """Return the mean score over folds that the cell makes itself."""
    scores = []
    for train, val in FOLDS.split(X, Y):
        model = copy.deepcopy(TREE).fit(X[train], Y[train])
        if train_scores:
            model.score(X[train], Y[train])
        scores.append(model.score(X[val], Y[val]))
    return float(np.mean(scores))


def test_the_negative_of_a_loss_is_its_rows() -> None:
    """scikit-learn maximizes losses with the sign changed."""
    cv = KFold(4)
    found = rows_after(
        lambda: cross_val_score(Ridge(), XR, YR, cv=cv, scoring="neg_mean_absolute_error").mean()
    )
    assert found is not None
    assert (found.n_rows, found.n_folds, found.n_trained) == (80, 4, 60)
    assert (found.values <= 0).all()


def test_rows_that_come_again_are_units() -> None:
    """In a repeated cross-validation each row is scored three times, and is one row."""
    cv = RepeatedKFold(n_splits=5, n_repeats=3, random_state=0)
    found = rows_after(lambda: cross_val_score(TREE, X, Y, cv=cv).mean())
    assert found is not None
    assert found.n_rows == 450
    assert found.groups is not None
    assert np.unique(found.groups, return_counts=True)[1].tolist() == [3] * 150


def test_folds_of_time_are_ordered() -> None:
    """So are the rows of a split that was not shuffled."""
    found = rows_after(lambda: cross_val_score(Ridge(), XR, YR, cv=TimeSeriesSplit(4)).mean())
    assert found is not None
    assert found.order is RowOrder.TIME

    def unshuffled() -> float:
        x_train, x_val, y_train, y_val = train_test_split(XR, YR, shuffle=False)
        return float(Ridge().fit(x_train, y_train).score(x_val, y_val))

    found = rows_after(unshuffled)
    assert found is not None
    assert (found.order, found.n_trained) == (RowOrder.KEPT, 60)


def test_results_are_as_without_us() -> None:
    """What the functions return, with and without a watch; afterwards they are themselves."""
    before = [f.__closure__ and [c.cell_contents for c in f.__closure__] for f in (accuracy_score,)]
    expected = cross_validate(TREE, X, Y, cv=FOLDS, return_train_score=True)
    seen: dict[str, Any] = {}

    def cell() -> float:
        seen.update(cross_validate(TREE, X, Y, cv=FOLDS, return_train_score=True))
        return float(seen["test_score"].mean())

    rows_after(cell)
    assert seen.keys() == expected.keys()
    assert seen["test_score"].tolist() == expected["test_score"].tolist()
    after = [f.__closure__ and [c.cell_contents for c in f.__closure__] for f in (accuracy_score,)]
    assert after == before


def test_a_library_that_holds_its_functions_otherwise_is_left_alone() -> None:
    """Nothing is watched, and nothing breaks."""
    with WatchedFunction(lambda: 3).through(lambda function: function() + 1):
        pass
    watched = WatchedFunction(accuracy_score)
    with watched.through(lambda function, *args: "ours"):
        assert accuracy_score([1], [1]) == "ours"
    assert accuracy_score([1], [1]) == 1.0


def test_it_is_one_of_the_frameworks() -> None:
    """Watched as soon as its metrics are imported; the cells that import it are known."""
    assert any(isinstance(one, ScikitLearn) for one in all_frameworks())
    assert ScikitLearn().is_loaded()
    assert ScikitLearn().wants(["sklearn.svm"])
    assert not ScikitLearn().wants(["numpy"])


def test_folds_in_threads_of_joblib_are_left_alone() -> None:
    """Calls of other threads are not watched; the score is what it is."""
    with joblib.parallel_config("threading", n_jobs=2):
        assert rows_after(lambda: cross_val_score(KNeighborsClassifier(), X, Y).mean()) is None


GROUPS = np.repeat(np.arange(30), 5)
WHOLE, CUT = GroupKFold(5), KFold(5, shuffle=True, random_state=0)


# What scikit-learn says is what a user may overlook.
@pytest.mark.filterwarnings("ignore:The groups parameter is ignored by KFold:UserWarning")
@pytest.mark.parametrize(("cv", "share"), [(WHOLE, 0.0), (CUT, 1.0)])
def test_groups_that_are_on_both_sides_are_seen(cv: KFold, share: float) -> None:
    """By a cross-validation, and by predictions of one."""
    by_fold = rows_after(lambda: cross_val_score(TREE, X, Y, groups=GROUPS, cv=cv).mean())
    predicted = rows_after(
        lambda: accuracy_score(Y, cross_val_predict(TREE, X, Y, groups=GROUPS, cv=cv))
    )
    for found in (by_fold, predicted):
        assert found is not None
        assert found.split_groups == share
        assert found.groups is not None


def test_groups_of_a_split_are_known_to_hp_score() -> None:
    """They were split beside the rows; so are the training rows' number and the order."""

    def cell() -> float:
        x, x_val, y, y_val, _, g_val = train_test_split(X, Y, GROUPS, random_state=1)
        model = copy.deepcopy(TREE).fit(x, y)
        return hp.score("accuracy", y_val, model.predict(x_val), groups=g_val)

    found = rows_after(cell)
    assert found is not None
    assert (found.split_groups, found.n_trained) == (1.0, 112)

    def ordered() -> float:
        x, x_val, y, y_val = train_test_split(XR, YR, shuffle=False)
        return hp.score("mae", y_val, Ridge().fit(x, y).predict(x_val))

    found = rows_after(ordered)
    assert found is not None
    assert (found.order, found.n_trained, found.split_groups) == (RowOrder.KEPT, 60, None)


@pytest.mark.parametrize(
    ("cell", "drew"),
    [
        (lambda: SVC().fit(X_TRAIN, Y_TRAIN).score(X_VAL, Y_VAL), False),
        (
            lambda: cross_val_score(SVR(), XR, YR, cv=3, scoring="neg_mean_absolute_error").mean(),
            False,
        ),
        (lambda: [SVC().fit(X, Y), np.random.random()] and 0.5, True),  # noqa: NPY002
        (
            lambda: (
                DecisionTreeClassifier(max_features=1).fit(X_TRAIN, Y_TRAIN).score(X_VAL, Y_VAL)
            ),
            True,
        ),
        (lambda: TREE.fit(X_TRAIN, Y_TRAIN).score(X_VAL, Y_VAL), False),
    ],
)
def test_the_seed_that_libsvm_does_not_use_is_no_random_number(
    cell: Callable[[], Any], drew: bool
) -> None:
    """A support vector machine draws one in each fit, and gives the same result."""
    execution = TrialExecution(
        FakeObjective(cell),
        [*all_frameworks()],
        goals=(Goal("value", Direction.MAXIMIZE),),
        clock=FakeClock(),
    )
    ended = execution(Run(0, {}, Kind.START, 0), lambda *a, **k: None, lambda: None).event
    assert isinstance(ended, Completed), ended
    assert ended.outcome.drew_random is drew


def test_gradient_boosting_can_be_stopped_at_each_round() -> None:
    """By what the search raises there; a monitor of the cell's is called, and stops as before."""
    rounds: list[int] = []
    n_guards = 0

    def until_three(i: int, estimator: Any, variables: Any) -> bool:
        rounds.append(i)
        return i == 3

    def train() -> float:
        model = GradientBoostingClassifier(n_estimators=9, random_state=0)
        model.fit(X_TRAIN, Y_TRAIN, None, until_three)
        assert model.n_estimators_ == 4
        return float(GradientBoostingClassifier(random_state=0).fit(X_TRAIN, Y_TRAIN).score(X, Y))

    def guard() -> None:
        nonlocal n_guards
        n_guards += 1
        if n_guards > 20:
            raise TrialStopped

    execution = TrialExecution(
        FakeObjective(train),
        [ScikitLearn()],
        goals=(Goal("value", Direction.MAXIMIZE),),
        clock=FakeClock(),
    )
    execution(Run(0, {}, Kind.START, 0), lambda *a, **k: None, guard)
    assert rounds == [0, 1, 2, 3]
    assert n_guards == 21


def test_watched_gradient_boosting_is_the_same() -> None:
    """With and without a trial around it."""

    def train() -> float:
        model = GradientBoostingRegressor(n_estimators=20, subsample=0.5, random_state=0)
        return float(model.fit(XR[:50], YR[:50]).score(XR[50:], YR[50:]))

    found = rows_after(train)
    assert found is not None
    assert found.mean == pytest.approx(train())
