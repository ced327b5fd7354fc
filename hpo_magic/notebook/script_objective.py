"""A script's objective, and what the other tool gets back from the search."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hpo_magic.core.events import Completed, Ended, Event, Failed
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.executors.trial_execution import ObjectiveResult
from hpo_magic.notebook.cell import Cell
from hpo_magic.notebook.cell_objective import kept_apart
from hpo_magic.scripts.tool_search import ToolSearch
from hpo_magic.search.requests import UserRequests

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class ScriptObjective:
    """The objective of a script: a function that works on the script's own objects."""

    def __init__(self, function: Callable[[], Any], cell: Cell, shell: InteractiveShell) -> None:
        self._function, self._cell, self._shell = function, cell, shell
        self.filename: str | None = cell.filename

    def train(self) -> ObjectiveResult:
        """Call the function; what it displays and draws is discarded."""
        with kept_apart(self._shell):
            return ObjectiveResult(self._function())

    def carried(self) -> dict[str, Any]:
        """Return nothing: the script's search runs in this process alone."""
        return {}

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the cell that failed, and the frames from the cell on as text."""
        return self._cell.where(error)


class Handover:
    """Gives each trial that ends to the script's own objects, and stops where they say so."""

    def __init__(self, search: ToolSearch, requests: UserRequests) -> None:
        self._search_of_tool, self._requests = search, requests

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Hand the trial over that ended; at the start, those that are stored."""
        has_ended = event is None or isinstance(event, Completed | Failed | Ended)
        if has_ended and self._search_of_tool.ended(snapshot()):
            self._requests.stop()

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Show nothing."""
