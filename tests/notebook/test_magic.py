"""The magics in a real shell: a search, its options, and going on with it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from short_searches import CELL, message, run

import hpo_magic
from hpo_magic.core.events import Reason
from hpo_magic.core.trial import Kind
from hpo_magic.notebook import completion
from hpo_magic.notebook.magic import load_ipython_extension, unload_ipython_extension

# The extension.


def test_the_extension_gives_hp_if_the_name_is_free(notebook: Any) -> None:
    """A variable of the user's is not overwritten."""
    assert notebook["hp"] is hpo_magic.hp
    notebook.ok("hp = 3")
    load_ipython_extension(notebook.shell)
    assert notebook["hp"] == 3


def test_the_extension_can_be_unloaded_and_loaded_again(notebook: Any) -> None:
    """Loading twice registers once."""
    matchers = completion.matchers_of(notebook.shell.Completer)
    n_loaded = len(matchers)
    load_ipython_extension(notebook.shell)
    assert len(matchers) == n_loaded
    unload_ipython_extension(notebook.shell)
    assert len(matchers) == n_loaded - 1
    assert "not found" in notebook.run("%hpo").usage_error
    load_ipython_extension(notebook.shell)
    assert "No studies here yet" in notebook.ok("%hpo").text


def test_help_is_shown(notebook: Any) -> None:
    """`%%hpo?` has the options, `%%hpo_test?` what it does."""
    shown = notebook.shell.object_inspect_text("%%hpo", 0)
    assert "--maximize METRIC" in shown
    assert "(bayes|tpe|genetic|random|sobol|grid) [bayes]" in shown
    assert "ledger" in notebook.shell.object_inspect_text("%%hpo_test", 0)


# A search.


def test_a_search_starts_from_the_defaults_and_leaves_a_study(notebook: Any) -> None:
    """The variable is the study; a bare study shows the result."""
    study = run(notebook)
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert study.start.params == {"x": 5.0}
    assert study.start.value == 4.0
    assert [trial.kind for trial in study.trials] == [Kind.START, *[Kind.SEARCH] * 3]
    text = notebook.ok("study").text
    assert "study: minimize loss" in text
    assert "4 of 4 trials done" in text
    assert "<table" in study._repr_html_()


def test_the_bayes_sampler_is_the_usual_one(notebook: Any) -> None:
    """Without `--sampler`, and with all options at their defaults but the number of trials."""
    notebook.ok(f"%%hpo study --minimize -n 12\n{CELL}")
    assert notebook["study"].best_seen < 0.1


def test_text_is_shown_where_there_is_no_browser(notebook: Any) -> None:
    """A plain shell gets a progress line and the result."""
    shown = notebook.ok(f"%%hpo study --minimize loss -n 2\n{CELL}").text
    assert "best seen" in shown
    assert "2 of 2 trials done" in shown


def test_a_direction_against_keras_s_own_is_mentioned(notebook: Any) -> None:
    """It is searched as asked, and said."""
    notebook.ok("%%hpo study --minimize val_accuracy -n 2 --ui none\nhp.Float('x', 0, 1)")
    assert message(notebook["study"]) == (
        "Mind the direction: val_accuracy is better when larger; --maximize val_accuracy?"
    )


def test_the_metric_is_found_in_a_dict_or_a_variable(notebook: Any) -> None:
    """The last expression comes first."""
    study = run(notebook, body="loss = 1\nx = hp.Int(1, 9)\n{'loss': x, 'size': 2 * x}")
    assert (study.start.value, study.start.metrics) == (5.0, {"loss": 5.0, "size": 10.0})
    assert run(notebook, body="loss = hp.Int('x', 1, 9)").start.value == 5.0


def test_two_studies_side_by_side(notebook: Any) -> None:
    """Neither knows of the other; one cell may search what another found."""
    one, two = run(notebook), run(notebook, name="other", body="hp.Int('n', 1, 9)")
    assert (list(one.space), list(two.space)) == (["x"], ["n"])
    third = run(notebook, name="third", body="study.best_seen + hp.Int('n', 1, 9)")
    assert third.start.value == pytest.approx(one.best_seen + 5)
    assert [row[0] for row in notebook.ok("%hpo").value.rows] == ["study", "other", "third"]


def test_a_search_inside_a_function_of_the_user_s(notebook: Any) -> None:
    """`run_cell_magic` works from anywhere, also in a trial of another search."""
    notebook.ok(
        """
        def tuned(low):
            line = f"inner --minimize loss --trials 2 --sampler random --ui none --fresh"
            get_ipython().run_cell_magic("hpo", line, f"hp.Int('n', {low}, 9)")
            return inner.best_seen
        """
    )
    assert notebook.ok("tuned(9)").value == 9.0
    assert run(notebook, body="tuned(8) + hp.Int('m', 1, 9)").start.value >= 8 + 5


def test_two_hundred_trials(notebook: Any) -> None:
    """All are there, each with a number of its own."""
    study = run(notebook, "--trials 200")
    assert [trial.number for trial in study.trials] == list(range(200))
    assert len(notebook.ok("study.to_frame()").value) == 200


# The options.


def test_the_same_seed_gives_the_same_search(notebook: Any) -> None:
    """Another one, another; the start is the start."""
    found = [
        [trial.params["x"] for trial in run(notebook, options, name=name).trials]
        for name, options in (("a", "--seed 5"), ("b", "--seed 5"), ("c", "--seed 6"))
    ]
    assert found[0] == found[1]
    assert found[0][0] == found[2][0]
    assert found[0][1:] != found[2][1:]


def test_time_is_a_budget_of_the_run(notebook: Any) -> None:
    """When it is up, what runs is stopped or was the last."""
    began = time.monotonic()
    study = run(notebook, "--trials 500 --time 0.3s", f"import time\ntime.sleep(0.05)\n{CELL}")
    assert time.monotonic() - began < 5
    assert study.snapshot.ended is Reason.TIME
    assert 1 <= len(study.trials) < 100


def test_storage_is_a_folder_of_its_own(notebook: Any, tmp_path: Path) -> None:
    """A study of the same name in another folder is another study."""
    run(notebook)
    there = run(notebook, "--storage 'my studies' --trials 2")
    assert (tmp_path / "my studies" / "studies.sqlite").is_file()
    assert len(there.trials) == 2
    assert len(run(notebook).trials) == 4


# Several objectives.


NETWORK = """\
units = hp.Int(4, 64, default=16)
n_params = 10 * units
{"error": 1 / units}
"""


def test_several_objectives_are_searched_and_a_point_is_chosen(notebook: Any) -> None:
    """One at the end of the cell, one among its variables; the choice outlives the kernel."""
    first = "%%hpo both --minimize error --minimize n_params --trials 8 --sampler random"
    shown = notebook.ok(f"{first} --ui text --recheck 0\n{NETWORK}").text
    assert "both: minimize error, minimize n_params" in shown
    assert "the balanced point: trial" in shown
    both = notebook["both"]
    assert len(both.front) == len(both.trials) == 8
    smallest = both.front[-1]
    notebook.ok(f"both.choose(n_params={smallest.metrics['n_params']})")
    assert f"units = {smallest.params['units']}\n" in notebook.ok("both.freeze()").value
    notebook.ok("del both")
    assert f"chosen by you: trial {smallest.number}" in notebook.ok("%hpo both").text
    listed = notebook.ok("%hpo").value.rows[0]
    assert "minimize error, minimize n_params" in listed
    assert any(cell.endswith("(of 8 on the front)") for cell in listed)


def test_a_mistake_with_a_study_shows_the_users_lines_alone(
    notebook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No frame of ours: where it was in the cell and in the user's file, and the sentence."""
    run(notebook)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    Path("helper.py").write_text("def narrow(study):\n    study.freeze(form='poem')\n")
    shown = notebook.run("from helper import narrow\nnarrow(study)")
    lines = shown.text.strip().splitlines()
    assert lines[0] == "Cell, line 2: narrow(study)"
    assert lines[1].endswith("helper.py, line 2: study.freeze(form='poem')")
    assert lines[2].startswith("OptionError: ")
    assert len(lines) == 3
