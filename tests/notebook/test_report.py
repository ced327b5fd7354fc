"""`%hpo --report`: what a bug report needs, and nothing of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hpo_magic.notebook.report import report, write_report

SECRET_CELL = """\
%%hpo secretstudy --minimize secretmetric --trials 2 --sampler random --storage secretfolder
secretparameter = hp.Float(0.123456, 0.654321)
print("secretoutput")
if secretparameter == 0.5:
    raise ValueError("secretmessage")
{"secretmetric": secretparameter}
"""


@pytest.fixture
def text(notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the report that is written after a search, as the file has it."""
    monkeypatch.chdir(tmp_path)
    notebook.ok("%load_ext hpo_magic")
    notebook.ok(SECRET_CELL)
    said = notebook.ok("%hpo --report").text
    path = tmp_path / "hpo_report.txt"
    assert str(path) in said
    return path.read_text()


def test_versions_frontend_options_and_events_are_in_it(text: str) -> None:
    """One part for each."""
    for part in ("Python 3.", "hpo_magic 0.", "ipywidgets ", "keras ", "clicks: none: they wait"):
        assert part in text
    assert "Search with goals given, trials=2, sampler=random, storage given" in text
    assert "Completed of trial 1" in text


def test_nothing_of_the_user_s_is_in_it(text: str, tmp_path: Path) -> None:
    """No name, no value, no output, no message, no path."""
    assert "secret" not in text
    assert "0.123456" not in text
    assert str(tmp_path) not in text


def test_a_report_takes_the_place_of_none(notebook: Any, tmp_path: Path) -> None:
    """The second file has another name."""
    first, second = (write_report(notebook.shell, tmp_path) for _ in range(2))
    assert (first.name, second.name) == ("hpo_report.txt", "hpo_report_2.txt")
    assert first.read_text() == second.read_text()


def test_the_way_of_clicks_is_told(notebook: Any) -> None:
    """A shell without a kernel has none."""
    assert "clicks: none" in report(notebook.shell)
