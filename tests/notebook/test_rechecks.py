"""Honest results in the notebook: re-checks of a noisy cell, what is said, what is chosen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hpo_magic.api import load_study
from hpo_magic.core.notices import SameScores
from hpo_magic.core.trial import Kind
from hpo_magic.views.words.notices import messages

# Labels that are pure noise: every setting is right half of the time.
CELL = """
import numpy
x = hp.Float(0.0, 1.0)
rng = numpy.random.default_rng([hp.seed(), round(1e9 * x)])
accuracy = float(rng.integers(0, 2, 30).mean())
"""


def run(notebook: Any, options: str = "--trials 30", cell: str = CELL) -> Any:
    """Run a search; return the study."""
    first = f"%%hpo noise --maximize accuracy --sampler random --ui none {options}"
    notebook.ok(f"{first}\n{cell}")
    return notebook["noise"]


def test_on_null_labels_the_honest_number_is_lower_than_the_best_seen(notebook: Any) -> None:
    """It is near one half, with its ± and how it was measured; disk says the same."""
    study = run(notebook)
    assert study.best_seen >= 0.6
    assert abs(study.honest.value - 0.5) < 0.1
    assert study.honest.value < study.best_seen
    assert study.honest.half_width > 0.0
    assert study.honest.how == (
        "2 best settings re-run on 3 new splits; the splits share rows with the search, so some "
        "selection bias may remain"
    )
    again = load_study("noise")
    assert again.honest == study.honest
    assert again.best_trial == study.best_trial


def test_the_choice_is_the_re_checks(notebook: Any) -> None:
    """What the study gives on is a setting of the search that was run again."""
    study = run(notebook)
    assert study.best_trial.kind is not Kind.RECHECK
    again = [t for t in study.trials if t.kind is Kind.RECHECK]
    assert len(again) == 9
    assert study.best_params in [t.params for t in again]
    assert f"trial {study.best_trial.number}" in repr(study)
    assert "chosen by the re-check" in study._repr_html_()
    assert set(study.to_frame()["kind"]) == {"start", "search", "re-check"}


def test_it_is_announced_and_shown(notebook: Any) -> None:
    """Before the search in one sentence, after it in the headline, in the table by its name."""
    study = run(notebook)
    assert messages(study.snapshot) == (
        "9 of the 30 trials are reserved for the re-check: the 2 best settings and the start, "
        "each on 3 new seeds.",
    )
    text = repr(study)
    assert "honest" in text
    assert "±" in text
    assert "re-check" in text
    assert "tuned \N{MINUS SIGN} start" in text


def test_recheck_0_searches_to_the_end(notebook: Any) -> None:
    """Nothing is announced or run again, and no number is claimed."""
    study = run(notebook, "--trials 30 --recheck 0")
    assert study.honest is None
    assert messages(study.snapshot) == ()
    assert {t.kind for t in study.trials} == {Kind.START, Kind.SEARCH}
    assert "not measured" in repr(study)


def test_new_training_seeds_alone_get_no_interval(notebook: Any) -> None:
    """A cell that does not ask for hp.seed() keeps its rows: that luck stays in."""
    cell = CELL.replace("[hp.seed(), round(1e9 * x)]", "numpy.random.randint(2**31, size=2)")
    study = run(notebook, cell=cell)
    assert study.honest.half_width is None
    assert "so still biased towards these rows" in study.honest.how


def test_a_cell_without_luck_is_told_where_to_put_the_seed(notebook: Any) -> None:
    """One sentence; the runs go back to the search; nothing has a ±."""
    study = run(notebook, cell=CELL.replace("hp.seed()", "7"))
    assert study.snapshot.notices[-1] == SameScores()
    assert study.honest is None
    assert "±" not in repr(study)
    assert [t.kind for t in study.trials].count(Kind.RECHECK) == 1
    assert len(study.trials) == 30


def test_the_test_is_of_the_re_checked_choice(notebook: Any) -> None:
    """The sealed cell runs with the chosen setting, on the seed of the search."""
    study = run(notebook)
    notebook.ok("%%hpo_test noise\naccuracy + 0 * x")
    assert notebook["noise"].test.trial == study.best_trial.number
    assert notebook["noise"].test.value == study.best_trial.value


def test_it_goes_on_where_it_was(notebook: Any) -> None:
    """Running the cell again with more trials runs again what it finds, on the same seeds."""
    before = {t.seed for t in run(notebook, "--trials 20").trials if t.kind is Kind.RECHECK}
    study = run(notebook, "--trials 30")
    assert {t.seed for t in study.trials if t.kind is Kind.RECHECK} == before
    assert len(study.trials) == 30
    assert "No trial is left to run" in messages(run(notebook, "--trials 30").snapshot)[0]


@pytest.mark.parametrize("read", ["x_test", "test_images"])
def test_names_that_look_like_test_data_are_told(notebook: Any, read: str) -> None:
    """Before the first trial, and only where there is data behind the name."""
    notebook.ok(f"import numpy\n{read} = numpy.zeros((4, 2))")
    study = run(notebook, "--trials 2", f"{CELL}\n{read}.sum()")
    assert f"The cell reads {read}, which is test data by name" in messages(study.snapshot)[0]


def test_a_wrong_recheck_says_what_it_takes(notebook: Any) -> None:
    """The mistake is told before anything runs."""
    error = notebook.run(f"%%hpo noise --maximize accuracy --recheck some\n{CELL}").usage_error
    assert "recheck: expected auto, 0" in error
    line = "%%hpo noise --maximize accuracy --recheck 9x9 --trials 20"
    assert "too few of the 20 trials" in notebook.run(f"{line}\n{CELL}").usage_error


def test_an_interval_ends_where_the_metric_does(notebook: Any) -> None:
    """A share of few rows; what is left open is said where it is half of all or more."""
    notebook.ok(
        "import numpy as np\nfrom sklearn.model_selection import train_test_split\n"
        "from sklearn.tree import DecisionTreeClassifier as Tree\nrng = np.random.default_rng(0)\n"
        "X = rng.normal(size=(30, 2))\ny, noise = X[:, 0] > 0, rng.normal(size=30) > 0"
    )
    cell = (
        "%%hpo {0} --maximize acc --trials 10\n"
        "A, B, a, b = train_test_split(X, {1}, test_size=6, random_state=hp.seed())\n"
        "acc = Tree(max_depth=hp.Int(1, 4), random_state=0).fit(A, a).score(B, b)"
    )
    shown = notebook.ok(cell.format("s", "y")).text
    honest = notebook["s"].honest
    assert honest.value + honest.half_width > 1 == honest.interval[1]
    assert re.search(r"honest +0\.\d\d? \(0\.\d\d? to 1\.0\d?\)|honest +1\.00? \(0", shown)
    shown = notebook.ok(cell.format("t", "noise")).text
    low, high = notebook["t"].honest.interval
    assert 0 <= low < high <= 1
    assert ("the interval is wide" in shown) == (high - low >= 0.5)
