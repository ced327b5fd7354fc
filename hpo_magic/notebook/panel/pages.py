"""The pages of the panel, one for each tab.

A page has a title, a widget, the widgets in it that can be clicked, and parts: each of them knows
whether a snapshot would look different, and how to show it. Only the page that is seen is kept up
to date.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import ipywidgets as widgets

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import running_trials
from hpo_magic.notebook.panel.narrowing import Narrowing
from hpo_magic.notebook.panel.picture import Picture
from hpo_magic.notebook.panel.versions import set_titles, tooltip
from hpo_magic.views.canvas import SHARPNESS, SIZE_PX, WIDE_PX, Plot
from hpo_magic.views.convergence import convergence
from hpo_magic.views.curves import current_curve, curves
from hpo_magic.views.dependence import dependence
from hpo_magic.views.importance import importance
from hpo_magic.views.live import current_html, log_html
from hpo_magic.views.optimism import optimism
from hpo_magic.views.parallel import parallel
from hpo_magic.views.slices import slices
from hpo_magic.views.timeline import timeline

View = Callable[[Snapshot, Plot | None], Plot]

# What can be seen on the page that compares: the first of them costs the least.
CHOICES: Mapping[str, Sequence[View]] = {
    "Settings": (parallel, importance, curves),
    "Slices": (slices,),
    "Dependence": (dependence,),
    "Timeline": (timeline,),
    "Honest": (optimism,),
}
NARROW: Collection[View] = (importance, curves, optimism)
# What the browser does not draw, and is a picture beside its plots.
BESIDE = ("Dependence", "Honest")


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
    """One tab.

    `clickable` are the widgets whose messages come from the user. `groups` are given where only
    some of the parts are seen: `parts` is one of them then, the one that is chosen.
    """

    title: str
    widget: Any
    parts: Sequence[Part]
    clickable: Sequence[Any] = field(default=())
    groups: Sequence[Sequence[Part]] = field(default=())


class Words:
    """A text that follows the search.

    Parameters
    ----------
    text
        Makes it.
    depends_on
        What it depends on; None: making the text is how to find out whether it changed.
    """

    def __init__(
        self,
        text: Callable[[Snapshot], str],
        depends_on: Callable[[Snapshot], Hashable] | None = None,
    ) -> None:
        self._text, self._depends_on = text, depends_on
        self._shown: Hashable = None
        self.widget = widgets.HTML(layout=widgets.Layout(max_width="100%"))

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether it may read differently."""
        return self._depends_on is None or self._depends_on(snapshot) != self._shown

    def update(self, snapshot: Snapshot) -> None:
        """Show the snapshot; a text that reads the same is not sent."""
        if self._depends_on is not None:
            self._shown = self._depends_on(snapshot)
        self.widget.value = self._text(snapshot)


def tabs_of(pages: Sequence[Page]) -> widgets.Tab:
    """Return the pages as tabs, the first one seen."""
    tabs = widgets.Tab(
        [page.widget for page in pages],
        selected_index=0,
        layout=widgets.Layout(max_width="100%"),
    )
    set_titles(tabs, [page.title for page in pages])
    return tabs


def side_by_side(children: Sequence[Any]) -> widgets.HBox:
    """Return a row that wraps where the notebook is narrow."""
    layout = widgets.Layout(flex_flow="row wrap", align_items="flex-start", max_width="100%")
    return widgets.HBox(children, layout=layout)


def overview_page() -> Page:
    """Return the page that is seen first: the current trial with its curve, and the convergence."""
    words = Words(current_html)
    curve = Picture(current_curve, _running_curve)
    best = Picture(convergence, ended_trials)
    widget = widgets.VBox([words.widget, side_by_side([curve.widget, best.widget])])
    return Page("Now", widget, [words, curve, best])


def stored_overview_page() -> Page:
    """Return the first page of a search that nothing is drawn beside, so that it may be sharp."""
    pictures = [Picture(view, ended_trials, sharpness=SHARPNESS) for view in (convergence, curves)]
    return Page("Overview", side_by_side([p.widget for p in pictures]), pictures)


def compare_page(
    refresh: Callable[[], None],
    narrowing: Narrowing | None,
    sharpness: float = 1.0,
    titles: Sequence[str] = tuple(CHOICES),
) -> Page:
    """Return the page that compares the trials, with a choice of what is seen.

    Parameters
    ----------
    refresh
        Called when the user chose something else: has the page shown again.
    narrowing
        The button that narrows the ranges; None where there is no cell.
    sharpness
        Of the pictures.
    titles
        Which of `CHOICES` there are.
    """
    groups = [[_picture(view, sharpness) for view in CHOICES[title]] for title in titles]
    rows = [side_by_side([p.widget for p in group]) for group in groups]
    choice = widgets.ToggleButtons(
        options=list(titles),
        description="Show",
        **tooltip("Which plots are shown"),
        style={"button_width": "auto", "description_width": "auto"},
        layout=widgets.Layout(width="max-content", max_width="100%"),
    )
    above = [choice] if narrowing is None else [choice, narrowing.button]
    said = [] if narrowing is None else [narrowing.said]
    head = side_by_side(above)
    head.layout.align_items = "flex-end"
    widget = widgets.VBox([head, *said, *rows])
    page = Page("Compare", widget, groups[0], above, groups)

    def show(_: Any = None) -> None:
        for k, row in enumerate(rows):
            row.layout.display = None if k == choice.index else "none"
        page.parts = groups[choice.index]
        refresh()

    choice.observe(show, names="value")
    for row in rows[1:]:
        row.layout.display = "none"
    return page


def _picture(view: View, sharpness: float) -> Picture:
    size_px = SIZE_PX if view in NARROW else WIDE_PX
    return Picture(view, ended_trials, size_px, sharpness)


def log_page() -> Page:
    """Return the page with the messages and a line for each trial."""
    words = Words(log_html)
    return Page("Log", words.widget, [words])


def _running_curve(snapshot: Snapshot) -> Hashable:
    return tuple((t.number, len(t.curve)) for t in running_trials(snapshot))


def ended_trials(snapshot: Snapshot) -> Hashable:
    """Return what plots and numbers of the trials that ended depend on."""
    return tuple((t.number, t.state, t.value) for t in snapshot.trials if t.state.is_finished)
