"""The sealed test of a vote."""

from __future__ import annotations

from typing import Any

import pytest

DATA = """
import numpy as np
from sklearn.tree import DecisionTreeClassifier
rng = np.random.default_rng(0)
x, x_val, x_test = (rng.normal(size=(n, 3)) for n in (90, 60, 70))
y, y_val, y_test = (part[:, 0] + rng.normal(size=len(part)) > 0 for part in (x, x_val, x_test))
"""
CELL = """%%hpo study --maximize accuracy --trials 8 --sampler random --recheck 0 --ui none
depth = hp.Int(1, 30)
model = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(x, y)
accuracy = hp.score("accuracy", y_val, model.predict(x_val))
"""


@pytest.fixture
def searched(notebook: Any) -> Any:
    """Return a notebook with a study of trees."""
    notebook.ok(DATA)
    notebook.ok(CELL)
    return notebook


def test_a_vote_is_one_more_candidate_for_the_test(searched: Any) -> None:
    """Its look is in the ledger by name; the chosen model's look after it is the second."""
    body = "hp.score('accuracy', y_test, model.predict(x_test))"
    shown = searched.ok(f"%%hpo_test study --vote\n{body}")
    vote = searched["study"].vote()
    expected = float((vote.predict(searched["x_test"]) == searched["y_test"]).mean())
    assert shown.value.evaluation.value == expected
    assert shown.value.evaluation.choice == repr(vote)
    assert f"accuracy of {vote!r} of study on 70 rows" in shown.text
    assert searched["study"].test == shown.value.evaluation
    assert "evaluation 2" in searched.ok(f"%%hpo_test study\n{body}").text


def test_other_variables_of_the_cell_are_there_too(searched: Any) -> None:
    """Those of the chosen trial."""
    shown = searched.ok("%%hpo_test study --vote\nmodel.predict(x_test).mean() * 0 + depth")
    assert shown.value.evaluation.value == searched["study"].best_params["depth"]


def test_a_cell_without_a_model_is_told(searched: Any) -> None:
    """No look is taken."""
    sentence = searched.run("%%hpo_test study --vote\nlen(x_test)").usage_error
    assert "--vote puts the vote in the place of `model`, which the cell does not read" in sentence
    assert searched["study"].storage.evaluations() == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_kept_networks_vote(notebook: Any, tmp_path: Any) -> None:
    """`--keep 3` leaves three models on disk, and those are asked."""
    notebook.ok(DATA)
    notebook.ok("""%%hpo net --trials 5 --keep 3 --recheck 0 --sampler random --ui none
        import keras
        model = keras.Sequential([keras.layers.Dense(1, "sigmoid")])
        model.compile(keras.optimizers.Adam(hp.Float(0.001, 0.1)), "binary_crossentropy")
        model.fit(x, y, validation_data=(x_val, y_val))
    """)
    assert len(list((tmp_path / "hpo_studies" / "models" / "net-1").iterdir())) == 3
    vote = notebook["net"].vote()
    assert len(vote.models) == 3
    one = [model.predict(notebook["x_test"], verbose=0) for model in vote.models]
    assert np_mean(one) == pytest.approx(float(vote.predict(notebook["x_test"]).mean()))


def np_mean(arrays: Any) -> float:
    """Return the mean over models and rows."""
    return float(sum(array.mean() for array in arrays) / len(arrays))
