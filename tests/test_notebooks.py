"""The notebooks that are shipped, executed as a reader would, with fewer trials."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from hpo_magic.study.study import Study

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


def shortened(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """Return a copy of a notebook with fewer trials; what is to be changed must be there once."""
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


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


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_pictures_of_a_notebook_have_a_text(path: Path) -> None:
    """What a picture shows is said for those who cannot see it."""
    notebook = nbformat.read(path, as_version=4)
    for output in (output for cell in code(notebook) for output in cell.outputs):
        if "image/png" in output.get("data", {}):
            assert len(output.metadata["image/png"]["alt"]) > 40


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_says_what_it_is_for(path: Path) -> None:
    """At its beginning what one can do afterwards, and how long it runs; at its end what to try."""
    cells = nbformat.read(path, as_version=4).cells
    assert re.search(r"Afterwards you can .*\bIt runs (for|in) ", cells[0].source, re.DOTALL)
    assert cells[-1].source.startswith("## What to try\n\n")


@pytest.mark.slow
def test_the_algorithms_are_compared_with_chance(tmp_path: Path) -> None:
    """A plot, a verdict computed for each, and a grid that says its size before its trials."""
    fewer = ("N_SEEDS = 8", "N_SEEDS = 2"), ("N_TRIALS = 40", "N_TRIALS = 6")
    path = shortened(tmp_path, "02_algorithms.ipynb", *fewer)
    script = execution()
    notebook = script.execute(path, timeout_s=240)
    shown = script.shown

    plot = cell_with(notebook, "plt.subplots")
    assert any("image/png" in output.get("data", {}) for output in plot.outputs)
    told = shown(cell_with(notebook, "def verdict")).splitlines()
    for sampler in ("bayes", "tpe", "genetic", "sobol"):
        lines = [line for line in told if line.strip().startswith(sampler)]
        assert len(lines) == 2
        for line in lines:
            interval = re.search(r"\[([-+.\d]+), ([-+.\d]+)\]", line)
            assert interval is not None
            low, high = map(float, interval.groups())
            assert ("random search is as good" in line) is (low <= 0 <= high)
    grid = shown(cell_with(notebook, "%%hpo grid_search"))
    assert grid.index("The grid has 30 settings.") < grid.index("trial 1 ")
    assert "every setting has been tried. 30 of 40 trials done" in grid


@pytest.mark.slow
def test_the_quickstart_tells_its_story(tmp_path: Path) -> None:
    """A study with its three numbers, a frozen cell that stands alone, a test value, a table."""
    path = shortened(tmp_path, "01_quickstart.ipynb", ("--trials 30", f"--trials {N_TRIALS}"))
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
    assert "evaluation 1" in test
    assert "complete" in shown(cell_with(notebook, "digits.to_frame()"))


COMING_FROM = NOTEBOOKS / "05_coming_from.ipynb"


@pytest.mark.slow
def test_who_comes_from_elsewhere_finds_what_they_know(tmp_path: Path) -> None:
    """Cells of four tools end in studies, and in cells that run without us."""
    path = tmp_path / "coming_from.ipynb"
    text = COMING_FROM.read_text(encoding="utf-8")
    assert text.count("--trials 12") == 4
    text = text.replace("--trials 12", "--trials 5").replace(
        "val_accuracy --trials 5", "val_accuracy --trials 2"
    )
    path.write_text(text, encoding="utf-8")
    script = execution()
    notebook = script.execute(path, timeout_s=280)

    for name, n in (("hyperas_cell", 5), ("tuner_cell", 2), ("optuna_cell", 5), ("form_cell", 5)):
        search = script.shown(cell_with(notebook, f"%%hpo {name}"))
        assert f"{n} of {n} trials done" in search
    for name in ("hyperas_cell", "optuna_cell", "form_cell"):
        frozen = script.shown(cell_with(notebook, f"{name}.freeze()"))
        compile(frozen, name, "exec")
        assert "hp." not in frozen
        assert "{{" not in frozen
    assert "create_model(*data())" in script.shown(cell_with(notebook, "hyperas_cell.freeze()"))
    assert "FixedTrial({" in script.shown(cell_with(notebook, "optuna_cell.freeze()"))
    assert "@param" in script.shown(cell_with(notebook, "form_cell.freeze()"))
    votes = script.shown(cell_with(notebook, "best_models(3)"))
    assert re.search(r"^three models together: 0\.\d+ \(on validation data\)$", votes, re.M)
    assert "slope" in script.shown(cell_with(notebook, "search(loss"))
    assert "trained on 1,797 rows with {" in script.shown(cell_with(notebook, "best_hp"))
    assert "leaves: {'depth'" in script.shown(cell_with(notebook, "script_study.best_trials"))
    assert "10 trials of study old guide" in script.shown(cell_with(notebook, "%%hpo guided"))
    assert "'kind'" in script.shown(cell_with(notebook, "space_eval(space, best)"))


def test_the_table_names_what_is_there() -> None:
    """Every attribute of a study in it exists."""
    text = COMING_FROM.read_text(encoding="utf-8")
    named = set(re.findall(r"NAME\.(\w+)", text))
    assert {"best_params", "best_models", "to_skopt"} <= named
    assert [name for name in named if not hasattr(Study, name)] == []


@pytest.mark.slow
def test_the_winners_curse_is_shown_and_lifted() -> None:
    """On labels without meaning and on digits, the honest number is nearer to the test."""
    script = execution()
    notebook = script.execute(NOTEBOOKS / "04_winners_curse.ipynb", timeout_s=280)
    shown = script.shown
    assert "so biased upwards (by up to" in shown(cell_with(notebook, "%%hpo coin "))
    assert "on 3 new splits" in shown(cell_with(notebook, "%%hpo checked "))
    test = shown(cell_with(notebook, "%%hpo_test checked"))
    assert re.search(
        r"^test 0\.[45]\d+ · accuracy of trial \d+ of checked on 5000 rows", test, re.MULTILINE
    )
    assert "95% interval" in test
    told = shown(cell_with(notebook, "found.items()"))
    off = re.findall(r"best seen ([+-]0\.\d+) off the test, honest ([+-]0\.\d+)", told)
    assert len(off) == 2
    for best_seen, honest in off:
        assert float(best_seen) > 0.05
        assert abs(float(honest)) < float(best_seen) / 2


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
    path = shortened(tmp_path, "06_pytorch.ipynb", ("--trials 25", "--trials 4"))
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


@pytest.mark.slow
def test_boosted_trees_are_searched_by_a_callback(tmp_path: Path) -> None:
    """Their rounds are the curve, and the test has its interval."""
    path = shortened(tmp_path, "08_lightgbm.ipynb", ("--trials 25", "--trials 8"))
    script = execution()
    notebook = script.execute(path, timeout_s=280)
    assert "8 of 8 trials done" in script.shown(cell_with(notebook, "%%hpo boosted"))
    told = script.shown(cell_with(notebook, "n_rounds ="))
    numbers = re.search(r"(\d+) rounds in 8 trials; pruned: (\d+)", told)
    assert numbers is not None
    assert 8 <= int(numbers[1]) <= 8 * 60
    assert "95% interval" in script.shown(cell_with(notebook, "%%hpo_test boosted"))


@pytest.mark.slow
def test_a_search_is_understood_and_taken_elsewhere() -> None:
    """All plots with their words, two revisions compared, three forms of the cell, exports read."""
    script = execution()
    notebook = script.execute(NOTEBOOKS / "10_understanding_a_search.ipynb", timeout_s=280)
    shown = script.shown
    plots = [cell for cell in code(notebook) if ".plot_" in cell.source]
    assert len(plots) == 8
    for cell in plots:
        [output] = cell.outputs
        assert len(output.metadata["image/png"]["alt"]) > 40
    compared = shown(cell_with(notebook, "compare("))
    assert re.search("more than the sampling error|No difference beyond its sampling", compared)
    frozen = shown(cell_with(notebook, "even.freeze(check=True)"))
    assert "hp." not in frozen
    assert shown(cell_with(notebook, 'freeze("function"')).startswith("def train(")
    alone = shown(cell_with(notebook, 'freeze("script"'))
    printed, seen = (re.search(rf"{who}: +(0\.\d+)", alone) for who in ("script", "search"))
    assert printed is not None
    assert seen is not None
    assert printed[1] == seen[1]
    assert shown(cell_with(notebook, "even.narrowed()")).startswith("%%hpo even --trials 60 --max")
    best = re.search(r"best one has (0\.\d+)", shown(cell_with(notebook, "load_study")))
    result = re.match(r"(0\.\d+) at \[", shown(cell_with(notebook, "to_skopt")))
    assert best is not None
    assert result is not None
    assert best[1] == result[1]


@pytest.mark.slow
def test_two_workers_train_a_cell_and_a_cluster_of_the_user_s(tmp_path: Path) -> None:
    """The panel's end, the sealed test in the kernel, the dashboard's link, and the result."""
    path = shortened(tmp_path, "07_two_workers.ipynb", ("--trials 8", "--trials 5"))
    script = execution()
    notebook = script.execute(path, timeout_s=280)
    assert "5 of 5 trials done" in script.shown(cell_with(notebook, "%%hpo digits"))
    test = script.shown(cell_with(notebook, "%%hpo_test digits"))
    assert re.search(r"test 0\.\d+", test)
    assert re.search(r"http://\S+/status", script.shown(cell_with(notebook, "dashboard_link")))
    assert "20 of 20 trials done" in script.shown(cell_with(notebook, "%%hpo curve"))


@pytest.mark.slow
def test_a_front_is_found_and_a_point_of_it_chosen(tmp_path: Path) -> None:
    """Small networks on a front; the chosen one keeps the limit, and is frozen and tested."""
    path = shortened(tmp_path, "09_several_objectives.ipynb", ("--trials 40", "--trials 20"))
    script = execution()
    notebook = script.execute(path, timeout_s=280)
    search = script.shown(cell_with(notebook, "%%hpo small"))
    assert "20 of 20 trials done" in search
    assert re.search(r"^ +balanced +0\.\d+, [\d,]+ +trial \d+", search, re.MULTILINE)
    plot = cell_with(notebook, "small.plot_front()")
    assert any("image/png" in output.get("data", {}) for output in plot.outputs)
    told = script.shown(cell_with(notebook, "small.choose("))
    chosen = re.search(r"trial (\d+) of (\d+) on the front", told)
    assert chosen is not None
    assert int(chosen[2]) >= 2
    honest = script.shown(cell_with(notebook, "small.honest"))
    assert re.search(r"^n_params: expect about (\d+)", honest, re.MULTILINE)
    frozen = script.shown(cell_with(notebook, "small.freeze()"))
    assert "hp." not in frozen
    compile(frozen, "frozen", "exec")
    test = script.shown(cell_with(notebook, "%%hpo_test small"))
    assert f"of trial {chosen[1]} of small on 450 rows" in test
