"""What is written about the package is true of it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import hpo_magic
from hpo_magic.core.registry import load
from hpo_magic.notebook.options import parse_line
from hpo_magic.search.options import OPTIONS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), ROOT / "hpo_magic" / "README.md"])
MOST_LINES = 90  # of the README: a screen and a half

# Modules that cannot be imported without Keras are read by the slow tests.
NEEDS_KERAS = {
    f"hpo_magic.frameworks.keras_{part}" for part in ("evaluate", "fit", "patch", "row_scores")
}
# Hooks of libraries of the extra `trainers`, which `make trainers` runs.
NEEDS_TRAINERS = {
    f"hpo_magic.frameworks.{hook}_fit" for hook in ("catboost", "fastai", "huggingface", "skorch")
}
MODULES = sorted(m.name for m in pkgutil.walk_packages(hpo_magic.__path__, "hpo_magic."))


def blocks(language: str) -> list[str]:
    """Return the README's blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_readme_names_no_option_that_is_not_there() -> None:
    """Every `--option` of a `%%hpo` in the README is one."""
    flags = {option.flag for option in OPTIONS}
    lines = re.findall(r"%%hpo (.*)", README)
    assert lines
    assert set(re.findall(r"--[a-z]+", " ".join(lines))) <= flags


def test_the_readme_is_short() -> None:
    """What does not fit on a screen and a half belongs to `docs/`."""
    assert len(README.splitlines()) <= MOST_LINES


def test_the_readme_s_python_is_python() -> None:
    """Its cells compile, and their first lines are read as the magic reads them."""
    assert blocks("python")
    for block in blocks("python"):
        for cell in re.split(r"(?=^%%)", block, flags=re.MULTILINE):
            first, _, body = cell.partition("\n")
            if first.startswith("%%hpo "):
                parse_line(first.removeprefix("%%hpo "))
            code = body if first.startswith("%%") else cell
            compile(re.sub(r"^%.*", "", code, flags=re.MULTILINE), "README.md", "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    """Files that a page links to are there."""
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


ARCHITECTURE = (ROOT / "hpo_magic" / "README.md").read_text(encoding="utf-8")


def is_there(named: str) -> bool:
    """Return whether a file, a folder, or an object of a module (`core/ports.Sampler`) exists."""
    if any((base / named).exists() for base in (ROOT, ROOT / "hpo_magic")):
        return True
    module, _, name = named.partition(".")
    if not (ROOT / "hpo_magic" / f"{module}.py").exists():
        return False
    return hasattr(importlib.import_module(f"hpo_magic.{module.replace('/', '.')}"), name)


def test_the_architecture_page_names_what_is_there() -> None:
    """Every path that it sends the reader to exists."""
    named = set(re.findall(r"`((?:\w+/)+[\w.]*)`", ARCHITECTURE)) - {"hpo_magic/"}
    assert len(named) > 40
    assert [name for name in sorted(named) if not is_there(name)] == []


def test_every_registry_of_the_architecture_page_is_one() -> None:
    """Each has names and places, and each place has something."""
    named = re.findall(r"`(\w+)/__init__.py` \(`([A-Z]+)`\)", ARCHITECTURE)
    assert len(named) == 5
    for package, registry in named:
        places = getattr(importlib.import_module(f"hpo_magic.{package}"), registry)
        assert all(load(place) for place in places.values() if place)


def imported_by_name() -> dict[str, set[str]]:
    """Return the functions, classes and types that modules of ours import from one another."""
    used: dict[str, set[str]] = {}
    for path in (ROOT / "hpo_magic").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hpo_magic."):
                names = {alias.name for alias in node.names if not alias.name.isupper()}
                used.setdefault(str(node.module), set()).update(names)
    return used


IMPORTED = imported_by_name()


@pytest.mark.parametrize("name", sorted({*MODULES, "hpo_magic"} - NEEDS_KERAS - NEEDS_TRAINERS))
def test_what_is_imported_is_there(name: str) -> None:
    """Each name that another module imports exists; `__all__` is exact, and in packages alone."""
    module = importlib.import_module(name)
    modules = {m.rpartition(".")[2] for m in MODULES if m.rpartition(".")[0] == name}
    assert [n for n in IMPORTED.get(name, set()) - modules if not hasattr(module, n)] == []
    listed = list(getattr(module, "__all__", []))
    assert len(set(listed)) == len(listed)
    assert [n for n in listed if not hasattr(module, n)] == []
    assert not listed or hasattr(module, "__path__")


def test_public_names_are_documented() -> None:
    """Everything in `hpo_magic.__all__` has a docstring."""
    for name in hpo_magic.__all__:
        assert (getattr(hpo_magic, name).__doc__ or "").strip(), name


def test_an_unknown_name_is_an_ordinary_error() -> None:
    """`hpo_magic` loads its parts when asked; a part that is not there is said to be missing."""
    with pytest.raises(AttributeError, match=r"^module 'hpo_magic' has no attribute 'serch'$"):
        _ = hpo_magic.serch
    assert set(dir(hpo_magic)) == {*hpo_magic.__all__, "__version__"}


def test_the_changelog_has_this_version() -> None:
    """Or what is to become it."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert hpo_magic.__version__ in changelog or "Unreleased" in changelog
