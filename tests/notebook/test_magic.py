"""The magics in a real shell: a search, its options, and going on with it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hpo_magic
from hpo_magic.core.events import Reason
from hpo_magic.core.trial import Kind, State
from hpo_magic.notebook import completion
from hpo_magic.notebook.magic import load_ipython_extension, unload_ipython_extension
from hpo_magic.views.words.notices import messages

CELL = "x = hp.Float(0.0, 10.0, default=5.0)\n(x - 3) ** 2"


def run(notebook: Any, options: str = "", body: str = CELL, name: str = "study") -> Any:
    """Run a cell to its end, on the random sampler for speed; return the study."""
    first = f"%%hpo {name} --minimize loss --trials 4 --sampler random --ui none {options}"
    notebook.ok(f"{first}\n{body}")
    return notebook[name]


def message(study: Any) -> str:
    """Return the one sentence that the run of the search had to say."""
    (sentence,) = messages(study.snapshot)
    return str(sentence)


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


# Going on.


def test_nothing_changed_and_nothing_missing(notebook: Any) -> None:
    """Nothing runs, and the sentence says how to get more."""
    before = run(notebook).trials
    study = run(notebook)
    assert study.trials == before
    assert message(study) == (
        "No trial is left to run: 4 of 4 trials are done. For more: --trials 6, or start over with "
        "--fresh."
    )


def test_more_trials_go_on_where_it_was(notebook: Any) -> None:
    """Comments and spaces change nothing; two runs make the same search as one."""
    run(notebook)
    study = run(notebook, "--trials 7 --recheck 0", f"# more\n\n{CELL}  # of it")
    assert message(study) == "Continues: 4 of 7 trials are done."
    at_once = run(notebook, "--trials 7 --recheck 0", name="other")
    assert [t.params for t in study.trials] == [t.params for t in at_once.trials]


def test_other_ranges_keep_the_trials_that_fit(notebook: Any) -> None:
    """The start runs again, the others are set aside, not lost."""
    before = run(notebook, "--trials 8 --recheck 0").trials
    fitting = [t for t in before if t.params["x"] >= 4]
    study = run(notebook, "--trials 9 --recheck 0", CELL.replace("0.0, 10.0", "4.0, 10.0"))
    assert message(study).startswith("The ranges changed: the start runs again, then")
    assert [t for t in study.trials if t.number < 8] == fitting
    numbers = {t.number for t in (*study.trials, *study.set_aside)}
    assert numbers >= {t.number for t in before}
    assert len(study.trials) == 9
    assert study.trials[len(fitting)].kind is Kind.START
    assert "set aside" in repr(study)


def test_other_code_is_a_new_revision(notebook: Any) -> None:
    """The old one stays on disk."""
    run(notebook)
    study = run(notebook, body=CELL.replace("3", "4"))
    assert message(study) == "The code changed: a new revision (2); the old ones stay."
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert [len(study.storage.trials(r.id)) for r in study.storage.revisions("study")] == [4, 4]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("offset = 1", "offset = 2"),
        ("import numpy as np\noffset = np.ones(9)", "offset[3] = 0"),
        ("def offset(): return 1", "def offset(): return 2"),
        ("base = 1\ndef offset(): return base", "base = 2"),
    ],
)
def test_other_data_is_a_new_revision(notebook: Any, before: str, after: str) -> None:
    """Arrays, numbers, functions of the notebook, and what these read."""
    notebook.ok(before)
    body = f"{CELL}\nused = offset\nx"
    run(notebook, body=body)
    assert message(run(notebook, body=body)).startswith("No trial is left to run")
    notebook.ok(after)
    name = "base" if after.startswith("base") else "offset"
    assert message(run(notebook, body=body)) == (
        f"The data that the cell reads changed ({name}): a new revision (2); the old ones stay."
    )


def test_fresh_starts_over(notebook: Any) -> None:
    """A new revision, though nothing changed."""
    run(notebook)
    text = message(run(notebook, "--fresh"))
    assert text.startswith("Started over (--fresh): a new revision (2)")


def test_an_enqueued_setting_is_tried_first(notebook: Any) -> None:
    """When the search goes on; the sampler chooses what is left out."""
    run(notebook)
    notebook.ok("study.enqueue(x=7)")
    assert message(run(notebook)) == (
        "No trial is left to run: 4 of 4 trials are done, and 1 enqueued setting can wait. For "
        "more: --trials 5, or start over with --fresh."
    )
    study = run(notebook, "--trials 6")
    assert [t.kind for t in study.trials[4:]] == [Kind.ENQUEUED, Kind.SEARCH]
    assert study.trials[4].params == {"x": 7.0}


def test_the_frozen_cell_is_put_below_and_runs(notebook: Any) -> None:
    """With its comments, without hpo_magic, and to the value of the best trial."""
    study = run(
        notebook,
        body="x = hp.Float(0.0, 10.0)  # wide\n!true\n"
        "y = [hp.Int(1, 3) for _ in range(2)]\nx + sum(y)",
    )
    frozen = notebook.ok("study.freeze()").value
    assert notebook.shell.rl_next_input == frozen
    assert "  # wide\n!true\n" in frozen
    notebook.ok("del hp")
    assert notebook.ok(frozen).value == study.best_seen


# After the kernel is gone.


def test_a_study_is_shown_again_in_a_new_kernel(new_notebook: Callable[[], Any]) -> None:
    """`%hpo` lists it, `%hpo NAME` shows it from disk and assigns it; the search goes on."""
    before = run(new_notebook())
    notebook = new_notebook()
    listed = notebook.ok("%hpo").text
    assert "minimize loss" in listed
    shown = notebook.ok("%hpo study").text
    assert f"best seen in trial {before.best_trial.number}" in shown
    assert notebook["study"].trials == before.trials
    assert len(run(notebook, "--trials 6").trials) == 6


def test_a_study_may_be_re_attached_over_another_variable_of_its_name(notebook: Any) -> None:
    """`%hpo NAME` asks for exactly that; the study is found on disk."""
    run(notebook)
    notebook.ok("study = 3\n%hpo study")
    assert len(notebook["study"].trials) == 4


def test_a_study_of_another_folder_is_found_there(new_notebook: Callable[[], Any]) -> None:
    """`--storage` works for the list, for showing, and for the test, also over a namesake."""
    before = run(new_notebook(), "--storage 'other place'")
    notebook = new_notebook()
    assert "No studies here yet" in notebook.ok("%hpo").text
    listed = notebook.ok("%hpo --storage 'other place'").value
    assert [row[0] for row in listed.rows] == ["study"]
    assert "4 trials done" in notebook.ok("%hpo study --storage 'other place'").text
    run(notebook, "--trials 2")  # the namesake, in the usual folder
    assert "2 trials done" in notebook.ok("%hpo study").text
    notebook.ok("%%hpo_test study --storage 'other place'\nx")
    assert notebook["study"].trials == before.trials
    assert "4 trials done" in notebook.ok("%hpo study --storage 'other place'").text


def test_looking_into_a_folder_does_not_make_it(notebook: Any, tmp_path: Path) -> None:
    """A slip in the path leaves nothing behind."""
    notebook.run("%hpo --storage nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_study_is_shown_while_it_runs(new_notebook: Callable[[], Any]) -> None:
    """From another kernel: what is on disk, and which trial is in training there."""
    run(new_notebook())
    shown = new_notebook().ok(
        "from hpo_magic.storage.sqlite import SqliteStorage\n"
        "from hpo_magic.core.trial import State, Trial\n"
        "storage = SqliteStorage('hpo_studies')\n"
        "record = storage.revisions('study')[-1]\n"
        "trial = Trial(storage.claim(record.id), State.RUNNING, {'x': 1.0})\n"
        "storage.save_trial(record.id, trial)\n"
        "%hpo study"
    )
    assert "4 trials done" in shown.text
    assert "Trial 4 is in training now, in another cell or kernel" in shown.text


def test_the_newest_revision_is_shown(new_notebook: Callable[[], Any]) -> None:
    """Another kernel began one; the variable here is of the one before."""
    first = new_notebook()
    before = run(first)
    run(new_notebook(), "--fresh --trials 2")
    again = new_notebook()
    again.shell.user_ns["study"] = before
    assert "2 trials done" in again.ok("%hpo study").text
    assert again["study"].record.revision == 2


# Trouble.


NOW = "open('now', 'w').close()"


@pytest.fixture
def interrupted(notebook: Any) -> Callable[[], None]:
    """Return what presses the stop button soon after the cell has written the file `now`."""

    def press() -> None:
        while not Path("now").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    return threading.Thread(target=press, daemon=True).start


@pytest.mark.parametrize("wait", ["time.sleep(0.1)", "time.sleep(60) if x != 5.0 else 0"])
def test_an_interrupt_ends_the_search_not_the_kernel(
    notebook: Any, interrupted: Callable[[], None], wait: str
) -> None:
    """The result stands, NAME is assigned, nothing is shown; later cells run."""
    run(notebook, name="warm")  # what is imported is there
    interrupted()
    began = time.monotonic()
    shown = notebook.ok(
        "%%hpo study --minimize loss --sampler random --trials 500 --ui none\n"
        f"import time\n{CELL}\n{NOW} if x != 5.0 else 0\n{wait}\nx"
    )
    assert time.monotonic() - began < 40
    assert shown.text == ""
    study = notebook["study"]
    assert study.snapshot.ended is Reason.STOPPED
    assert study.start.state is State.COMPLETE
    assert {t.state for t in study.trials} <= {State.COMPLETE, State.STOPPED}
    assert notebook.ok("study.best_seen").value <= 5.0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_before_the_first_value(
    notebook: Any, interrupted: Callable[[], None]
) -> None:
    """There is a study all the same, and it goes on."""
    run(notebook, name="warm")
    body = f"import os, time\n{NOW}\ntime.sleep(0 if os.path.exists('go') else 60)\n{CELL}"
    interrupted()
    assert [t.state for t in run(notebook, body=body).trials] == [State.STOPPED]
    Path("go").touch()
    study = run(notebook, body=body)
    assert [t.state for t in study.trials] == [State.STOPPED, *[State.COMPLETE] * 4]
    assert study.start.state is State.COMPLETE


def test_a_study_file_that_is_deleted_in_mid_search(notebook: Any) -> None:
    """The search goes on in memory and says so; running it again begins a new file."""
    body = (
        f"import shutil\n{CELL}\nif x != 5.0: shutil.rmtree('hpo_studies', ignore_errors=True)\nx"
    )
    study = run(notebook, body=body)
    assert [t.state for t in study.trials] == [State.COMPLETE] * 4
    assert "was deleted, moved or replaced while it was in use" in message(study)
    assert "4 of 4 trials done" in notebook.ok("%hpo study").text
    again = run(notebook, body=f"{CELL}\nx")
    assert [t.number for t in again.trials] == [0, 1, 2, 3]


def test_a_folder_that_is_gone_between_two_cells(notebook: Any) -> None:
    """One sentence, no traceback."""
    run(notebook)
    shutil.rmtree("hpo_studies")
    assert "was deleted, moved or replaced" in notebook.run("%hpo study").usage_error
    assert len(run(notebook).trials) == 4


def test_what_a_disk_did_not_take_is_stored_by_the_next_run(notebook: Any) -> None:
    """Unless that is in another folder: there the numbers mean other trials."""
    run(notebook)
    study = notebook["study"]
    lost = study.trials[3]
    study.unsaved[3] = lost
    run(notebook, "--storage elsewhere --trials 2")
    assert study.unsaved == {3: lost}
    notebook.shell.user_ns["study"] = study
    run(notebook, "--trials 5")
    assert study.unsaved == {}


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
