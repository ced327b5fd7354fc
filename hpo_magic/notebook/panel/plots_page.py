"""The page with the plots that the browser draws, and whether a page has answered.

Where no page answers (a frontend without anywidget's part, a blocked network), pictures take the
place of the plots. Colab's manager of custom widgets is switched on by anywidget itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hpo_magic.core.log import caught
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.notebook.panel.pages import Page

if TYPE_CHECKING:
    from hpo_magic.notebook.panel.plots import LivePlots, Wishes

ANSWER_S = 3.0  # JupyterLab answers some 0.3 s after it shows the first widget


def live_plots(
    snapshot: Snapshot, wishes: Callable[[], Wishes], clock: Callable[[], float]
) -> LivePlots | None:
    """Return the plots; None where anywidget is not installed or cannot be used."""
    try:
        from hpo_magic.notebook.panel.plots import LivePlots

        return LivePlots(snapshot, wishes(), clock)
    except Exception:  # noqa: BLE001  (there are pictures in its place)
        caught("the live plots could not be made")
        return None


def plots_page(plots: LivePlots) -> Page:
    """Return the page with the plots; it keeps itself up to date."""
    return Page("Plots", plots.widget, [], [plots.widget])
