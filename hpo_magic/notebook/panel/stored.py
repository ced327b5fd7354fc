"""The panel of a study from disk: to look at what a search found, with nothing to stop.

Three outputs: the summary, which needs no kernel, the tabs, which do, and the picture that stays
in the file. The picture comes last, since it takes longest, and is hidden where the browser has
drawn its plots right above it (`plots.css`). Where a notebook is reopened on the machine that ran
it, JupyterLab 4.6 says "model not found" in place of the tabs until `%hpo NAME` runs again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display

from hpo_magic.core.domains import Plain
from hpo_magic.core.log import suppressed
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Ranges
from hpo_magic.notebook.panel.clicks import Clicks
from hpo_magic.notebook.panel.front_page import front_page
from hpo_magic.notebook.panel.narrowing import narrow_now
from hpo_magic.notebook.panel.pages import (
    BESIDE,
    CHOICES,
    Page,
    compare_page,
    log_page,
    stored_overview_page,
    tabs_of,
)
from hpo_magic.notebook.panel.plots_page import ANSWER_S, live_plots, plots_page
from hpo_magic.notebook.panel.static import picture_bundle
from hpo_magic.notebook.panel.trials_page import trials_page
from hpo_magic.notebook.panel.versions import set_titles, view_bundle
from hpo_magic.views.canvas import SHARPNESS
from hpo_magic.views.live import STYLE
from hpo_magic.views.result import summary_html
from hpo_magic.views.text import result_text

if TYPE_CHECKING:
    from hpo_magic.notebook.panel.plots import LivePlots, Wishes

Choose = Callable[[int], Snapshot]


class StoredPanel:
    """Shows one snapshot; each page is drawn when it is first seen.

    Parameters
    ----------
    snapshot
        What is on disk.
    kernel
        The running ipykernel; None outside of one.
    narrowed
        Returns the cell with narrower ranges; None where there is no cell.
    choose
        Takes the point of several objectives' front that was clicked, and returns the state after.
    enqueue
        Stores a setting that is trained when the search goes on.
    has_plots
        Whether the browser is asked to draw.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        kernel: Any = None,
        narrowed: Callable[..., str] | None = None,
        choose: Choose | None = None,
        enqueue: Callable[[Mapping[str, Plain]], None] | None = None,
        *,
        has_plots: bool = True,
    ) -> None:
        self._snapshot, self._choose = snapshot, choose
        self._narrowed, self._enqueue = narrowed, enqueue
        self._summary: Any = None
        self._clicks = Clicks(kernel)
        self._lock = threading.RLock()  # clicks may come in another thread
        self.plots: LivePlots | None = None
        if has_plots:
            self.plots = live_plots(snapshot, self._wishes, time.perf_counter)
        self.pages = self._picture_pages() if self.plots is None else self._plot_pages(self.plots)
        self.tabs = tabs_of(self.pages)
        self.tabs.observe(self._on_choice, names="selected_index")
        self.widget = widgets.VBox([widgets.HTML(STYLE), self.tabs])
        self.widget.add_class("hpo-panel")

    def _picture_pages(self) -> list[Page]:
        pages = [
            stored_overview_page(),
            trials_page(self._on_choice),
            self._compare_page(tuple(CHOICES)),
            log_page(),
        ]
        if self._snapshot.is_multi_objective and self._choose is not None:
            pages.insert(1, front_page(self._on_point, SHARPNESS))
        return pages

    def _plot_pages(self, plots: LivePlots) -> list[Page]:
        beside = self._compare_page(BESIDE)
        beside.title = "More"
        return [plots_page(plots), beside, log_page()]

    def _compare_page(self, titles: Sequence[str]) -> Page:
        narrowed = self._narrowed
        narrowing = None if narrowed is None else narrow_now(narrowed, self._snapshot.name)
        return compare_page(self._on_choice, narrowing, SHARPNESS, titles)

    def _wishes(self) -> Wishes:
        """Return what clicks in the plots ask for."""
        from hpo_magic.notebook.panel.plots import Wishes

        def narrow(ranges: Ranges) -> str:
            assert self._narrowed is not None  # there is no button without
            ends = ", ".join(f"{name}={pair!r}" for name, pair in ranges.items())
            said = f"{self._snapshot.name}.narrowed({ends}) puts this into a new cell:"
            return f"{said}\n{self._narrowed(ranges)}"

        def choose(number: int) -> Snapshot:
            self._on_point(number)
            return self._snapshot

        return Wishes(
            self._enqueue,
            None if self._narrowed is None else narrow,
            None if self._choose is None else choose,
        )

    def _check_answer(self) -> None:
        """Put pictures in the place of the plots, if no page has drawn them in time."""
        with self._lock, suppressed("the pictures could not be shown"):
            if self.plots is None or (self.plots.is_answered and not self.plots.problem):
                return
            self.pages = self._picture_pages()
            self.tabs.children = [page.widget for page in self.pages]
            set_titles(self.tabs, [page.title for page in self.pages])
            self.tabs.selected_index = 0
            self._on_choice()
            self._clicks.connect([w for page in self.pages for w in page.clickable])

    def show(self) -> None:
        """Display the summary, the tabs below it, and the picture that stays."""
        self._on_choice()
        self._clicks.connect([self.tabs, *(w for page in self.pages for w in page.clickable)])
        if self.plots is not None:
            late = threading.Timer(ANSWER_S, self._check_answer)
            late.daemon = True
            late.start()
        self._summary = display(_summary_of(self._snapshot), raw=True, display_id=True)
        name = self._snapshot.name
        words = {"text/plain": f"The plots of {name}, to point at and click: run %hpo {name}"}
        display({**view_bundle(self.widget), **words}, raw=True)
        # Also where it is text alone: what follows the tabs is hidden, and must not be the user's.
        still = picture_bundle(self._snapshot)
        display(still.data, metadata=still.metadata, raw=True)

    def _on_point(self, number: int) -> None:
        """Take a point of the front, and say what follows from it."""
        assert self._choose is not None  # there is no button without
        with self._lock:
            self._snapshot = self._choose(number)
            if self._summary is not None:
                self._summary.update(_summary_of(self._snapshot), raw=True)
            self._on_choice()

    def _on_choice(self, _: Any = None) -> None:
        with self._lock:
            for part in self.pages[self.tabs.selected_index or 0].parts:
                if part.is_old(self._snapshot):
                    part.update(self._snapshot)


def _summary_of(snapshot: Snapshot) -> dict[str, str]:
    return {"text/plain": result_text(snapshot), "text/html": summary_html(snapshot)}
