"""The page with the front of several objectives: its plot, its points, and a button to take one."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import ipywidgets as widgets

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial
from hpo_magic.notebook.panel.pages import Page, side_by_side
from hpo_magic.notebook.panel.picture import Picture
from hpo_magic.notebook.panel.versions import tooltip
from hpo_magic.views.canvas import WIDE_PX
from hpo_magic.views.front import front
from hpo_magic.views.live import scrolled
from hpo_magic.views.table import cut_text, html_table, star_text, table
from hpo_magic.views.words.progress import values_text

MOST_ROWS = 30
NOBODY = -1  # an empty list has a first entry all the same


class FrontPoints:
    """The points of the front as a table and as a list, one of which can be taken.

    Parameters
    ----------
    choose
        Takes the number of the trial that the user chose.
    """

    def __init__(self, choose: Callable[[int], None]) -> None:
        self._choose = choose
        self._shown: Hashable = None
        self.point = widgets.Dropdown(
            options=[("no trial yet", NOBODY)],
            description="Point",
            **tooltip("A point of the front"),
            layout=widgets.Layout(width="420px", max_width="100%"),
        )
        self.take = widgets.Button(
            description="Choose this point",
            icon="check",
            tooltip="Then freeze(), best_model(), the test and the honest numbers are of it",
            layout=widgets.Layout(width="auto"),
        )
        self.take.on_click(self._on_take)
        self.said = widgets.HTML()
        self.table = widgets.HTML(layout=widgets.Layout(max_width="100%"))
        self.clickable = [self.point, self.take]
        chooser = side_by_side(self.clickable)
        self.widget = widgets.VBox([chooser, self.said, self.table])

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether the front or the choice is another one."""
        return _state_of(snapshot) != self._shown

    def update(self, snapshot: Snapshot) -> None:
        """Show the points; what is picked in the list stays, else it is the chosen one."""
        points, best = snapshot.history.front, best_trial(snapshot)
        options = [(f"trial {t.number}: {values_text(snapshot, t)}", t.number) for t in points]
        picked = self.point.value
        self.point.options = options or [("no trial yet", NOBODY)]
        numbers = [number for _, number in options]
        if picked in numbers:
            self.point.value = picked
        elif best is not None and best.number in numbers:
            self.point.value = best.number
        self.take.disabled = not options
        self.said.value = f'<span role="status">{_said(snapshot)}</span>'
        rows = points[:MOST_ROWS]
        cut = cut_text(len(rows), len(points), "The first")
        shown = html_table(table(snapshot, rows), cut or star_text(snapshot))
        self.table.value = scrolled(shown, "Pareto front")
        self._shown = _state_of(snapshot)

    def _on_take(self, _: object) -> None:
        if self.point.value != NOBODY:
            self._choose(self.point.value)


def _state_of(snapshot: Snapshot) -> Hashable:
    complete = tuple((t.number, t.value) for t in snapshot.history.complete)
    return (snapshot.chosen, complete)


def _said(snapshot: Snapshot) -> str:
    """Return the chosen or most balanced trial, in a sentence."""
    best = best_trial(snapshot)
    if best is None:
        return "No trial is complete yet."
    how = "Chosen" if best.number == snapshot.chosen else "The most balanced point, till you choose"
    return f"{how}: trial {best.number}."


def front_page(choose: Callable[[int], None], sharpness: float = 1.0) -> Page:
    """Return the page; `sharpness` as in `Picture`."""
    picture = Picture(front, _state_of, WIDE_PX, sharpness)
    points = FrontPoints(choose)
    widget = widgets.VBox([picture.widget, points.widget])
    return Page("Front", widget, [picture, points], points.clickable)
