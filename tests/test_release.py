"""What a release promises: bounds of dependencies, their licences, one version."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The extras that a user installs; the others are for work on the package.
EXTRAS = ("tpe", "genetic", "dask", "optuna", "tensorboard", "mlflow", "lab")
# The first releases on the package index where that of the bound is missing.
FIRST = {"tensorflow": "2.16.1"}


def lower_bounds() -> dict[str, tuple[str, str]]:
    """Return the lower bound of each package that a user may get, and what it comes with."""
    groups = {"hpo_magic": PROJECT["dependencies"]}
    groups |= {f"`hpo_magic[{name}]`": PROJECT["optional-dependencies"][name] for name in EXTRAS}
    found = {}
    for group, requirements in groups.items():
        for requirement in requirements:
            name, bound = re.split("[>=]=", requirement)
            found[name] = (bound, group)
    return found


def test_the_oldest_versions_are_those_that_are_tested() -> None:
    """`make oldest` has the lower bound of each dependency."""
    text = (ROOT / "tests" / "stacks" / "oldest.txt").read_text(encoding="utf-8")
    pinned = dict(line.split("==") for line in text.splitlines() if "==" in line)
    for name, (bound, _) in lower_bounds().items():
        version = FIRST.get(name, bound).split(".")
        assert pinned[name].split(".")[: len(version)] == version, name


def test_every_dependency_has_its_licence() -> None:
    """The page lists each, with what it comes with."""
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w-]+) \| .+ \| (.+) \|$", text, re.MULTILINE)
    listed = {name: group for name, group in rows if name != "package"}
    assert listed == {name: group for name, (_, group) in lower_bounds().items()}


@pytest.mark.parametrize("name", sorted(lower_bounds()))
def test_the_licence_is_that_of_the_package(name: str) -> None:
    """As its own metadata have it."""
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    [licence] = re.findall(rf"^\| {name} \| (.+) \| .+ \|$", text, re.MULTILINE)
    found = metadata.metadata(name)
    keys = ("License-Expression", "License", "Classifier")
    stated = " ".join(str(text) for key in keys for text in found.get_all(key) or [])
    words = {"PSF-based": "Python Software Foundation"}
    assert words.get(licence, licence) in stated


def test_there_is_one_version() -> None:
    """In `hpo_magic/__init__.py`; neither the project's table nor the citation repeats it."""
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    assert "\nversion:" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
