"""A cell away from its notebook: its text, its tree, and the variables that it reads.

Compiled code is not sent: the worker compiles, and has the lines for tracebacks and for the names
of `hp` calls.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.frameworks import load_wanted
from hpo_magic.notebook.cell import Cell, compiled, figures_closed, folder_kept
from hpo_magic.notebook.fingerprint import CHANGES_INPUTS, data_fingerprint, inputs_of
from hpo_magic.notebook.trial_namespace import TrialNamespace

Fields = tuple[
    list[str], str, str, ast.Module, int, Mapping[str, Any], Callable[[dict[str, Any]], None]
]


@dataclass
class TravellingCell:
    """An objective like the cell at home; each run gets a copy of the variables."""

    cell: Cell
    variables: Mapping[str, Any]
    stand_in: Callable[[dict[str, Any]], None]
    _before: str = field(init=False)  # fingerprint of the variables as they came
    _is_compared: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._before = self._fingerprint()

    @staticmethod
    def fields_of(
        cell: Cell, variables: Mapping[str, Any], stand_in: Callable[[dict[str, Any]], None]
    ) -> Fields:
        """Return what is pickled of a cell."""
        lines = linecache.getlines(cell.filename)
        return lines, cell.source, cell.filename, cell.tree, cell.flags, variables, stand_in

    @property
    def filename(self) -> str:
        """The cell's, as at home."""
        return self.cell.filename

    def train(self) -> ObjectiveResult:
        """Run the cell once, in a copy of its variables."""
        outside = {"__name__": "__main__", **self.variables}
        namespace = TrialNamespace(outside, self.cell.text.names.certain)
        with figures_closed(), folder_kept():
            last = self.cell.run(namespace.variables, lambda: self.stand_in(namespace.variables))
        return self.cell.result(last, namespace)

    def notice(self) -> str:
        """Return, after the first training, that the cell changed what it reads, if it did."""
        if self._is_compared:
            return ""
        self._is_compared = True
        return CHANGES_INPUTS if self._fingerprint() != self._before else ""

    def _fingerprint(self) -> str:
        return data_fingerprint(inputs_of(self.cell.text, self.variables))

    def carried(self) -> Mapping[str, Any]:
        """Return the variables."""
        return self.variables

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the cell that failed, and the frames from the cell on as text."""
        return self.cell.where(error)


def unpacked_cell(fields: Fields) -> TravellingCell:
    """Return the cell, compiled; the frameworks that it will import are loaded, to be watched."""
    lines, source, filename, tree, flags, variables, stand_in = fields
    linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
    cell = compiled(source, filename, tree, flags)
    load_wanted(cell.text.modules_imported)
    return TravellingCell(cell, variables, stand_in)
