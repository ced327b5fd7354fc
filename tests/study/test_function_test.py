"""`study.test(function)`: a test evaluation from a script."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hpo_magic import hp, load_study, search
from hpo_magic.errors import OptionError
from hpo_magic.study.study import Study

RNG = np.random.default_rng(0)
X, X_VAL, X_TEST = (RNG.normal(size=(60, 3)) for _ in range(3))
Y, Y_VAL, Y_TEST = (part[:, 0] > 0 for part in (X, X_VAL, X_TEST))


def trained() -> dict[str, Any]:
    """Return the model and its score on the validation set."""
    model = LogisticRegression(C=hp.Float(0.001, 10.0, name="C")).fit(X, Y)
    return {"model": model, "accuracy": model.score(X_VAL, Y_VAL)}


def accuracy(model: Any) -> Any:
    """Return the model's accuracy on the test set, with the rows behind it."""
    return hp.score("accuracy", Y_TEST, model.predict(X_TEST))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Return a study of a model, on disk."""
    return search(
        trained, "net", 3, maximize="accuracy", storage=str(tmp_path), recheck="0", ui="none"
    )


def test_a_function_evaluates_the_chosen_model(study: Study) -> None:
    """It gets the model; the value, its interval and the rows are in the ledger."""
    result = study.test(accuracy)
    assert result.value == accuracy(study.best_model())
    assert result.is_written
    assert "on 60 rows" in str(result)
    assert "evaluation 1: a further evaluation on these rows is no valid test" in str(result)
    (entry,) = study.ledger.evaluations
    assert study.test == entry == result.evaluation
    assert study.test.low < result.value <= study.test.high


def test_a_second_script_is_told_of_the_first(study: Study, tmp_path: Path) -> None:
    """Also one that has only loaded the study, whose model cannot be trained again there."""
    first = study.test(accuracy).value
    again = load_study("net", tmp_path).test(lambda: hp.score("accuracy", Y_TEST, X_TEST[:, 0] > 0))
    assert again.evaluation.number == 2
    assert f"({first:.4f}); treat 1.000 as validation" in str(again)


def test_hp_calls_return_the_chosen_values(study: Study) -> None:
    """In a function without a parameter, too."""
    assert study.test(lambda: hp.Float(0.001, 10.0, name="C")).value == study.best_params["C"]


def test_rows_of_the_search_are_counted(study: Study) -> None:
    """A test on validation rows is said to be none."""
    text = str(study.test(lambda model: model.score(X_VAL, Y_VAL)))
    assert "60 of 60 test rows were in the data that the search read" in text


def test_a_function_that_fails(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own exception comes out; it is an evaluation if a number was printed."""

    def failing(*, shows: bool = False) -> float:
        if shows:
            print(0.9)
        raise RuntimeError("no disk")

    with pytest.raises(RuntimeError, match="no disk"):
        study.test(failing)
    assert study.ledger.evaluations == ()
    with pytest.raises(RuntimeError, match="no disk"):
        study.test(lambda: failing(shows=True))
    assert [one.value for one in study.ledger.evaluations] == [None]
    assert not study.test
    assert "0.9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (0.9, r"study\.test: give a function that returns the test value, got 0\.9"),
        (lambda x, y: 0.9, "may have one parameter, which is given the model; it has 2: x, y"),
    ],
)
def test_what_is_no_function_of_a_test(study: Study, given: Any, message: str) -> None:
    """One sentence; nothing is written."""
    with pytest.raises(OptionError, match=message):
        study.test(given)
    assert study.ledger.evaluations == ()


def shortened(file: sqlite3.Connection) -> None:
    """Remove all entries of the ledger."""
    file.execute("DROP TRIGGER looks_stay")
    file.execute("DELETE FROM looks")


def edited(file: sqlite3.Connection) -> None:
    """Write another value into the ledger."""
    file.execute("DROP TRIGGER looks_stay_the_same")
    file.execute("UPDATE looks SET look = replace(look, 'accuracy', 'precision')")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (shortened, "it has 0 entries, and the latest evaluation of study net is not among them"),
        (edited, "entry 1 of 1 does not match its hash, so how often a test set was used"),
    ],
)
def test_a_changed_ledger_is_told(
    study: Study, tmp_path: Path, change: Callable[[sqlite3.Connection], None], sentence: str
) -> None:
    """With the next evaluation, and wherever the study is shown."""
    study.test(accuracy)
    with closing(sqlite3.connect(tmp_path / "studies.sqlite")) as file, file:
        change(file)
    assert sentence in str(load_study("net", tmp_path))
    assert sentence in str(study.test(accuracy))
    assert "the ledger of test evaluations was changed" in str(study.refresh())
