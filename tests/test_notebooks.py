"""The notebooks that are shipped, executed as a reader would, with fewer trials."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
N_TRIALS = 6


def execution() -> ModuleType:
    """Return the script that executes notebooks."""
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def cell_with(notebook: nbformat.NotebookNode, text: str) -> nbformat.NotebookNode:
    """Return the code cell that has a text in its source."""
    (found,) = [cell for cell in code(notebook) if text in cell.source]
    return found


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_saved_executed(path: Path) -> None:
    """It reads well where there is no kernel: in order, without errors, live widgets or paths."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    counts = [cell.execution_count for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    outputs = [output for cell in code(notebook) for output in cell.outputs]
    assert "error" not in {output.output_type for output in outputs}
    text = path.read_text(encoding="utf-8")
    assert "application/vnd.jupyter.widget" not in text
    assert not re.search(r"/(root|home|Users|tmp|work)/", text)


@pytest.mark.slow
def test_the_quickstart_tells_its_story(tmp_path: Path) -> None:
    """A study with its three numbers, a frozen cell that stands alone, a test value, a table."""
    path = tmp_path / "quickstart.ipynb"
    text = (NOTEBOOKS / "01_quickstart.ipynb").read_text(encoding="utf-8")
    assert text.count("--trials 30") == 1
    path.write_text(text.replace("--trials 30", f"--trials {N_TRIALS}"), encoding="utf-8")
    script = execution()
    notebook = script.execute(path, timeout_s=280)
    shown = script.shown

    search = shown(cell_with(notebook, "%%hpo digits"))
    assert f"{N_TRIALS} of {N_TRIALS} trials done" in search
    numbers = {
        label: float(value)
        for label, value in re.findall(r"^ +(start|best seen) +(0\.\d+)", search, re.MULTILINE)
    }
    assert 0.5 < numbers["start"] <= numbers["best seen"] <= 1
    assert re.search(r"^ +test +not measured", search, re.MULTILINE)

    frozen = shown(cell_with(notebook, "digits.freeze()"))
    assert "model.fit(" in frozen
    assert "hp." not in frozen
    compile(frozen, "frozen", "exec")

    test = shown(cell_with(notebook, "%%hpo_test digits"))
    value = re.match(r"test (0\.\d+) · accuracy of trial \d+ of digits on 450 rows", test)
    assert value is not None
    assert 0.5 < float(value[1]) <= 1
    assert "look 1" in test
    assert "complete" in shown(cell_with(notebook, "digits.to_frame()"))


@pytest.mark.slow
def test_scikit_learn_is_searched_and_pruned() -> None:
    """A cross-validation gets its honest number; of the passes of `partial_fit` some are saved."""
    script = execution()
    notebook = script.execute(NOTEBOOKS / "03_scikit_learn.ipynb", timeout_s=280)
    search = script.shown(cell_with(notebook, "%%hpo tumours"))
    assert re.search(r"^ +honest +0\.\d+", search, re.MULTILINE)
    test = script.shown(cell_with(notebook, "%%hpo_test tumours"))
    assert float(re.search(r"test (0\.\d+|1)", test)[1]) > 0.8  # type: ignore[index]
    saved = script.shown(cell_with(notebook, "n_epochs ="))
    found = re.search(r"(\d+) of 25 trainings were pruned.\n(\d+) epochs instead of 1000", saved)
    assert found is not None
    assert int(found[1]) >= 1
    assert int(found[2]) < 1000


@pytest.mark.slow
def test_a_loop_in_pytorch_is_searched(tmp_path: Path) -> None:
    """Its curve is live, and the frozen cell stands alone."""
    path = tmp_path / "pytorch.ipynb"
    text = (NOTEBOOKS / "04_pytorch.ipynb").read_text(encoding="utf-8")
    path.write_text(text.replace("--trials 25", "--trials 4"), "utf-8")
    script = execution()
    notebook = script.execute(path, timeout_s=280)
    assert "4 of 4 trials done" in script.shown(cell_with(notebook, "%%hpo torch_digits"))
    told = script.shown(cell_with(notebook, "n_epochs ="))
    numbers = re.search(r"start (0\.\d+|\d\.\d+), best seen (0\.\d+)", told)
    assert numbers is not None
    assert float(numbers[2]) <= float(numbers[1])
    frozen = script.shown(cell_with(notebook, "torch_digits.freeze()"))
    assert "loss_of(" in frozen
    assert "hp." not in frozen
    compile(frozen, "frozen", "exec")
