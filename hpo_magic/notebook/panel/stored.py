"""The panel of a study from disk: to look at what a search found, with nothing to stop.

Above it stands the summary, which needs no kernel. The tabs do: they come with a picture for
viewers that show no widgets. Where a notebook is reopened on the machine that ran it, JupyterLab
4.6 says "model not found" in their place until `%hpo NAME` runs again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.notebook.panel.clicks import Clicks
from hpo_magic.notebook.panel.front_page import front_page
from hpo_magic.notebook.panel.narrowing import narrow_now
from hpo_magic.notebook.panel.pages import compare_page, log_page, stored_overview_page, tabs_of
from hpo_magic.notebook.panel.static import picture_bundle
from hpo_magic.notebook.panel.trials_page import trials_page
from hpo_magic.notebook.panel.versions import view_bundle
from hpo_magic.views.canvas import SHARPNESS
from hpo_magic.views.live import STYLE
from hpo_magic.views.result import summary_html
from hpo_magic.views.text import result_text

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
    """

    def __init__(
        self,
        snapshot: Snapshot,
        kernel: Any = None,
        narrowed: Callable[[], str] | None = None,
        choose: Choose | None = None,
    ) -> None:
        self._snapshot, self._choose = snapshot, choose
        self._summary: Any = None
        self._clicks = Clicks(kernel)
        self._lock = threading.RLock()  # clicks may come in another thread
        narrowing = None if narrowed is None else narrow_now(narrowed, snapshot.name)
        self.pages = [
            stored_overview_page(),
            trials_page(self._on_choice),
            compare_page(self._on_choice, narrowing, SHARPNESS),
            log_page(),
        ]
        if snapshot.is_multi_objective and choose is not None:
            self.pages.insert(1, front_page(self._on_point, SHARPNESS))
        self.tabs = tabs_of(self.pages)
        self.tabs.observe(self._on_choice, names="selected_index")
        self.widget = widgets.VBox([widgets.HTML(STYLE), self.tabs])
        self.widget.add_class("hpo-panel")

    def show(self) -> None:
        """Display the summary, and the tabs below it."""
        self._on_choice()
        self._clicks.connect([self.tabs, *(w for page in self.pages for w in page.clickable)])
        self._summary = display(_summary_of(self._snapshot), raw=True, display_id=True)
        still = picture_bundle(self._snapshot)
        tabs = {**view_bundle(self.widget), **still.data}
        display(tabs, metadata=still.metadata, raw=True)

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
