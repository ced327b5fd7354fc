"""What a test cell measured: the right number, of the right model, under a name that is known."""

from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import pytest

from hpo_magic.core.given_values import NOTHING
from hpo_magic.core.ports import Evaluated
from hpo_magic.study.test_value import NoValue, TestValue, value_of_test


def taken(last: Any, text: str, metric: str | None = "val_auc", **known: Any) -> TestValue:
    """Return what a cell of that text and that value measured."""
    given = {"evaluated": [], "scored": [], **known}
    return value_of_test(
        last,
        ast.parse(text),
        metric,
        given.pop("evaluated"),
        given.pop("scored"),
        **{k: ast.parse(v) if k == "searched" else v for k, v in given.items()},
    )


# A training library's own evaluation.

TEACHER, STUDENT = object(), object()
OF_TEACHER = Evaluated(TEACHER, [0.5, 0.91], {"loss": 0.5, "accuracy": 0.91})
OF_STUDENT = Evaluated(STUDENT, [0.7, 0.83], {"loss": 0.7, "accuracy": 0.83})


@pytest.mark.parametrize("order", [[OF_TEACHER, OF_STUDENT], [OF_STUDENT, OF_TEACHER]])
def test_metrics_belong_to_the_model_that_was_evaluated(order: list[Evaluated]) -> None:
    """Whatever else was evaluated, before or after."""
    found = taken(OF_STUDENT.result, "student.evaluate(x, y)", "val_accuracy", evaluated=order)
    assert (found.value, found.name, found.is_study_metric) == (0.83, "accuracy", True)
    assert found.model is STUDENT


def test_a_list_that_no_evaluation_returned_has_no_names() -> None:
    """Equal numbers are not enough: it may be anything."""
    found = taken([0.7, 0.83], "scores", "val_accuracy", evaluated=[OF_STUDENT])
    assert (found.value, found.missing) == (None, NoValue.UNNAMED)


def test_several_numbers_without_the_metric_are_named_and_none_is_taken() -> None:
    """The user says which."""
    found = taken(OF_STUDENT.result, "student.evaluate(x, y)", "val_auc", evaluated=[OF_STUDENT])
    assert (found.value, found.missing) == (None, NoValue.SEVERAL)
    assert found.others == {"loss": 0.7, "accuracy": 0.83}


@pytest.mark.parametrize(("is_loss_of_fit", "is_claimed"), [(True, True), (False, False)])
def test_the_library_s_loss_is_not_every_study_s_loss(
    is_loss_of_fit: bool, is_claimed: bool
) -> None:
    """A study that computes a loss itself has another one."""
    alone = Evaluated(STUDENT, 0.7, {"loss": 0.7})
    found = taken(
        alone.result, "m.evaluate(x, y)", "loss", evaluated=[alone], is_loss_of_fit=is_loss_of_fit
    )
    assert (found.value, found.name, found.is_study_metric) == (0.7, "loss", is_claimed)


def test_a_number_that_two_models_gave_is_called_by_its_expression() -> None:
    """Which of them it is of cannot be told."""
    both = [
        Evaluated(TEACHER, float("0.7"), {"loss": 0.7}),
        Evaluated(STUDENT, float("0.7"), {"loss": 0.7}),
    ]
    found = taken(0.7, "max(losses)", "loss", evaluated=both)
    assert (found.name, found.is_study_metric, found.model) == ("max(losses)", False, None)


# Numbers.


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("m.score(x_test, y_test)", "m.score(x_test, y_test)"),
        ("1 - error", "1 - error"),
        ("results['f1']", "results['f1']"),
        ("f1 = 0.5\nf1", "f1"),
        ("x" * 80 + " + 1", "x" * 59 + "…"),
    ],
)
def test_a_bare_number_is_not_called_after_the_study_s_metric(text: str, name: str) -> None:
    """It is called as the user called it, else by the expression that gave it."""
    found = taken(0.5, text, "val_auc")
    assert (found.value, found.name, found.is_study_metric) == (0.5, name, False)


def test_a_variable_with_the_metric_s_name_is_the_metric() -> None:
    """The user says so."""
    found = taken(0.5, "auc = roc_auc_score(y, p)\nauc", "val_auc")
    assert (found.name, found.is_study_metric) == ("auc", True)


@pytest.mark.parametrize(
    ("searched", "text", "is_same"),
    [
        ("auc = roc_auc_score(y_val, p)", "roc_auc_score(y_test, m.predict(x))", False),
        ("auc = roc_auc_score(y_val, p)", "roc_auc_score(y_test, q)", True),
        ("auc = m.score(d.x, d.y)", "m.score(x_test[:10], y_test)", True),
        ("auc = m.score(x, y)", "other.score(x, y)", False),
        ("auc = f1_score(y, p, average='macro')", "f1_score(t, q, average='micro')", False),
        ("1 - m.score(x_val, y_val)", "1 - m.score(x_test, y_test)", True),
        ("1 - m.score(x_val, y_val)", "m.score(x_test, y_test)", False),
        ("auc = a(x)\nauc = b(x)", "b(z)", False),
    ],
)
def test_a_number_computed_as_in_the_searched_cell_is_its_metric(
    searched: str, text: str, is_same: bool
) -> None:
    """The same call on other data; anything else is not known to be."""
    found = taken(0.5, text, "val_auc", searched=searched)
    assert found.is_study_metric is is_same
    assert found.name == ("auc" if is_same else text)


def test_a_score_has_its_own_name() -> None:
    """`hp.score` says what it computed."""
    scored: Any = [SimpleNamespace(metric="f1", value=0.5)]
    assert taken(0.5, "hp.score('f1', y, p)", "val_auc", scored=scored).name == "f1"
    assert taken(0.5, "hp.score('f1', y, p)", "f1", scored=scored).is_study_metric


@pytest.mark.parametrize(
    ("last", "missing"),
    [
        (NOTHING, NoValue.NOTHING),
        (None, NoValue.NOTHING),
        ("text", NoValue.NO_NUMBER),
        ({"report": "text"}, NoValue.NO_NUMBER),
        ({"a": 1.0, "b": 2.0}, NoValue.SEVERAL),
        ((1.0, 2.0), NoValue.UNNAMED),
    ],
)
def test_what_gives_no_number_is_said(last: Any, missing: NoValue) -> None:
    """With the reason."""
    found = taken(last, "end")
    assert (found.value, found.missing) == (None, missing)


# In a notebook.

DATA = """
import numpy as np
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(0)
x, x_val, x_test = (rng.normal(size=(60, 3)) for _ in range(3))
y, y_val, y_test = (part[:, 0] > 0 for part in (x, x_val, x_test))
class WithResult:
    def get_metrics_result(self):
        raise RuntimeError("not a model")
strange, strange_class = WithResult(), WithResult
"""
CELL = """%%hpo study --maximize auc --trials 3 --sampler random --ui none
m = LogisticRegression(C=hp.Float(0.001, 10.0, sampling="log")).fit(x, y)
from sklearn.metrics import roc_auc_score
auc = roc_auc_score(y_val, m.predict_proba(x_val)[:, 1])
"""


@pytest.fixture
def searched(notebook: Any) -> Any:
    """Return a notebook with a study of an AUC."""
    notebook.ok(DATA)
    notebook.ok(CELL)
    return notebook


def ledger(notebook: Any) -> list[Any]:
    """Return the evaluations that were written down."""
    return list(notebook["study"].storage.evaluations())


def test_another_metric_is_said_to_be_unchecked(searched: Any) -> None:
    """`m.score` is an accuracy, and the study's metric an AUC."""
    text = searched.ok("%%hpo_test study\nm.score(x_test, y_test)").text
    assert "m.score(x_test, y_test) of trial" in text
    assert "Not checked: whether this is auc, the study's metric." in text
    assert ledger(searched)[0].metric == "m.score(x_test, y_test)"


SCORED = """%%hpo scored --maximize score --trials 4 --sampler random --ui none
from sklearn.model_selection import cross_val_score
m = LogisticRegression(C=hp.Float(0.001, 10.0, sampling="log"))
{}
"""
SCORES = ["m.fit(x, y).score(x_val, y_val)", "cross_val_score(m.fit(x, y), x_val, y_val).mean()"]


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    "test",
    [
        "m.score(x_test, y_test)",
        "print(m.score(x, y))\nscore = m.score(x_test, y_test)\nscore",
        "from sklearn.metrics import accuracy_score\naccuracy_score(y_test, m.predict(x_test))",
    ],
)
def test_an_estimator_s_score_is_known_by_its_rows(notebook: Any, score: str, test: str) -> None:
    """Both are accuracies, however the two cells compute them; the test has an interval."""
    notebook.ok(DATA)
    notebook.ok(SCORED.format(score))
    text = notebook.ok(f"%%hpo_test scored\n{test}").text
    assert "· score of trial" in text
    assert "Not checked" not in text
    assert "a share of 60 rows" in text
    assert "95% interval -0." in text  # of the difference from the honest number


def test_a_negative_score_is_known_with_its_sign(notebook: Any) -> None:
    """scikit-learn's `neg_` scorers; an R² is none of them, and has an interval all the same."""
    notebook.ok(DATA)
    notebook.ok("from sklearn.linear_model import Ridge")
    notebook.ok(
        SCORED.replace("LogisticRegression(C", "Ridge(alpha").format(
            'cross_val_score(m.fit(x, y), x_val, y_val, scoring="neg_mean_squared_error").mean()'
        )
    )
    cell = (
        "%%hpo_test scored\n"
        "from sklearn.metrics import mean_squared_error\n"
        "-mean_squared_error(y_test, m.predict(x_test))"
    )
    text = notebook.ok(cell).text
    assert "test -" in text
    assert "· score of trial" in text
    assert "the mean of 60 rows" in text
    other = notebook.ok("%%hpo_test scored\nm.score(x_test, y_test)").text
    assert "Not checked: whether this is score, the study's metric." in other
    assert "hp.score" not in other  # it knows no metric of that name
    assert "the mean of 60 rows" in other


def test_a_number_of_several_sets_of_rows_has_no_interval(notebook: Any) -> None:
    """An accuracy of 1 on 60 rows and on 30, neither of which is all that the cell reads."""
    notebook.ok(DATA)
    notebook.ok(SCORED.format(SCORES[0]))
    cell = "%%hpo_test scored\n[m.fit(x, y).score(x[:n], y[:n]) for n in (2, 3)]\n1.0"
    text = notebook.ok(cell).text
    assert "no interval: the rows behind the number are not known" in text


def test_the_same_measure_is_the_study_s_metric(searched: Any) -> None:
    """On other data, and assigned or not."""
    text = searched.ok(
        "%%hpo_test study\nroc_auc_score(y_test, m.predict_proba(x_test)[:, 1])"
    ).text
    assert "· auc of trial" in text
    assert "Not checked" not in text


@pytest.mark.parametrize(
    "cell",
    [
        "found = m.score(x_test, y_test)",
        "[m.score(x_test, y_test), m.score(x_test, y_test)]",
        "m.predict(x_test)",
        "'done'",
        "raise ValueError('before anything was seen')",
    ],
)
def test_a_cell_that_shows_no_number_spends_no_evaluation(searched: Any, cell: str) -> None:
    """Nobody has seen the test set."""
    shown = searched.run(f"%%hpo_test study\n{cell}")
    assert ledger(searched) == []
    if shown.error is None:
        assert "It does not count as an evaluation" in shown.text
    assert "evaluation 1" in searched.ok("%%hpo_test study\nm.score(x_test, y_test)").text


@pytest.mark.parametrize(
    "cell",
    [
        "print(m.score(x_test, y_test))",
        "print(m.score(x_test, y_test)); raise ValueError('later')",
        "import sys; sys.stderr.write(str(m.score(x_test, y_test))); None",
        "from IPython.display import display; display(m.score(x_test, y_test)); None",
        "{'f1': m.score(x_test, y_test), 'precision': 0.5}",
    ],
)
def test_a_cell_that_shows_a_number_spends_one(searched: Any, cell: str) -> None:
    """However it shows it."""
    searched.run(f"%%hpo_test study\n{cell}")
    (written,) = ledger(searched)
    assert written.value is None
    assert "evaluation 2" in searched.ok("%%hpo_test study\nm.score(x_test, y_test)").text


def test_a_model_of_another_cell_is_no_test_of_the_study(searched: Any) -> None:
    """It is said, and the study has no test after it."""
    searched.ok("other = LogisticRegression().fit(x, y)")
    text = searched.ok("%%hpo_test study\nother.score(x_test, y_test)").text
    assert "`other`, no model of this study" in text
    assert "study.best_model() has the chosen one" in text
    assert not searched["study"].test
    assert len(ledger(searched)) == 1


def test_a_model_that_the_study_gave_is_its_own(searched: Any) -> None:
    """In the test cell, or in a cell before."""
    searched.ok("before = study.best_model()")
    assert "of trial" in searched.ok("%%hpo_test study\nbefore.score(x_test, y_test)").text
    cell = "%%hpo_test study\nbest = study.best_model()\nbest.score(x_val, y_val)"
    assert "of trial" in searched.ok(cell).text
    assert "no model of this study" not in searched.ok(cell).text


KERAS = """
import keras
import numpy as np
rng = np.random.default_rng(0)
xs, ys = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
def built(bias):
    model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid",
                              bias_initializer=keras.initializers.Constant(bias))])
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy", metrics=["accuracy"])
    return model
"""
DISTILLED = """%%hpo study --maximize val_accuracy --trials 2 --sampler random --ui none
teacher, student = built(9.0), built(-9.0)
lr = hp.Float(0.1, 0.2)
teacher.fit(xs, ys, validation_data=(xs, ys))
student.fit(xs, ys, validation_data=(xs, ys))
"""


@pytest.mark.slow
def test_keras_models_are_told_apart(notebook: Any) -> None:
    """The numbers are those of the model that was evaluated, in whatever way it came there."""
    notebook.ok(KERAS)
    notebook.ok(DISTILLED)
    ones = float(notebook["ys"].mean())
    of_student = notebook.ok("%%hpo_test study\nstudent.evaluate(xs, ys, verbose=0)").value
    assert of_student.evaluation.value == pytest.approx(1 - ones)
    of_teacher = notebook.ok("%%hpo_test study\nteacher.evaluate(xs, ys, verbose=0)").value
    assert of_teacher.evaluation.value == pytest.approx(ones)
    best = "%%hpo_test study\nbest = study.best_model()\nbest.evaluate(xs, ys, verbose=0)"
    assert notebook.ok(best).value.evaluation.metric == "accuracy"
    notebook.ok("mine = built(9.0)")
    text = notebook.ok("%%hpo_test study\nmine.evaluate(xs, ys, verbose=0)").text
    assert "`mine`, no model of this study" in text
    both = (
        "%%hpo_test study\nteacher.evaluate(xs, ys, verbose=0), student.evaluate(xs, ys, verbose=0)"
    )
    assert "No number was taken" in notebook.ok(both).text
