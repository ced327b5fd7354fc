"""The live panel in JupyterLab and in Notebook: clicks during a training, and what stays."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from lab import Notebook, notebook_file, shut_down_kernels
from playwright.sync_api import Browser

from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.storage.sqlite import SqliteStorage

pytestmark = pytest.mark.browser

LOAD = "%load_ext hpo_magic"

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

# The start is short, all other settings train until they are stopped.
KERAS_LOAD = f"{LOAD}\nimport keras, numpy as np\nx = np.ones((64, 3)); y = x[:, :1]"
KERAS_SEARCH = """%%hpo net --minimize val_loss --trials 100 --sampler random --fresh --recheck 0
units = hp.Int(1, 1000, default=4)
model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(1e-6), "mse")
epochs = 3 if units == 4 else 10_000
model.fit(x, y, batch_size=8, epochs=epochs, validation_split=0.5)
"""


@pytest.fixture
def search(
    browser: Browser, server: tuple[str, str, Path], request: pytest.FixtureRequest
) -> Iterator[Callable[..., Notebook]]:
    """Return what opens a notebook with a search in its second cell, and starts it."""
    app, address, folder = server
    made: list[Notebook] = []

    def start(load: str = LOAD, search: str = SEARCH, below: str = BELOW) -> Notebook:
        name = f"{request.node.originalname}.ipynb"
        notebook_file(folder / name, load, search, below)
        notebook = Notebook(browser, address, name, app)
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
    return notebook.output(1).split("epoch ")[1].split()[0]


def stored(folder: Path, study: str) -> list[Trial]:
    """Return the trials on disk."""
    with closing(SqliteStorage(folder / "hpo_studies")) as storage:
        return storage.trials(storage.revisions(study)[-1].id)


def test_a_keras_search_is_steered(
    search: Callable[..., Notebook], server: tuple[str, str, Path]
) -> None:
    """Pause holds a training, resume goes on, skip ends it, "Try next" is next, stop ends all.

    The last two after the page was reloaded, in the middle of the cell.
    """
    notebook = search(KERAS_LOAD, KERAS_SEARCH, "")
    notebook.wait_for_text("of 10,000")  # whichever epoch: they are short
    took_s = {}
    at = notebook.click("Pause")
    took_s["pause"] = notebook.wait_for_text("Paused") - at
    notebook.page.wait_for_timeout(1000)  # the epoch that was under way may end
    held = epoch(notebook)
    notebook.page.wait_for_timeout(1500)
    assert epoch(notebook) == held
    at = notebook.click("Resume")
    took_s["resume"] = notebook.wait_for_text("Going on") - at
    notebook.wait_for_text(f"epoch {int(held) + 20}")
    notebook.choose_tab("Try next")
    notebook.click("Try next")
    notebook.wait_for_text("Queued: units=4")
    at = notebook.click("Skip trial")
    took_s["skip"] = notebook.wait_for_text("Trial 1 was ended") - at
    notebook.choose_tab("Plots")
    notebook.wait_for_text("Trial 3")  # the queued one, trial 2, is short
    notebook.save()
    began = time.monotonic()
    notebook.open()
    print(f"panel {notebook.wait_for_text('▶ Trial 3') - began:.1f} s after the reload began")
    at = notebook.click("Stop")
    took_s["stop"] = notebook.wait_for_text("The search ended: stopped") - at
    print("effect after", {name: f"{1000 * s:.0f} ms" for name, s in took_s.items()})
    assert max(took_s.values()) < 5
    assert notebook.count("img") == 1
    trials = stored(server[2], "net")
    assert [(t.kind, t.state) for t in trials] == [
        (Kind.START, State.COMPLETE),
        (Kind.SEARCH, State.SKIPPED),
        (Kind.ENQUEUED, State.COMPLETE),
        (Kind.SEARCH, State.STOPPED),
    ]


def test_every_tab_fills_itself_and_fits(search: Callable[..., Notebook]) -> None:
    """A page is drawn when it is chosen, while the cell runs; nothing of the user's is run.

    On a wide and on a narrow page nothing sticks out; with $SHOTS its pictures are kept.
    """
    notebook = search()
    notebook.page.locator("canvas[aria-label^='Convergence of']").wait_for()
    notebook.page.locator(".hpo-plots summary", has_text="Table of trials").click()
    notebook.wait_for_text("★ the best seen")
    notebook.choose_tab("Log")
    notebook.wait_for_text("trial 0 val_accuracy")
    notebook.choose_tab("More")
    notebook.page.locator("img[alt^='Partial dependence']").wait_for()
    assert notebook.page.evaluate("window.hacked") is None
    panel = notebook.page.locator(".hpo-panel").first
    for width in (1000, 400):
        notebook.page.set_viewport_size({"width": width, "height": 1400})
        for tab in ("Plots", "More", "Try next", "Log"):
            notebook.choose_tab(tab)
            notebook.page.wait_for_timeout(200)
            assert panel.evaluate("box => box.scrollWidth <= box.clientWidth + 1"), tab
            if "SHOTS" in os.environ:
                notebook.shot(Path(os.environ["SHOTS"]) / f"{tab}-{width}.png")
    notebook.click("Stop")
    notebook.wait_until_done()


def test_two_workers_are_seen_side_by_side(search: Callable[..., Notebook]) -> None:
    """Both trials in training, each with its curve; a click reaches their processes."""
    long = SEARCH.replace("range(1, 11)", "range(1, 11 if lr == 1e-3 else 10_000)")
    notebook = search(LOAD, long.replace("--fresh", "--fresh --jobs 2"))
    running = notebook.page.locator(".hpo-now > div")
    running.nth(1).wait_for()
    notebook.click("Stop")
    notebook.wait_for_text("The search ended: stopped")
    notebook.wait_until_done()
    assert "below" in notebook.output(2)


def test_the_stop_square_ends_the_search(search: Callable[..., Notebook]) -> None:
    """The kernel's interrupt: the result stands, no traceback, the cell below runs."""
    notebook = search()
    notebook.interrupt()
    notebook.wait_for_text("The search ended: stopped")
    notebook.wait_until_done()
    assert "Traceback" not in notebook.output(1)
    assert "below" in notebook.output(2)


def test_the_result_is_read_without_its_kernel(
    search: Callable[..., Notebook], browser: Browser, server: tuple[str, str, Path]
) -> None:
    """Saved, closed and opened again summary, picture and table are there, and no widget.

    In another kernel `%hpo NAME` has the tabs again, from disk, with nothing to stop.
    """
    app, address, folder = server
    notebook = search()
    notebook.click("Stop")
    notebook.wait_until_done()
    notebook.save()
    saved = folder / Path(notebook.page.url).name
    shut_down_kernels(address)
    notebook.page.goto("about:blank")
    again = Notebook(browser, address, saved.name, app, has_kernel=False)
    again.wait_for_text("best seen")
    assert re.search("biased upwards|the only complete trial", again.output(1))
    assert "▶" not in again.output(1)
    assert again.count("img") == 1
    assert again.count("caption") == 1
    assert "Error displaying widget" not in again.output(1)
    again.close()
    assert saved.stat().st_size < 300_000
    outputs = nbformat.read(saved, 4).cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" not in str(outputs)

    notebook_file(folder / "later.ipynb", f"{LOAD}\n%hpo toy")
    later = Notebook(browser, address, "later.ipynb", app)
    later.run_all()
    later.page.locator("canvas[aria-label^='Learning curves of']").wait_for()
    assert "best seen in trial" in later.output(0)
    for steering in ("Stop", "Pause", "Skip trial"):
        assert later.count(f"button.jupyter-button:has-text('{steering}')") == 0
    later.choose_tab("More")
    assert later.count("button.jupyter-button:has-text('Narrow')") == 1
    later.close()
