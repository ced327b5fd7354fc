"""The pages of the panel, one for each tab.

A page has a title, a widget, the widgets in it that can be clicked, and parts: each of them knows
whether a snapshot would look different, and how to show it. Only the page that is seen is kept up
to date.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import ipywidgets as widgets

from hpo_magic.core.ports import Snapshot
from hpo_magic.core.summary import running_trials
from hpo_magic.notebook.picture import Picture
from hpo_magic.views.canvas import SHARPNESS, WIDE_PX
from hpo_magic.views.convergence import convergence
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.importance import importance
from hpo_magic.views.live import current_html, log_html
from hpo_magic.views.parallel import parallel

__all__ = [
    "Page",
    "Part",
    "Words",
    "log_page",
    "overview_page",
    "parameters_page",
    "side_by_side",
    "stored_pages",
    "tabs_of",
]


class Part(Protocol):
    """Something on a page that follows the search."""

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot would look different."""
        ...

    def update(self, snapshot: Snapshot) -> None:
        """Show the snapshot."""
        ...


@dataclass
class Page:
    """One tab. `clickable` are the widgets whose messages come from the user."""

    title: str
    widget: Any
    parts: Sequence[Part]
    clickable: Sequence[Any] = field(default=())


class Words:
    """A text that follows the search."""

    def __init__(self, text: Callable[[Snapshot], str]) -> None:
        self._text = text
        self.widget = widgets.HTML(layout=widgets.Layout(max_width="100%"))

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether it may read differently: making the text is how to find out."""
        return True

    def update(self, snapshot: Snapshot) -> None:
        """Show the snapshot; a text that reads the same is not sent."""
        self.widget.value = self._text(snapshot)


def tabs_of(pages: Sequence[Page]) -> widgets.Tab:
    """Return the pages as tabs, the first one seen."""
    return widgets.Tab(
        [page.widget for page in pages],
        titles=[page.title for page in pages],
        selected_index=0,
        layout=widgets.Layout(max_width="100%"),
    )


def side_by_side(children: Sequence[Any]) -> widgets.HBox:
    """Return a row that wraps where the notebook is narrow."""
    layout = widgets.Layout(flex_flow="row wrap", align_items="flex-start", max_width="100%")
    return widgets.HBox(children, layout=layout)


def overview_page() -> Page:
    """Return the page that is seen first: the current trial with its curve, and the convergence."""
    words = Words(current_html)
    curve = Picture(current_curve, _running_curve)
    best = Picture(convergence, _ended_trials)
    widget = widgets.VBox([words.widget, side_by_side([curve.widget, best.widget])])
    return Page("Now", widget, [words, curve, best])


def parameters_page() -> Page:
    """Return the page that compares the trials: settings, what mattered, learning curves."""
    pictures = [
        Picture(parallel, _ended_trials, WIDE_PX),
        Picture(importance, _ended_trials),
        Picture(curves, _ended_trials),
    ]
    return Page("Compare", side_by_side([p.widget for p in pictures]), pictures)


def stored_pages() -> list[Page]:
    """Return the plots of a search that nothing is drawn beside, so that they may be sharp."""
    best = Picture(convergence, _ended_trials, sharpness=SHARPNESS)
    all_curves = Picture(curves, _ended_trials, sharpness=SHARPNESS)
    lines = Picture(parallel, _ended_trials, WIDE_PX, SHARPNESS)
    mattered = Picture(importance, _ended_trials, sharpness=SHARPNESS)
    return [
        Page(title, side_by_side([p.widget for p in pictures]), pictures)
        for title, pictures in (("Overview", [best, all_curves]), ("Compare", [lines, mattered]))
    ]


def log_page() -> Page:
    """Return the page with the messages and a line for each trial."""
    words = Words(log_html)
    return Page("Log", words.widget, [words])


def _running_curve(snapshot: Snapshot) -> Hashable:
    return tuple((t.number, len(t.curve)) for t in running_trials(snapshot))


def _ended_trials(snapshot: Snapshot) -> Hashable:
    return tuple((t.number, t.state, t.value) for t in snapshot.trials if t.state.is_finished)
