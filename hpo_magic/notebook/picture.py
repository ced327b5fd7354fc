"""A plot in the panel: drawn only when its data changed, with its numbers as text below it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from html import escape

import ipywidgets as widgets
from matplotlib.figure import Figure

from hpo_magic.core.ports import Snapshot
from hpo_magic.views.canvas import SIZE_PX, blank, png, words

__all__ = ["Picture"]


class Picture:
    """One view as an image, and what it shows as a caption.

    Parameters
    ----------
    draw
        The view: draws a snapshot into a given figure, and gives it its words. ipywidgets' images
        have no alternative text, so the words stand below, and in the tooltip, which names the
        image for screen readers.
    depends_on
        Returns what the view depends on; it is drawn again only where that changed.
    """

    def __init__(
        self,
        draw: Callable[[Snapshot, Figure | None], Figure],
        depends_on: Callable[[Snapshot], Hashable],
    ) -> None:
        self._draw, self._depends_on = draw, depends_on
        self._figure = blank()
        self._drawn: Hashable = None
        # Without a width in the layout a box would stretch the image, without a largest width a
        # narrow notebook would cut it.
        layout = widgets.Layout(
            width=f"{SIZE_PX[0]}px", max_width="100%", height="auto", object_fit="contain"
        )
        # JupyterLab cannot show an image without bytes.
        self.image = widgets.Image(value=png(self._figure), format="png", layout=layout)
        self.caption = widgets.HTML()
        self.widget = widgets.VBox(
            [self.image, self.caption],
            layout=widgets.Layout(max_width="100%", overflow="hidden", margin="0 12px 0 0"),
        )

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot would be drawn differently."""
        return self._depends_on(snapshot) != self._drawn

    def update(self, snapshot: Snapshot) -> None:
        """Draw the snapshot."""
        self._drawn = self._depends_on(snapshot)
        figure = self._draw(snapshot, self._figure)
        self.image.value = png(figure)
        self.image.tooltip = words(figure)
        self.caption.value = f'<span class="hpo-quiet">{escape(words(figure))}</span>'
