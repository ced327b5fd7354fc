"""Choosing what shows the search: the panel in a notebook with a reader, text elsewhere."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

from hpo_magic.core.events import Event
from hpo_magic.core.ports import Controls, Listener
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params
from hpo_magic.notebook.lines import ProgressLine, TrialLog


class Silent:
    """Shows nothing."""

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Do nothing."""

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Do nothing."""


def ui_for(shell: Any) -> str:
    """Return "widgets" if somebody can click where the code runs, else "text".

    Parameters
    ----------
    shell
        IPython's shell; None in plain Python.

    Notes
    -----
    nbclient, and with it nbconvert and papermill, executes cells with `allow_stdin` False: nobody
    is there to answer, so nobody is there to click. JupyterLab, Notebook and VS Code ask with True.
    A kernel without comms, and one where ipywidgets is not installed, cannot show a widget.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None or getattr(kernel, "comm_manager", None) is None:
        return "text"
    if importlib.util.find_spec("ipywidgets") is None:
        return "text"
    return "widgets" if getattr(kernel, "_allow_stdin", True) else "text"


def make_listener(ui: str, shell: Any, controls: Controls) -> Listener:
    """Return the listener that shows a search.

    Parameters
    ----------
    ui
        "auto", "widgets", "text" or "none".
    shell
        IPython's shell; None in plain Python.
    controls
        Takes the clicks of the panel's buttons.
    """
    if ui == "none":
        return Silent()
    kernel = getattr(shell, "kernel", None)
    chosen = ui_for(shell) if ui == "auto" else ui
    if chosen == "widgets":
        from hpo_magic.notebook.panel.panel import Panel

        return Panel(controls, kernel)
    return _text_listener(kernel)


def _text_listener(kernel: Any) -> Listener:
    """Return a progress line for a terminal; a line for each trial where none can be overwritten.

    A file, a pipe and the console of marimo are no terminals.
    """
    if kernel is None:
        return ProgressLine() if sys.stdout.isatty() else TrialLog()
    from hpo_magic.notebook.panel.static import show_result

    return TrialLog(show=show_result)


def show_stored(
    snapshot: Snapshot,
    shell: Any,
    narrowed: Callable[..., str] | None = None,
    choose: Callable[[int], Snapshot] | None = None,
    enqueue: Callable[[Params], None] | None = None,
) -> None:
    """Show a study from disk: as a panel if somebody can click, else as static output.

    Parameters
    ----------
    snapshot
        The study.
    shell
        IPython's shell.
    narrowed
        Returns the cell with narrower ranges, those around the best trials or the ones that it is
        given; None: there is no cell.
    choose
        Chooses a trial of the Pareto front by its number, and returns the snapshot after that.
    enqueue
        Stores a setting that is trained when the search goes on.
    """
    if ui_for(shell) == "widgets":
        from hpo_magic.notebook.panel.stored import StoredPanel

        StoredPanel(snapshot, shell.kernel, narrowed, choose, enqueue).show()
    else:
        _text_listener(getattr(shell, "kernel", None)).close(snapshot)
