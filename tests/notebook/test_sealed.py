"""The sealed test: the chosen model, one look, and a ledger that nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hpo_magic.core.records import TestEvaluation

DATA = """
import numpy as np
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(0)
x, x_val, x_test = (rng.normal(size=(60, 3)) for _ in range(3))
y, y_val, y_test = (part[:, 0] > 0 for part in (x, x_val, x_test))
"""
CELL = """%%hpo study --maximize accuracy --trials 3 --sampler random --ui none
model = LogisticRegression(C=hp.Float(0.001, 10.0, sampling="log")).fit(x, y)
shift = 2
accuracy = model.score(x_val, y_val)
"""
TEST = "%%hpo_test study\nmodel.score(x_test, y_test)"


@pytest.fixture
def searched(notebook: Any) -> Any:
    """Return a notebook with a study of a scikit-learn model."""
    notebook.ok(DATA)
    notebook.ok(CELL)
    return notebook


def evaluations(notebook: Any) -> list[TestEvaluation]:
    """Return the ledger."""
    return list(notebook["study"].storage.evaluations())


def test_the_first_look_is_a_test(searched: Any) -> None:
    """The chosen model is measured; metric, rows and trial are written down."""
    study = searched["study"]
    shown = searched.ok(TEST)
    model = study.best_model()
    (evaluation,) = evaluations(searched)
    assert evaluation.value == model.score(searched["x_test"], searched["y_test"])
    assert (evaluation.study, evaluation.revision, evaluation.trial) == (
        "study",
        1,
        study.best_trial.number,
    )
    assert (evaluation.metric, evaluation.n_rows) == ("accuracy", 60)
    runs, _, first, interval, apart, count, place = shown.text.splitlines()
    assert runs.endswith(": it makes model, which the test cell reads.")
    assert first == (
        f"test {evaluation.value:.4f} · accuracy of trial {evaluation.trial} of study on 60 rows"
    )
    low_to_high = f"{evaluation.low:.4f} to {evaluation.high:.4f}"
    assert interval == f"95% interval {low_to_high}: a share of 60 rows"
    assert apart.startswith("honest")  # the rows behind `score` are known
    assert count == "evaluation 1: a further evaluation on these rows is no valid test"
    assert place == f"ledger entry 1, hash {study.ledger.head[:12]}"
    assert searched.ok("study.test").value == evaluation
    assert "evaluation 1" in shown.value._repr_html_()


def test_the_test_leaves_no_names(searched: Any) -> None:
    """Neither the cell's variables nor the test's own stay."""
    before = searched.names
    searched.ok("%%hpo_test study\nscore = model.score(x_test, y_test) * shift / 2\nscore")
    assert searched.names == before


def test_hp_calls_give_the_chosen_values(searched: Any) -> None:
    """By name; so the test may build what it needs again."""
    searched.ok("%%hpo_test study\nhp.Float('C', 0.001, 10.0, sampling='log')")
    assert evaluations(searched)[0].value == searched["study"].best_params["C"]


def test_calls_in_other_cells_give_the_chosen_values(notebook: Any) -> None:
    """Under the names of the search, though the test has no `units` of its own."""
    notebook.ok("def width():\n    units = hp.Int(1, 9)\n    return units")
    notebook.ok(
        "%%hpo study --minimize loss --trials 5 --sampler random --ui none\n"
        "units = hp.Int(20, 90)\n"
        "units + 10 * width()"
    )
    notebook.ok("%%hpo_test study\nwidth()")
    assert evaluations(notebook)[0].value == notebook["study"].best_params["units_2"]


def test_a_second_look_is_no_test(searched: Any) -> None:
    """It says when the rows were seen first, and what came out; `test` stays the first."""
    first = searched.ok(TEST).value.evaluation
    text = searched.ok("%%hpo_test study\nmodel.score(x_test, y_test)  # again").text
    assert "evaluation 2: this test set was used on 20" in text
    assert f"({first.value:.4f}); treat {first.value:.4f} as validation" in text
    assert "97.5% interval" in text
    assert searched["study"].test == first
    assert len(evaluations(searched)) == 2


def test_another_study_that_looks_at_the_same_rows(searched: Any) -> None:
    """The ledger is the folder's, not the study's."""
    searched.ok(TEST)
    searched.ok(CELL.replace("study", "other"))
    assert "by study study" in searched.ok(TEST.replace("study", "other")).text


def test_other_rows_are_another_test(searched: Any) -> None:
    """A look at fresh rows is a first look."""
    searched.ok(TEST)
    searched.ok("x_new, y_new = x_test + 1, ~y_test")
    assert (
        "evaluation 1"
        in searched.ok(TEST.replace("_test)", "_new)").replace("x_test", "x_new")).text
    )


def test_the_ledger_survives_the_kernel(searched: Any, new_notebook: Callable[[], Any]) -> None:
    """In a new one the cell runs again for its model, and the look is the second."""
    searched.ok(TEST)
    notebook = new_notebook()
    notebook.ok(DATA)
    text = notebook.ok(TEST).text
    assert "evaluation 2" in text
    assert notebook.ok("%hpo study").text.count("treat it as validation") == 1


def test_a_new_kernel_without_the_data(searched: Any, new_notebook: Callable[[], Any]) -> None:
    """The cell cannot run; the sentence says at which line."""
    assert str(new_notebook().run(TEST).error) == (
        f"%%hpo_test: Trial {searched['study'].best_trial.number} of study 'study' could not be "
        "run again: failed on line 2 of the cell: NameError: name 'LogisticRegression' is not "
        "defined."
    )


def test_a_failing_test_is_a_look_without_a_value(searched: Any) -> None:
    """It may have printed what it saw. The traceback shows the user's lines alone."""
    shown = searched.run("%%hpo_test study\nprint(model.score(x_test, y_test))\n1 / 0")
    assert "----> 3 1 / 0" in shown.text
    assert "hpo_magic" not in shown.text
    assert [evaluation.value for evaluation in evaluations(searched)] == [None]
    assert not searched["study"].test
    text = searched.ok(TEST).text
    assert "evaluation 2: this test set was used on 20" in text
    assert "; treat" in text


def test_a_test_that_leaves_the_program(searched: Any) -> None:
    """A sentence; nothing was seen, so it is no evaluation."""
    sentence = searched.run("%%hpo_test study\nimport sys\nsys.exit()").usage_error
    assert sentence == (
        "%%hpo_test: line 3 of the cell leaves the program (SystemExit). Take that out."
    )
    assert evaluations(searched) == []


def test_a_test_that_gives_no_number(searched: Any) -> None:
    """It is written down where a number was seen."""
    text = searched.ok("%%hpo_test study\nprint(model.score(x_test, y_test))").text
    assert "test no number · value of trial" in text
    assert "No number was taken: the cell ends in nothing" in text
    again = searched.ok("%%hpo_test study\nmodel.predict(x_test)").text
    assert again.rstrip().endswith("evaluations of these rows so far: 1")


def test_a_test_may_end_in_several_metrics(searched: Any) -> None:
    """The study's own is the value; the others are shown beside it."""
    text = searched.ok(
        "%%hpo_test study\n{'accuracy': model.score(x_test, y_test), 'n': len(x_test)}"
    ).text
    assert f"test {evaluations(searched)[0].value:.4f} · accuracy" in text
    assert "also: n 60.0" in text


def test_rows_that_are_read_inside_the_test_cannot_be_told_apart(searched: Any) -> None:
    """Then every such look with one study counts."""
    searched.ok("x_test.dump('test.npy')")
    body = "%%hpo_test study\nmodel.predict(np.load('test.npy', allow_pickle=True)).mean()"
    assert (
        "evaluation 1: a further evaluation with study is no valid test" in searched.ok(body).text
    )
    assert "evaluation 2" in searched.ok(body).text
    assert "evaluation 1" in searched.ok(TEST).text


def test_a_model_trained_on_other_data_is_warned_of(searched: Any) -> None:
    """The data changed since the search: the cell that runs again makes another model."""
    searched.ok("y = ~y")
    with pytest.warns(UserWarning, match=r"in the search: the model is not the same"):
        searched.ok(TEST)


def test_a_syntax_error_is_no_look(searched: Any) -> None:
    """Nothing ran."""
    assert "SyntaxError" in searched.run("%%hpo_test study\nmodel.score(").text
    assert evaluations(searched) == []


def test_a_cell_that_runs_again_for_the_test_says_so(notebook: Any) -> None:
    """With what it makes that the test cell reads; once, as the variables are kept then."""
    notebook.ok("import numpy as np\nx_test = np.arange(8.0)")
    cell = "scale = hp.Float(1, 2)\nloss = scale"
    notebook.ok(f"%%hpo s --minimize loss --trials 2 --ui none\n{cell}")
    best = notebook["s"].best_trial.number
    test = "%%hpo_test s\n(x_test * scale).mean()"
    shown = notebook.ok(test).text
    assert shown.startswith(
        f"The code of trial {best} runs again, with the same values and seed: it makes scale, "
        f"which the test cell reads.\n"
    )
    assert "runs again" not in notebook.ok(test).text
    assert "runs again" not in notebook.ok("%%hpo_test s\nx_test.mean()").text
