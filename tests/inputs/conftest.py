"""What a notebook defines, and what a cell changes of it."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from itertools import count
from textwrap import dedent
from typing import Any

import pytest

from hpo_magic.inputs.reads import values_read
from hpo_magic.source.cell_text import CellText

_number = count()


class Cells:
    """The variables of a notebook, and its cells."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}

    def run(self, code: str) -> None:
        """Run a cell whose source can be read, as in a notebook."""
        code = dedent(code)
        filename = f"<cell {next(_number)}>"
        linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
        exec(compile(code, filename, "exec"), self.namespace)

    def read(self, code: str) -> Callable[[], dict[str, Any]]:
        """Return what returns the values that a cell reads."""
        cell = CellText(dedent(code), ast.parse(dedent(code)))
        return lambda: values_read(cell, self.namespace)


@pytest.fixture
def cells() -> Cells:
    """Return an empty notebook."""
    return Cells()
