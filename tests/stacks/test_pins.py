"""What hosted notebooks have installed satisfies what hpo_magic needs: nothing is replaced."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).parent
# What an image lacks; scikit-optimize brings pyaml. Kaggle's has both.
MISSING = {"colab": {"scikit-optimize"}, "kaggle": set()}


@pytest.mark.parametrize("stack", ["colab", "kaggle"])
def test_each_requirement_is_satisfied_by_the_image(stack: str) -> None:
    """Every one is pinned in the stack's file, in a version that is allowed."""
    lines = (HERE / f"{stack}.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    installed = {canonicalize_name(name): version for name, version in pins.items()}
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]
    needed = [Requirement(text) for text in project["dependencies"]]
    missing = {need.name for need in needed if canonicalize_name(need.name) not in installed}
    assert missing == MISSING[stack]
    for need in needed:
        if need.name not in missing:
            assert installed[canonicalize_name(need.name)] in need.specifier, need
