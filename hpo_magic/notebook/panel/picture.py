"""A plot in the panel: drawn only when its data changed, with its words as alternative text."""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable
from html import escape

import ipywidgets as widgets

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.views.canvas import SIZE_PX, Plot, blank, png, words

# A wide plot is scrolled on a narrow page: its words could not be read any smaller.
LEAST_PX = 560


class Picture:
    """One view of the search as an image.

    It is an HTML widget and not an Image: that one has no alternative text, and a tooltip on it
    is an error in JupyterLab (ipywidgets 8.1).

    Parameters
    ----------
    draw
        The view: draws a snapshot into a given figure, and gives it its words.
    depends_on
        Returns what the view depends on; it is drawn again only where that changed.
    sharpness
        Pixels for one of CSS. More cost time, which a training in this process would lose.
    """

    def __init__(
        self,
        draw: Callable[[Snapshot, Plot | None], Plot],
        depends_on: Callable[[Snapshot], Hashable],
        size_px: tuple[int, int] = SIZE_PX,
        sharpness: float = 1.0,
    ) -> None:
        self._draw, self._depends_on, self._sharpness = draw, depends_on, sharpness
        self._figure = blank(size_px=size_px)
        self._drawn: Hashable = None
        self.widget = widgets.HTML(
            layout=widgets.Layout(width=f"{size_px[0]}px", max_width="100%", margin="0 6px 0 0")
        )

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot would be drawn differently."""
        return self._depends_on(snapshot) != self._drawn

    def update(self, snapshot: Snapshot) -> None:
        """Draw the snapshot."""
        self._drawn = self._depends_on(snapshot)
        self.widget.value = img_html(self._draw(snapshot, self._figure), self._sharpness)


def img_html(figure: Plot, sharpness: float = 1.0) -> str:
    """Return the figure as an `img` with its words as alternative text.

    Width and height are there so that the page does not move when it is replaced, synchronous
    decoding so that there is no empty moment.
    """
    image = base64.b64encode(png(figure, sharpness)).decode("ascii")
    width, height = figure.size_px
    least = min(width, LEAST_PX) if width > SIZE_PX[0] else 0
    return (
        '<div style="overflow-x:auto">'
        f'<img decoding="sync" width="{width}" height="{height}" '
        f'style="max-width:100%;min-width:{least}px;height:auto" alt="{escape(words(figure))}" '
        f'src="data:image/png;base64,{image}"></div>'
    )
