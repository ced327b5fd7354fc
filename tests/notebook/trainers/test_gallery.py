"""The notebook with the smallest useful cell of each training library, executed as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[3] / "notebooks"


@pytest.mark.trainers
@pytest.mark.timeout(900)
def test_each_cell_of_the_gallery_runs() -> None:
    """Without an error, and each search to its end."""
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    notebook = script.execute(NOTEBOOKS / "11_trainers.ipynb", timeout_s=600)
    searches = [c for c in notebook.cells if c.source.startswith("%%hpo ")]
    assert len(searches) == 6
    for cell in searches:
        assert "The search ended: all trials are done." in script.shown(cell)
