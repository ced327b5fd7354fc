"""A search goes on: in the same notebook, in a new kernel, and after trouble."""

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
from short_searches import CELL, message, run

from hpo_magic.core.events import Reason
from hpo_magic.core.trial import Kind, State

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
        f"What the cell reads changed ({name}): a new revision (2); the old ones stay."
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
    before = signal.getsignal(signal.SIGINT)  # a program in the background ignores it
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
    assert signal.getsignal(signal.SIGINT) is before


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


def test_a_file_that_changed_is_told(notebook: Any) -> None:
    """One that the cell reads by name; what the cell itself writes is no news."""
    Path("rows.txt").write_text("3")
    cell = (
        "with open('rows.txt') as f: n = int(f.read())\n"
        "with open('out.txt', 'w') as f: f.write('x')\nloss = hp.Int(1, 9) * n"
    )
    notebook.ok(f"%%hpo s --minimize loss --trials 2 --ui none\n{cell}")
    again = f"%%hpo s --minimize loss --trials 3 --ui none\n{cell}"
    notebook.ok(again)
    assert "since the last trial" not in message(notebook["s"])
    ahead = time.time() + 60
    os.utime("rows.txt", (ahead, ahead))
    os.utime("out.txt", (ahead, ahead))
    notebook.ok(again.replace("3 --ui", "4 --ui"))
    assert ". rows.txt changed since the last trial" in message(notebook["s"])
