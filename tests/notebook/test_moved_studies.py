"""A folder of studies that is missing or was moved: one sentence, and no new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

CELL = (
    "%%hpo s --minimize value --trials 3 --sampler random --ui none --recheck 0\nx=hp.Float(0,1)\nx"
)


@pytest.mark.parametrize(
    "cell", ["%hpo digits", "%%hpo_test digits\n1", "%hpo digits --storage gone"]
)
def test_looking_for_a_study_makes_no_folder(notebook: Any, cell: str) -> None:
    """It is said that there are none."""
    assert "there are no studies in " in notebook.run(cell).usage_error
    assert not Path("hpo_studies").exists()
    assert not Path("gone").exists()


def test_a_list_of_no_studies_makes_no_folder(notebook: Any) -> None:
    """The list is empty."""
    assert "No studies here yet." in notebook.ok("%hpo").text
    assert not Path("hpo_studies").exists()


@pytest.fixture
def moved(notebook: Any) -> Any:
    """Return a notebook whose folder of studies was renamed after the search."""
    notebook.ok(CELL)
    Path("hpo_studies").rename("moved")
    return notebook


@pytest.mark.parametrize(
    "call", ["s.best_params", "s.to_frame()", "s.best_seen", "len(s.trials)", "s"]
)
def test_what_the_study_holds_is_still_there(moved: Any, call: str) -> None:
    """It is in memory."""
    moved.ok(call)


@pytest.mark.parametrize("call", ["s.enqueue(x=0.5)", "s.test", "s.refresh()"])
def test_what_needs_the_file_says_where_it_was(moved: Any, call: str) -> None:
    """In one sentence, with no frame of ours or of the standard library."""
    shown = moved.run(call)
    assert "was deleted, moved or replaced while it was in use" in str(shown.error)
    assert "--storage FOLDER" in str(shown.error)
    assert "contextlib" not in shown.text


@pytest.mark.parametrize("cell", ["%hpo s", "%%hpo_test s\n0.5"])
def test_a_magic_without_the_new_folder_says_so(moved: Any, cell: str) -> None:
    """And makes none."""
    assert "was deleted, moved or replaced" in moved.run(cell).usage_error
    assert not Path("hpo_studies").exists()


def test_a_moved_folder_is_opened_where_it_is(moved: Any) -> None:
    """The variable holds the study from there afterwards."""
    moved.ok("%hpo s --storage moved")
    moved.ok("s.enqueue(x=0.5)")
    moved.ok("%%hpo_test s --storage moved\n0.5")
    assert moved["s"].test.value == 0.5
    assert not Path("hpo_studies").exists()


def test_the_cell_run_again_begins_anew_and_the_old_one_stays(moved: Any) -> None:
    """Nothing is lost."""
    moved.ok(CELL)
    assert len(moved["s"].trials) == 3
    moved.ok("%hpo s --storage moved")
    assert len(moved["s"].trials) == 3
