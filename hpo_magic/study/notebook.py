"""Access of a study to its notebook: to freeze, check or narrow the cell that was searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo_magic.executors.trial_execution import Objective


@dataclass(frozen=True)
class NotebookAccess:
    """Access of one study to its notebook; a study that was opened in a script has none.

    Attributes
    ----------
    namespace
        The notebook's variables by name. It is read and never written.
    new_cell
        Puts a text into a new cell below the running one.
    cells_before
        Returns the texts of the cells that ran before the study's own, as typed, oldest first.
    objective_of
        Returns the objective of a cell's text. The second argument says whether it runs with an
        empty namespace, as a script does.
    """

    namespace: Mapping[str, Any]
    new_cell: Callable[[str], None]
    cells_before: Callable[[], Sequence[str]]
    objective_of: Callable[[str, bool], Objective]
