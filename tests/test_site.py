"""The site: its code samples run, its reference is complete, its pages can be reached."""

from __future__ import annotations

import atexit
import dataclasses
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import hpo_magic
from hpo_magic.search.options import OPTIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.parent != DOCS or path.stem == "start")
SHORTER = {"--trials 30": "--trials 3", "epochs=10": "epochs=1"}  # for the tests


def reference() -> ModuleType:
    """Return the module that writes the reference."""
    spec = importlib.util.spec_from_file_location("reference", DOCS / "site" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def samples(page: Path) -> list[str]:
    """Return the cells of a page, one for each block of Python."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def run_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs a cell in a new shell, in a folder of the test's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / ".ipython"))
    main = sys.modules["__main__"]
    config = Config()
    config.HistoryManager.enabled = False
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=config)
    yield lambda cell: shell.run_cell(cell, store_history=True)
    atexit.unregister(shell.atexit_operations)  # it would keep the shell and what its cells made
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


@pytest.mark.parametrize(
    "page",
    [path for path in PAGES if samples(path)],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)
def test_the_samples_of_a_page_run(page: Path, run_cell: Callable[[str], Any]) -> None:
    """Each as a cell, in their order; a search ends with all its trials."""
    for cell in samples(page):
        for before, after in SHORTER.items():
            cell = cell.replace(before, after)
        done = run_cell(cell)
        done.raise_error()


def test_every_option_has_its_section() -> None:
    """With its text, its keyword, its values and its default."""
    sections = reference().options_page().split("\n## ")
    by_flag = {section.splitlines()[0].strip("`"): section for section in sections}
    for option in OPTIONS:
        section = by_flag[option.flag]
        for part in (option.text[1:], option.name, option.shown_default, *option.kind.values):
            assert part in section


def test_every_error_is_listed_with_its_sentences() -> None:
    """Every class; and each place in the package that makes one has its text on the page."""
    found = reference().messages()
    assert set(found) == {*reference().error_classes(), "UsageError", "notices"}
    listed = [text for texts in found.values() for text in texts]
    kinds = "|".join(reference().error_classes())
    n_made = sum(
        len(re.findall(rf"raise (?:{kinds})\(", path.read_text(encoding="utf-8")))
        for path in (ROOT / "hpo_magic").rglob("*.py")
    )
    assert len(listed) > n_made > 100
    for part in (
        "has no name",
        "finished without the metric",
        "a log scale needs a lower bound above 0",
        "no study",
        "The re-check ended early",
    ):
        assert any(part in text for text in listed), part


@pytest.mark.parametrize("kind", [hpo_magic.HyperParameters, hpo_magic.Study])
def test_what_the_reference_takes_from_the_code_is_described(kind: type) -> None:
    """Every public name has a docstring: Sphinx leaves out those that have none."""
    fields = {field.name for field in dataclasses.fields(kind)} if kind is hpo_magic.Study else {}
    names = [name for name in reference().public_names(kind) if name not in fields]
    assert len(names) > 10
    assert [name for name in names if not inspect.getdoc(getattr(kind, name))] == []


def test_functions_are_in_the_reference() -> None:
    """All public names have a page."""
    pages = "\n".join(reference().pages().values())
    for name in set(hpo_magic.__all__) - {"load_ipython_extension", "hp"}:
        assert f"hpo_magic.{name}" in pages


def test_links_of_pages_lead_somewhere() -> None:
    """To a file of the repository, or to a page that is written from the code."""
    made = {DOCS / "reference" / f"{name}.md" for name in reference().pages()}
    for page in DOCS.rglob("*.md"):
        links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        targets = [(page.parent / link).resolve() for link in links]
        assert [t for t in targets if not (t.exists() or t in made)] == [], page
