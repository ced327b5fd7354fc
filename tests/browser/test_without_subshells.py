"""JupyterLab that uses no subshells, as its settings allow: a click is sent to the busy cell."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Notebook, notebook_file, served
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SETTINGS = {"@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"}}
# The start is short, all other settings train until they are stopped.
SEARCH = """%%hpo toy --minimize loss --trials 100 --sampler random --fresh --recheck 0
import time
x = hp.Float(0.0, 1.0, default=0.5)
for epoch in range(1, 3 if x == 0.5 else 100_000):
    time.sleep(0.05)
    hp.report(epoch, loss=x)
"""
SUBSHELLS = """from hpo_magic.notebook.panel.clicks import way_of_clicks
print(way_of_clicks(get_ipython().kernel))"""


def test_a_click_ends_a_search_in_jupyterlab_without_subshells(
    browser: Browser, tmp_path: Path
) -> None:
    """The panel is shown, *Stop* takes effect in mid-search, and the only subshell is ours."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook_file(folder / "toy.ipynb", "%load_ext hpo_magic", SEARCH, SUBSHELLS)
    with served(folder, settings=SETTINGS) as address:
        notebook = Notebook(browser, address, "toy.ipynb")
        notebook.run_all()
        notebook.wait_for_text("Trial 1")
        began = notebook.click("Stop")
        ended = notebook.wait_for_text("The search ended: stopped")
        notebook.wait_for_text("1 open, one of ours")
        print(f"stopped {ended - began:.2f} s after the click")
        notebook.shot(tmp_path / "shot.png")
        notebook.close()
