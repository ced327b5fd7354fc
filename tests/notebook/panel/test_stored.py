"""The panel of a study from disk: what it shows, and what is left where there are no widgets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up_searches
import pytest
from made_up_searches import EVIL, a_search, a_search_for_several

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.errors import HpoError
from hpo_magic.notebook.listener import show_stored
from hpo_magic.notebook.panel import static, stored
from hpo_magic.notebook.panel.pages import Words
from hpo_magic.notebook.panel.stored import StoredPanel

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the outputs that are displayed, by MIME type."""
    made: list[dict[str, Any]] = []
    for module in (stored, static):
        monkeypatch.setattr(module, "display", lambda data, **options: made.append(data))
    return made


class Kernel:
    """A kernel with a reader, as JupyterLab's is; or with none, as nbclient's."""

    def __init__(self, has_reader: bool) -> None:
        self._allow_stdin = has_reader
        self.comm_manager = object()


class Shell:
    def __init__(self, has_reader: bool) -> None:
        self.kernel = Kernel(has_reader)


def ended(n: int = 30, **changes: Any) -> Snapshot:
    """Return a study as it is read from disk."""
    return a_search(n, is_running=False, n_trials=None, ended=None, **changes)


def _all(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def test_the_picture_comes_after_the_plots_and_stays_in_the_file(
    outputs: list[dict[str, Any]],
) -> None:
    """Above them is the summary, which needs no kernel; the text has the whole result."""
    show_stored(ended(), Shell(has_reader=True))
    summary, tabs, picture = outputs
    assert "<b>digits</b>" in summary["text/html"]
    assert "<details>" in summary["text/html"]
    assert "14 of 30 trials" in summary["text/plain"]
    assert set(tabs) == {WIDGET, "text/plain"}
    assert tabs["text/plain"] == "The plots of digits, to point at and click: run %hpo digits"
    assert set(picture) == {"text/plain", "image/png"}
    assert picture["text/plain"].startswith("Convergence of val_accuracy")


def test_without_a_complete_trial_a_sentence_follows_the_tabs(
    outputs: list[dict[str, Any]],
) -> None:
    """A picture right after them is hidden: it must not be one that the user shows next."""
    show_stored(ended(0), Shell(has_reader=True))
    assert [set(output) for output in outputs] == [
        {"text/plain", "text/html"},
        {WIDGET, "text/plain"},
        {"text/plain"},
    ]
    assert outputs[2]["text/plain"] == "Convergence: no trial is complete yet."


def test_a_study_is_shown_without_what_takes_a_second_to_load() -> None:
    """scikit-optimize is loaded when importance or dependence is looked at."""
    code = (
        f"import sys; sys.path.append({str(Path(made_up_searches.__file__).parent)!r});"
        "from made_up_searches import a_search;"
        "from hpo_magic.notebook.panel.stored import StoredPanel, _summary_of;"
        "StoredPanel(a_search(30)).plots.described(); _summary_of(a_search(30));"
        "sys.exit('skopt' in sys.modules or 'sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_a_reader_there_is_the_result_that_stays(outputs: list[dict[str, Any]]) -> None:
    """No widget in what nbclient executes."""
    show_stored(ended(), Shell(has_reader=False))
    assert [set(output) for output in outputs] == [
        {"text/plain", "image/png"},
        {"text/plain", "text/html"},
    ]


def test_every_page_is_drawn_when_it_is_seen(outputs: list[dict[str, Any]]) -> None:
    """And not before; nothing of the user's becomes markup."""
    snapshot = ended(notices=(EVIL,), goals=(Goal(EVIL, Direction.MAXIMIZE),))
    panel = StoredPanel(snapshot, has_plots=False)
    panel.show()
    texts = [w for w in _all(panel.widget) if hasattr(w, "value") and isinstance(w.value, str)]
    assert sum(text.value.count("<img ") for text in texts) == 2
    for k, page in enumerate(panel.pages):
        panel.tabs.selected_index = k
        for part in page.parts:
            assert isinstance(part, Words) or not part.is_old(snapshot)
    panel.tabs.selected_index = 2
    for title in panel.pages[2].clickable[0].options:
        panel.pages[2].clickable[0].value = title
    html = "\n".join(text.value for text in texts)
    assert html.count("<img ") == 9
    for words in (
        "Convergence of",
        "Learning curves of",
        "Parallel coordinates of",
        "Importance",
        "Slices of",
        "Partial dependence",
        "Timeline",
        "Best seen",
    ):
        assert f'alt="{words}' in html
    assert "<script" not in html + outputs[0]["text/html"]


def test_the_table_follows_the_choices(outputs: list[dict[str, Any]]) -> None:
    """It sorts and filters as during a search, and shows a failed trial's message."""
    panel = StoredPanel(ended(), has_plots=False)
    panel.show()
    panel.tabs.selected_index = 1
    table = panel.pages[1].parts[0]
    table.state.value, table.trial.value = "failed", 3
    assert "✓" not in table.table.value
    assert "diverged" in table.details.value


def test_there_is_nothing_to_stop(outputs: list[dict[str, Any]]) -> None:
    """No button of a search that does not run."""
    panel = StoredPanel(ended(), has_plots=False)
    assert [type(w).__name__ for w in _all(panel.widget)].count("Button") == 0


def test_narrow_shows_the_cell(outputs: list[dict[str, Any]]) -> None:
    """With what puts it into a new cell; what is wrong is said in its place."""
    panel = StoredPanel(ended(), has_plots=False, narrowed=lambda: f"%%hpo digits\n{EVIL}")
    page = panel.pages[2]
    [_, button] = page.clickable
    button.click()
    said = page.widget.children[1].value
    assert "digits.narrowed()" in said
    assert "<pre>%%hpo digits\n&lt;script&gt;" in said

    def refuse() -> str:
        raise HpoError("Narrower ranges need 20 complete trials.")

    page = StoredPanel(ended(), has_plots=False, narrowed=refuse).pages[2]
    page.clickable[1].click()
    assert "need 20 complete" in page.widget.children[1].value


def test_a_point_of_the_front_is_chosen_by_a_click(monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary above the tabs follows, and so does the page."""
    shown: list[dict[str, Any]] = []

    class Handle:
        def update(self, data: dict[str, Any], **options: Any) -> None:
            shown.append(data)

    def display(data: dict[str, Any], **options: Any) -> Any:
        shown.append(data)
        return Handle() if options.get("display_id") else None

    monkeypatch.setattr(stored, "display", display)
    snapshot = a_search_for_several(30, is_running=False)
    asked: list[int] = []

    def choose(number: int) -> Snapshot:
        asked.append(number)
        return replace(snapshot, chosen=number)

    panel = StoredPanel(snapshot, Kernel(has_reader=True), choose=choose, has_plots=False)
    panel.show()
    assert "the balanced point: trial" in shown[0]["text/plain"]
    panel.tabs.selected_index = 1
    _, points = panel.pages[1].parts
    other = snapshot.history.front[-1].number
    points.point.value = other
    points.take.click()
    assert asked == [other]
    assert f"chosen by you: trial {other}" in shown[-1]["text/html"]
    assert f"Chosen: trial {other}." in points.said.value
