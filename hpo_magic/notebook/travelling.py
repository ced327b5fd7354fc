"""A cell on a worker: its text, its syntax tree, and the variables that it reads.

The worker compiles the cell, and has its lines for tracebacks and for the names of `hp` calls.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any

from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.frameworks import load_wanted
from hpo_magic.inputs.reads import values_read
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.notebook.cell import Cell, compiled, figures_closed, folder_kept
from hpo_magic.notebook.trial_namespace import TrialNamespace, main_module
from hpo_magic.views.words.inputs import changes_text

Fields = tuple[
    list[str], str, str, ast.Module, int, Mapping[str, Any], Callable[[dict[str, Any]], None]
]


@dataclass
class TravellingCell:
    """The cell as an objective on a worker; each run gets a copy of the variables."""

    cell: Cell
    variables: Mapping[str, Any]
    stand_in: Callable[[dict[str, Any]], None]
    _inputs: InputsWatch = field(init=False)

    def __post_init__(self) -> None:
        read = partial(values_read, self.cell.text, self.variables)
        self._inputs = InputsWatch(read, self.cell.source)

    @staticmethod
    def fields_of(
        cell: Cell, variables: Mapping[str, Any], stand_in: Callable[[dict[str, Any]], None]
    ) -> Fields:
        """Return the parts of a cell that are pickled."""
        lines = linecache.getlines(cell.filename)
        return lines, cell.source, cell.filename, cell.tree, cell.flags, variables, stand_in

    @property
    def filename(self) -> str:
        """The file name of the cell in tracebacks, as in the notebook."""
        return self.cell.filename

    def train(self) -> ObjectiveResult:
        """Run the cell once, in a copy of its variables."""
        outside = {"__name__": "__main__", **self.variables}
        namespace = TrialNamespace(outside, self.cell.text.names.certain)
        with figures_closed(), folder_kept(), main_module(namespace.variables):
            last = self.cell.run(namespace.variables, lambda: self.stand_in(namespace.variables))
        return self.cell.result(last, namespace)

    def notice(self) -> str:
        """Return what trainings here changed of what the cell reads, in words; each change once."""
        return changes_text(self._inputs.changes())

    def carried(self) -> Mapping[str, Any]:
        """Return the variables."""
        return self.variables

    def surroundings(self) -> Iterable[Any]:
        """Return the values that the cell can read."""
        return tuple(self.variables.values())

    def codes(self) -> Iterable[Any]:
        """Return the compiled parts of the cell."""
        return self.cell.body, self.cell.last

    def strings(self) -> Iterable[str]:
        """Return the texts and paths that the cell reads."""
        return [str(v) for v in self.variables.values() if isinstance(v, str | PurePath)]

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the cell that failed, and the frames from the cell on as text."""
        return self.cell.where(error)


def unpacked_cell(fields: Fields) -> TravellingCell:
    """Return the compiled cell; the frameworks that it will import are loaded first."""
    lines, source, filename, tree, flags, variables, stand_in = fields
    linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
    cell = compiled(source, filename, tree, flags)
    load_wanted(cell.text.modules_imported, variables.values())
    return TravellingCell(cell, variables, stand_in)
