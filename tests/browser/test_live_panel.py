"""The live panel in JupyterLab and in Notebook: clicks during a training, and what stays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from lab import Notebook, notebook_file
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SEARCH = """%%hpo toy --maximize val_accuracy --trials 100 --sampler random --fresh
import time
layers = hp.Int(1, 3, default=1)
act = hp.Choice(["relu", "<img src=x onerror=window.hacked=1>"])
lr = hp.Float(1e-4, 1e-1, sampling="log", default=1e-3)
for epoch in range(1, 11):
    time.sleep(0.1)
    hp.report(epoch, val_accuracy=(1 - lr) * epoch / 10)
(1 - lr)
"""

BELOW = "print('below', toy.best_seen, [trial.kind.value for trial in toy.trials])"


@pytest.fixture
def search(
    browser: Browser, server: tuple[str, str, Path], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """Return what opens a notebook with a search in its second cell, and starts it."""
    app, address, folder = server
    made: list[Notebook] = []

    def start(width: int = 1000, search: str = SEARCH) -> Notebook:
        name = f"{request.node.originalname}.ipynb"
        notebook_file(folder / name, "%load_ext hpo_magic", search, BELOW)
        notebook = Notebook(browser, address, name, app, width)
        made.append(notebook)
        notebook.run_all()
        notebook.wait_for_text("trials done")
        notebook.wait_for_text("Trial 1")
        return notebook

    yield start
    for notebook in made:
        notebook.close()


def epoch(notebook: Notebook) -> str:
    """Return the epoch that the panel shows."""
    return notebook.output(1).split("epoch ")[1].split(",")[0]


def test_buttons_work_while_the_cell_runs(search: Callable[..., Notebook]) -> None:
    """Pause holds the trial, resume goes on, skip ends it, stop ends the search; all at once."""
    notebook = search()
    notebook.wait_for_text(", epoch 3")
    notebook.click("Pause")
    notebook.wait_for_text("Paused")
    notebook.page.wait_for_timeout(1000)  # the epoch that was under way may end
    held = epoch(notebook)
    notebook.page.wait_for_timeout(2000)
    assert epoch(notebook) == held
    at = notebook.click("Resume")
    assert notebook.wait_for_text("Going on") - at < 2
    notebook.click("Skip trial")
    notebook.wait_for_text("was ended")
    at = notebook.click("Stop")
    assert notebook.wait_for_text("The search ended: stopped") - at < 5
    notebook.wait_until_done()
    assert "below" in notebook.output(2)


def test_a_setting_is_queued_with_one_click(search: Callable[..., Notebook]) -> None:
    """The form has the best setting, and the queued trial is the next one."""
    notebook = search()
    notebook.choose_tab("Try next")
    notebook.click("Try next")
    notebook.wait_for_text("Queued: layers=")
    notebook.click("Skip trial")  # so that the next one begins
    notebook.wait_for_text("was ended")
    notebook.click("Stop")
    notebook.wait_until_done()
    assert "enqueued" in notebook.output(2)


def test_every_tab_fills_itself(search: Callable[..., Notebook]) -> None:
    """A page is drawn when it is chosen, while the cell runs; nothing of the user's is run."""
    notebook = search()
    for tab, text in (("Trials", "★ the best seen"), ("Log", "trial 0 val_accuracy")):
        notebook.choose_tab(tab)
        notebook.wait_for_text(text)
    notebook.choose_tab("Compare")
    notebook.page.locator("img[alt^='Parallel coordinates of']").wait_for()
    assert notebook.page.evaluate("window.hacked") is None
    notebook.click("Stop")
    notebook.wait_until_done()


def test_the_stop_square_ends_the_search(search: Callable[..., Notebook]) -> None:
    """The kernel's interrupt: the result stands, no traceback, the cell below runs."""
    notebook = search()
    notebook.interrupt()
    notebook.wait_for_text("The search ended: stopped")
    notebook.wait_until_done()
    assert "Traceback" not in notebook.output(1)
    assert "below" in notebook.output(2)


def test_the_result_is_read_without_a_kernel(
    search: Callable[..., Notebook], browser: Browser, server: tuple[str, str, Path]
) -> None:
    """Saved and opened again the table and the picture are there, and no widget."""
    app, address, folder = server
    notebook = search()
    notebook.click("Stop")
    notebook.wait_until_done()
    notebook.save()
    again = Notebook(browser, address, Path(notebook.page.url).name, app, has_kernel=False)
    again.wait_for_text("best seen")
    assert "optimistic" in again.output(1)
    assert again.count("img") == 1
    assert "Error displaying widget" not in again.output(1)
    again.close()
    saved = folder / Path(notebook.page.url).name
    assert saved.stat().st_size < 300_000
    outputs = nbformat.read(saved, 4).cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" not in str(outputs)


@pytest.mark.parametrize("width", [1000, 400])
def test_nothing_sticks_out(search: Callable[..., Notebook], width: int) -> None:
    """On a wide and on a narrow page the panel fits; with $SHOTS its picture is kept."""
    notebook = search(width)
    panel = notebook.page.locator(".hpo-panel").first
    notebook.page.locator("img[alt^='Convergence']").wait_for()
    assert panel.evaluate("box => box.scrollWidth <= box.clientWidth + 1")
    if "SHOTS" in os.environ:
        notebook.shot(Path(os.environ["SHOTS"]) / f"panel-{width}.png")
    notebook.click("Stop")
    notebook.wait_until_done()
