"""The page with the table of trials: sorted, filtered, and one trial's details on demand."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import ipywidgets as widgets

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import State
from hpo_magic.notebook.panel.pages import Page, side_by_side
from hpo_magic.notebook.panel.versions import tooltip
from hpo_magic.views.live import scrolled
from hpo_magic.views.table import (
    SIGNS,
    cut_text,
    html_table,
    ranked,
    sort_keys,
    star_text,
    table,
    trial_details,
)

# A screen shows about 15 rows; each costs some 300 bytes per update.
N_ROWS = 50
# A list with None among its values would show an empty place for it.
ALL = "all states"
NOBODY = "choose a trial"


class TrialsTable:
    """The table, with what to sort by, which states to show, and whose details.

    Parameters
    ----------
    refresh
        Called when the user chose something else: has the page shown again.
    """

    def __init__(self, refresh: Callable[[], None]) -> None:
        self._refresh = refresh
        self._shown: Hashable = None
        self._is_offering = False
        states = [(ALL, ALL), *((f"{SIGNS[s]} {s.value}", s.value) for s in State)]
        self.sort = widgets.Dropdown(options=["value"], description="Sort by", **tooltip("Order"))
        self.state = widgets.Dropdown(options=states, description="Show", **tooltip("States shown"))
        self.trial = widgets.Dropdown(
            options=[(NOBODY, -1)], description="Details", **tooltip("Setting, message, output")
        )
        self.table = widgets.HTML()
        self.details = widgets.HTML()
        self.clickable = [self.sort, self.state, self.trial]
        for chooser in self.clickable:
            chooser.layout.width = "240px"
            chooser.observe(self._on_choice, names="value")
        self.widget = widgets.VBox([side_by_side(self.clickable), self.table, self.details])

    def _on_choice(self, _: Any) -> None:
        if not self._is_offering:
            self._refresh()

    def _state_of(self, snapshot: Snapshot) -> Hashable:
        choice = (self.sort.value, self.state.value, self.trial.value)
        return (choice, tuple((t.number, t.state, t.value) for t in snapshot.trials))

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether a trial began or ended, or the user chose something else."""
        return self._state_of(snapshot) != self._shown

    def update(self, snapshot: Snapshot) -> None:
        """Show the table as chosen."""
        self._offer(snapshot)
        state = None if self.state.value == ALL else State(self.state.value)
        chosen = ranked(snapshot, self.sort.value, state)
        rows = chosen[:N_ROWS]
        cut = cut_text(len(rows), len(chosen), f"The first by {self.sort.value}")
        shown = html_table(table(snapshot, rows), cut or star_text(snapshot))
        self.table.value = scrolled(shown, "Trials")
        found = [t for t in snapshot.trials if t.number == self.trial.value]
        self.details.value = "".join(trial_details(snapshot, trial) for trial in found)
        self._shown = self._state_of(snapshot)

    def _offer(self, snapshot: Snapshot) -> None:
        """Bring the choices up to date; what is chosen stays chosen."""
        keys = tuple(sort_keys(snapshot))
        self._set_options(self.sort, keys)
        numbers = [(f"{SIGNS[t.state]} trial {t.number}", t.number) for t in snapshot.trials]
        options = ((NOBODY, -1), *reversed(numbers))
        self._set_options(self.trial, options)

    def _set_options(self, chooser: widgets.Dropdown, options: tuple[Any, ...]) -> None:
        """Replace the choices; that chooses the first, so what was chosen is chosen again."""
        if chooser.options == options:
            return
        value = chooser.value
        self._is_offering = True
        try:
            chooser.options = options
            if value in {o[1] if isinstance(o, tuple) else o for o in options}:
                chooser.value = value
        finally:
            self._is_offering = False


def trials_page(refresh: Callable[[], None]) -> Page:
    """Return the page with the table."""
    part = TrialsTable(refresh)
    return Page("Trials", part.widget, [part], part.clickable)
