"""Ways round the sealed test, tried: what is caught, and what the documentation says is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LIMITS = Path(__file__).parents[2] / "docs" / "what_you_get.md"
DATA = """
import numpy as np
from sklearn.linear_model import LogisticRegression
rng = np.random.default_rng(0)
x, x_val, x_test = (rng.normal(size=(n, 3)) for n in (90, 60, 70))
y, y_val, y_test = (part[:, 0] > 0 for part in (x, x_val, x_test))
"""
CELL = """%%hpo study --maximize accuracy --trials 3 --sampler random --ui none
model = LogisticRegression(C=hp.Float(0.001, 10.0, sampling="log")).fit(x, y)
accuracy = model.score(x_val, y_val)
"""
TEST = "%%hpo_test study\nmodel.score(x_test, y_test)"
SECOND = "evaluation 2: this test set was used on 20"


@pytest.fixture
def looked(notebook: Any) -> Any:
    """Return a notebook with a study, and one look at the test set behind it."""
    notebook.ok(DATA)
    notebook.ok(CELL)
    assert "evaluation 1" in notebook.ok(TEST).text
    return notebook


def test_1_an_edited_test_cell(looked: Any) -> None:
    """Caught: the rows count, not the text."""
    body = "%%hpo_test study\np = model.predict(x_test)\nhp.score('accuracy', y_test, p)"
    assert SECOND in looked.ok(body).text


def test_2_renamed_variables(looked: Any) -> None:
    """Caught: names do not count. Nor do types: the same numbers as float32, or in a table."""
    looked.ok("import pandas\nfresh, new = x_test.copy(), y_test\nsmall = x_test.astype('float32')")
    looked.ok("table = pandas.DataFrame(x_test)")
    for name, evaluation in (
        ("fresh", "evaluation 2"),
        ("small", "evaluation 3"),
        ("table.to_numpy()", "evaluation 4"),
    ):
        assert evaluation in looked.ok(f"%%hpo_test study\nmodel.score({name}, new)").text


def test_3_a_restarted_kernel(looked: Any, new_notebook: Callable[[], Any]) -> None:
    """Caught: the ledger is on disk."""
    again = new_notebook()
    again.ok(DATA)
    assert SECOND in again.ok(TEST).text


def test_4_a_copied_notebook(
    looked: Any, new_notebook: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caught where the studies are copied with it; not in a folder without them, as is said."""
    for folder, evaluation in (("with", SECOND), ("without", "evaluation 1")):
        (tmp_path / folder).mkdir()
        if folder == "with":
            looked["study"].storage.close()
            shutil.copytree(tmp_path / "hpo_studies", tmp_path / folder / "hpo_studies")
        copy = new_notebook()
        monkeypatch.chdir(tmp_path / folder)
        copy.ok(DATA)
        copy.ok(CELL)
        assert evaluation in copy.ok(TEST).text
        copy["study"].storage.close()
    assert "folder without its `hpo_studies`" in LIMITS.read_text(encoding="utf-8")


def test_5_another_study(looked: Any) -> None:
    """Caught, and the study that looked first is named."""
    looked.ok(CELL.replace("study", "other"))
    text = looked.ok(TEST.replace("study", "other")).text
    assert f"{SECOND}" in text
    assert "by study study" in text
    assert "evaluation 2" in repr(looked["other"])


def test_6_permuted_rows(looked: Any) -> None:
    """Caught: the order does not count."""
    looked.ok("order = rng.permutation(70)\nx_new, y_new = x_test[order], y_test[order]")
    assert SECOND in looked.ok("%%hpo_test study\nmodel.score(x_new, y_new)").text


@pytest.mark.parametrize(("rows", "count"), [("[:20]", 2), ("[10::7]", 3)])
def test_7_a_slice_of_the_test_set(looked: Any, rows: str, count: int) -> None:
    """Caught; and so is a set that is half of it, which shares rows with one slice or with none."""
    looked.ok(f"x_new, y_new = x_test{rows}, y_test{rows}")
    assert SECOND in looked.ok("%%hpo_test study\nmodel.score(x_new, y_new)").text
    looked.ok("x_mix = np.concatenate([rng.normal(size=(35, 3)), x_test[35:]])")
    text = looked.ok("%%hpo_test study\nmodel.score(x_mix, x_mix[:, 0] > 0)").text
    assert f"evaluation {count}" in text


VALIDATED_ON_TEST = CELL.replace("model.score(x_val, y_val)", "model.score(x_test, y_test)")


@pytest.mark.parametrize("before", ["", "x_test, y_test = x_test[::-1], y_test[::-1]"])
def test_8_test_rows_in_the_validation_data(notebook: Any, before: str) -> None:
    """Caught before the search by the name, and at the test by the rows, in any order."""
    notebook.ok(DATA)
    notebook.ok(VALIDATED_ON_TEST)
    assert "x_test, y_test, which are test data by name" in notebook["study"].snapshot.notices[0]
    notebook.ok(before)
    text = notebook.ok(TEST).text
    assert (
        "70 of 70 test rows were in the data that the search read, so this is not a valid test"
        in text
    )
    assert "not a valid test: the search used 70 of its rows" in repr(notebook["study"])


def test_9_test_rows_in_the_training_data(notebook: Any) -> None:
    """Caught under any name: some of them, mixed with others."""
    notebook.ok(DATA)
    notebook.ok("more = np.concatenate([x, x_test[:30]])\nlabels = more[:, 0] > 0")
    notebook.ok(CELL.replace("fit(x, y)", "fit(more, labels)"))
    text = notebook.ok(TEST).text
    assert (
        "30 of 70 test rows were in the data that the search read, so this is not a valid test"
        in text
    )


def test_10_deleted_output(looked: Any) -> None:
    """Caught: the output is no part of the ledger, and the ledger takes nothing back."""
    looked.ok("import sqlite3\nledger = sqlite3.connect('hpo_studies/studies.sqlite')")
    with pytest.raises(Exception, match="a look at a test set cannot be removed"):
        raise looked.run("ledger.execute('DELETE FROM looks')").error
    looked.ok("ledger.close()\ndel study")
    assert SECOND in looked.ok(TEST).text


def test_rows_that_were_changed_are_not_known_again(looked: Any) -> None:
    """Not caught: scaled rows, as the documentation says."""
    looked.ok("scaled = 2 * x_test")
    assert "evaluation 1" in looked.ok("%%hpo_test study\nmodel.score(scaled, y_test)").text
    assert "scaled or otherwise changed" in LIMITS.read_text(encoding="utf-8")


def test_an_honest_test_is_not_accused(looked: Any) -> None:
    """Neither other rows, nor a test that reads the training data for its scaler."""
    looked.ok("x_new = rng.normal(size=(50, 3))\ny_new = x_new[:, 0] > 0")
    body = "%%hpo_test study\nshift = x.mean(axis=0)\nmodel.score(x_new - 0 * shift, y_new)"
    shown = looked.ok(body)
    assert "evaluation 1" in shown.text
    assert "x is data of the search: not counted among the test rows" in shown.text
    assert (shown.value.evaluation.n_rows, shown.value.evaluation.n_leaked) == (50, 0)


def test_the_search_s_own_rows_are_no_test(looked: Any) -> None:
    """A look at the validation rows alone says so."""
    text = looked.ok("%%hpo_test study\nmodel.score(x_val, y_val)").text
    assert (
        "60 of 60 test rows were in the data that the search read, so this is not a valid test"
        in text
    )


KERAS = """%%hpo net --maximize val_accuracy --trials 2 --sampler random --ui none --recheck 0
import keras
both = np.concatenate([x, x_val, x_test])
model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
adam = keras.optimizers.Adam(hp.Float(0.01, 0.1))
model.compile(adam, "binary_crossentropy", metrics=["accuracy"])
model.fit(both[:90], both[:90, 0] > 0, validation_data=(both[90:{end}], both[90:{end}, 0] > 0))
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(("end", "n_leaked"), [(150, 0), (190, 40)])
def test_a_fit_that_is_watched_knows_which_rows_it_used(
    notebook: Any, end: int, n_leaked: int
) -> None:
    """A cell that reads all rows and leaves the test alone is not accused; one that does not is."""
    notebook.ok(DATA)
    notebook.ok("x_all = np.concatenate([x, x_val, x_test])")
    cell = KERAS.replace("{end}", str(end)).replace("np.concatenate([x, x_val, x_test])", "x_all")
    notebook.ok(cell)
    text = notebook.ok("%%hpo_test net\nmodel.evaluate(x_test, y_test, verbose=0)").text
    assert (
        "40 of 70 test rows were used in the search, so this is not a valid test" in text
    ) == bool(n_leaked)
    assert notebook["net"].test.n_leaked == n_leaked
    assert "95% interval" in text
