"""The live panel: the search in the notebook, while it runs and when it has ended.

It is told of every event. The plots are drawn by the browser from what is new (`plots`); where no
page answers that it can, pictures take their place, of which is redrawn what is seen, changed and
due. When the search ends, in
whatever way, its widgets are closed and their place is taken by a result that needs no kernel.

A page that was reloaded meanwhile has the widgets (see `reloads`), but JupyterLab 4.6 takes no more
outputs for that cell. So the outermost widget stays, with the result in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display

from hpo_magic.core.events import Event, Reported
from hpo_magic.core.log import caught
from hpo_magic.core.ports import Controls
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.notebook.panel.buttons import Buttons
from hpo_magic.notebook.panel.clicks import Clicks
from hpo_magic.notebook.panel.front_page import front_page
from hpo_magic.notebook.panel.narrowing import narrow_here, narrow_later
from hpo_magic.notebook.panel.pace import Pace
from hpo_magic.notebook.panel.pages import (
    BESIDE,
    CHOICES,
    Page,
    Part,
    Words,
    compare_page,
    ended_trials,
    log_page,
    overview_page,
    tabs_of,
)
from hpo_magic.notebook.panel.plots_page import ANSWER_S, live_plots, plots_page
from hpo_magic.notebook.panel.static import result_in_one, show_nothing, show_result
from hpo_magic.notebook.panel.steer import steer_page
from hpo_magic.notebook.panel.trials_page import trials_page
from hpo_magic.notebook.panel.versions import set_titles, view_bundle
from hpo_magic.views.live import STYLE, header_html, numbers_html

if TYPE_CHECKING:
    from hpo_magic.notebook.panel.plots import LivePlots, Wishes

# Together 2.5 % of the time; the first drawings, which nobody waited for, bring it to 3 % at most.
# What happens now costs a tenth of a millisecond to two, the numbers some ten where settings were
# run again, a plot some fifty.
NOW_SHARE, TEXT_SHARE, PLOT_SHARE = 0.003, 0.004, 0.018
TEXT_GAP_S, PLOT_GAP_S = 0.02, 0.5
# What a quiet time leaves: the texts are shown at the end of a trial and at the start of the next.
TEXT_MOST_S, PLOT_MOST_S = 0.03, 0.05
POLL_S = 1.0  # between events; the clock in the header moves at least so often
CLOSING_S = 2.0  # how long the end waits for a click that is being handled


class Panel:
    """Shows one search, and takes the user's clicks.

    Parameters
    ----------
    controls
        What the buttons do.
    kernel
        The running ipykernel; None outside of one.
    clock
        Seconds, for the pace of drawing.
    has_plots
        Whether the browser is asked to draw.
    """

    def __init__(
        self,
        controls: Controls,
        kernel: Any = None,
        clock: Callable[[], float] = time.perf_counter,
        *,
        has_plots: bool = True,
    ) -> None:
        self._clock = clock
        self.controls = controls
        self._lock = threading.RLock()  # clicks come in another thread
        self._clicks = Clicks(kernel)
        self.now = Pace(NOW_SHARE, TEXT_GAP_S, TEXT_MOST_S, clock)
        self.texts = Pace(TEXT_SHARE, TEXT_GAP_S, TEXT_MOST_S, clock)
        self._take: Callable[[], Snapshot] | None = None
        self._latest: Snapshot | None = None
        self._refreshed_at = clock()
        self._handles: Any = None
        self._header, self._numbers = Words(header_html), Words(numbers_html, _of_numbers)
        self.buttons = Buttons(controls)
        self.plots: LivePlots | None = None
        self._has_plots, self._opened_at, self._are_pictures = has_plots, clock(), True
        self.pages = self._picture_pages(None)
        self.paces: dict[Part, Pace] = {}
        self.tabs = tabs_of(self.pages)
        self.tabs.observe(self._on_choice, names="selected_index")
        self.widget = widgets.VBox(
            [
                widgets.HTML(STYLE),
                self._header.widget,
                self._numbers.widget,
                self.buttons.widget,
                self.tabs,
            ]
        )
        self.widget.add_class("hpo-panel")
        self._pace(self.pages)

    # The pages.

    def _picture_pages(self, snapshot: Snapshot | None) -> list[Page]:
        """Return the pages whose plots are pictures."""
        pages = [
            overview_page(),
            trials_page(self._on_choice),
            self._compare_page(tuple(CHOICES)),
            *self._further_pages(),
        ]
        if snapshot is not None and snapshot.is_multi_objective:
            pages.insert(1, front_page(self.controls.choose))
        return pages

    def _further_pages(self) -> list[Page]:
        return [steer_page(self.controls, self._clicks.connect), log_page()]

    def _compare_page(self, titles: Sequence[str]) -> Page:
        controls = self.controls
        narrowing = (
            narrow_later(controls.narrow, lambda: self._latest) if controls.can_narrow else None
        )
        return compare_page(self._on_choice, narrowing, titles=titles)

    def _wishes(self) -> Wishes:
        """Return what clicks in the plots ask for."""
        from hpo_magic.notebook.panel.plots import Wishes

        controls = self.controls

        def choose(number: int) -> None:
            controls.choose(number)

        narrow = narrow_here(controls.narrow, lambda: self._latest)
        return Wishes(controls.enqueue, narrow if controls.can_narrow else None, choose)

    def _show_pages(self, pages: list[Page]) -> None:
        """Show these pages as the tabs, the first one seen."""
        self.pages = pages
        self._pace(pages)
        self.tabs.children = [page.widget for page in pages]
        set_titles(self.tabs, [page.title for page in pages])
        self.tabs.selected_index = 0

    def _pace(self, pages: Sequence[Page]) -> None:
        """Give each plot of a page its share of the time: none waits for another."""
        for group in (group for page in pages for group in page.groups or (page.parts,)):
            plots = [part for part in group if not isinstance(part, Words)]
            for part in plots:
                share = PLOT_SHARE / len(plots)
                self.paces[part] = Pace(share, PLOT_GAP_S, PLOT_MOST_S, self._clock)

    def _choose_pages(self, snapshot: Snapshot) -> None:
        """Show the plots where they can be made, else the pictures."""
        if self._has_plots:
            self.plots = live_plots(snapshot, self._wishes, self._clock)
        if self.plots is not None:
            self._show_plots(self.plots)
        elif snapshot.is_multi_objective:
            self._show_pages(self._picture_pages(snapshot))

    def _show_plots(self, plots: LivePlots) -> None:
        self._are_pictures = False
        beside = self._compare_page(BESIDE)
        beside.title = "More"
        self._show_pages([plots_page(plots), beside, *self._further_pages()])

    def _fall_back(self, snapshot: Snapshot) -> None:
        """Put pictures in the place of the plots, where no page has said that it drew them.

        A kernel that clicks do not reach cannot know: there both are, and the page hides the
        pictures if it has drawn the plots.
        """
        assert self.plots is not None
        self._are_pictures = True
        pages = self._picture_pages(snapshot)
        if self._clicks.is_live:
            self._show_pages(pages)
            for page in pages:
                self._clicks.connect(page.clickable)
        else:
            below = pages[0]
            below.widget.add_class("hpo-fallback")
            both = widgets.VBox([self.plots.widget, below.widget])
            self._show_pages([Page("Plots", both, below.parts)])
        for part in self._old_parts(snapshot):
            part.update(snapshot)

    # What the runner calls.

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Open the panel, or show what changed: points at once, all else as far as it is due."""
        self._take = snapshot
        if event is None:
            self._open(snapshot())
            return
        if self.plots is not None:
            self._tell_plots(event, snapshot)
        if self._are_pictures or not isinstance(event, Reported):
            self._refresh()
        else:
            self.poll()

    def _tell_plots(self, event: Event, snapshot: Callable[[], Snapshot]) -> None:
        assert self.plots is not None
        try:
            self.plots.notice(event, snapshot)
        except Exception as error:  # noqa: BLE001  (a plot that fails must not end the search)
            caught("the live plots could not follow")
            self.plots = None
            self.buttons.say(f"The plots stand still ({error!r}); the search goes on.")

    def poll(self) -> None:
        """Catch up with what was not due at the last event."""
        if self._handles is not None and self._clock() - self._refreshed_at >= POLL_S:
            self._refresh()
            if self.plots is not None and self._take is not None:
                self.plots.send_extras()

    def close(self, snapshot: Snapshot) -> None:
        """Put the result that stays in place of the widgets.

        If the search failed before any trial was complete, nothing stays but its error.
        """
        self._clicks.close()
        if self.plots is not None:
            self.plots.close()
        is_mine = self._lock.acquire(timeout=CLOSING_S)
        try:
            self._latest = self._take = None
            inner = (*self.widget.children, *(page.widget for page in self.pages))
            if snapshot.is_mistake:
                show_nothing(self._handles)
                self.widget.children = ()
            else:
                shown = show_result(snapshot, self._handles)
                self.widget.children = (widgets.HTML(STYLE + result_in_one(*shown)),)
            for widget in (w for root in inner for w in _tree(root)):
                widget.close()
        finally:
            if is_mine:
                self._lock.release()

    # How it is shown.

    def _open(self, snapshot: Snapshot) -> None:
        """Show the panel, drawn once, so that it has its height from the start."""
        self._latest = snapshot
        self._choose_pages(snapshot)
        for part in (self._header, self._numbers, *self._old_parts(snapshot)):
            part.update(snapshot)
        self.buttons.update(snapshot, is_live=True)
        self._clicks.connect([self.tabs, *self.buttons.clickable])
        for page in self.pages:
            self._clicks.connect(page.clickable)
        self._clicks.open()
        live = display(view_bundle(self.widget), raw=True, display_id=True)
        below = display({"text/plain": ""}, raw=True, display_id=True)
        self._handles = (live, below)

    def _refresh(self) -> None:
        """Show the search as it is, as far as something is due."""
        self._refreshed_at = self._clock()
        if self._take is None or not self.now.is_due() or not self._lock.acquire(False):
            return  # where the lock is held by a click, the next event comes soon
        try:
            self._show(self._take)
        except Exception as error:  # noqa: BLE001  (a plot that fails must not end the search)
            caught("the panel could not be drawn")
            self._take = None
            self.buttons.say(f"The panel stands still ({error!r}); the search goes on.")
        finally:
            self._lock.release()

    def _show(self, take: Callable[[], Snapshot]) -> None:
        with self.now.spending():
            self._latest = snapshot = take()
            self._check_answer(snapshot)
            is_live = self._clicks.is_live
            self.buttons.update(snapshot, is_live)
            self._header.update(snapshot)
        if not is_live and len(self.tabs.children) > 1:
            self.tabs.children = self.tabs.children[:1]  # the others could not be filled
        old = self._old_parts(snapshot)
        if self.texts.is_due():
            with self.texts.spending():
                numbers = [self._numbers] if self._numbers.is_old(snapshot) else []
                for words in (*numbers, *(part for part in old if isinstance(part, Words))):
                    words.update(snapshot)
        for part in old:
            if not isinstance(part, Words) and self.paces[part].is_due():
                with self.paces[part].spending():
                    part.update(snapshot)

    def _check_answer(self, snapshot: Snapshot) -> None:
        """Fall back to pictures if no page has answered in time, and back again if one has."""
        if self.plots is None:
            return
        is_late = self._clock() - self._opened_at >= ANSWER_S and not self.plots.is_answered
        if not self._are_pictures and (is_late or self.plots.problem):
            self._fall_back(snapshot)
        elif self._are_pictures and self.plots.is_answered and not self.plots.problem:
            self._show_plots(self.plots)
            for page in self.pages:
                self._clicks.connect(page.clickable)

    def _old_parts(self, snapshot: Snapshot) -> list[Part]:
        """Return the parts of the visible page that are out of date."""
        page = self.pages[self.tabs.selected_index or 0]
        return [part for part in page.parts if part.is_old(snapshot)]

    def _on_choice(self, _: Any = None) -> None:
        """Show what the user wants to see, at once: it was asked for."""
        with self._lock:
            if self._latest is not None:
                for part in self._old_parts(self._latest):
                    part.update(self._latest)


def _of_numbers(snapshot: Snapshot) -> Hashable:
    """Return what the numbers of the headline depend on."""
    start = None if snapshot.start is None else snapshot.start.state
    rest = (snapshot.chosen, start, snapshot.evaluations, snapshot.notices, snapshot.phase)
    return (ended_trials(snapshot), *rest)


def _tree(widget: Any) -> Iterator[Any]:
    """Yield a widget and all that belong to it; closing one twice does nothing."""
    for child in getattr(widget, "children", ()):
        yield from _tree(child)
    yield from (w for w in (getattr(widget, "style", None), widget.layout) if w is not None)
    yield widget
