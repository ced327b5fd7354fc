"""The paper all plots are drawn on: figures off pyplot, inks for light and dark pages, PNG bytes.

The notebook's theme is not known to the kernel, so the background is transparent and every ink is
of middle lightness: readable on white and on black. Fonts and colours are set here and not taken
from the user's rcParams, and nothing of matplotlib's global state is changed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.ticker import MaxNLocator

# Contrast on white and on Lab's dark #111111: 4.5 and 4.2 for the ink of the text; every other
# ink above the 3 that WCAG 2.1 asks of graphics. After Okabe & Ito's colour-blind-safe palette.
INK = "#777777"
TRIAL = "#2f87c8"
BEST = "#d1700c"
START = "#8a63b8"
FAILED = "#cf4b4b"

FONT = "DejaVu Sans"  # comes with matplotlib, so it is always there
FONT_SIZE = 8
# Names are the user's: "$" in them begins no formula, and LaTeX is not asked.
WORDS: dict[str, Any] = {
    "color": INK,
    "fontfamily": FONT,
    "fontsize": FONT_SIZE,
    "parse_math": False,
    "usetex": False,
}
DPI = 100  # one inch of matplotlib is 100 pixels of CSS
SIZE_PX = (384, 270)  # two beside each other in a window of 1,000 pixels
WIDE_PX = (780, 300)
CHARACTER_PX, LINE_PX = 6.2, 16  # of the words: an average width, and from line to line
LARGEST_MARK = 60  # in a legend, in square points: a larger one would cover the words
HANDLE_PX = 24  # of a legend's entry: the mark, and the space around it
SHARPNESS = 2.0  # pixels for one of CSS in pictures that stay: what most screens have today


class Plot(Figure):
    """A figure that shows itself in a notebook, whether pyplot is in use or not."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height, in pixels of CSS."""
        width, height = (round(inches * DPI) for inches in self.get_size_inches())
        return width, height

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        width, height = self.size_px
        return png(self, SHARPNESS), {"width": width, "height": height, "alt": words(self)}


def blank(figure: Plot | None = None, size_px: tuple[int, int] = SIZE_PX) -> Plot:
    """Return an empty figure: `figure` wiped, which is twice as fast as a new one, or a new one."""
    if figure is None:
        figure = Plot(figsize=(size_px[0] / DPI, size_px[1] / DPI), dpi=DPI)
        FigureCanvasAgg(figure)
    figure.clear()
    figure.patch.set_alpha(0.0)
    return figure


def resized(figure: Plot, size_px: tuple[int, int]) -> Plot:
    """Return the figure in a size that depends on what is drawn."""
    figure.set_size_inches(size_px[0] / DPI, size_px[1] / DPI)
    return figure


def words(figure: Figure) -> str:
    """Return the alternative text of the figure, which each view sets as its label."""
    return str(figure.get_label())


def new_axes(figure: Figure, margins: Sequence[float] = (0.19, 0.17, 0.96, 0.88)) -> Axes:
    """Return axes in grey ink, without the upper and right line.

    `margins` are left, bottom, right, top, as shares of the figure. Fixed, because a layout engine
    would cost as much as the drawing.
    """
    left, bottom, right, top = margins
    axes = figure.add_axes((left, bottom, right - left, top - bottom))
    axes.patch.set_alpha(0.0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
    # Ticks are most of the cost of drawing, and five are enough to read a value.
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(colors=INK, which="both", labelsize=FONT_SIZE, labelfontfamily=FONT)
    return axes


def label_axes(axes: Axes, x: str, y: str) -> None:
    """Name the axes."""
    axes.set_xlabel(drawable(x), **WORDS)
    axes.set_ylabel(drawable(y), labelpad=2, **WORDS)


def titled(figure: Plot, text: str) -> None:
    """Say above the plot what it shows."""
    width, height = figure.size_px
    most = int((width - 16) / CHARACTER_PX)
    line = text if len(text) <= most else f"{text[: most - 1]}…"
    figure.text(8 / width, 1 - LINE_PX / height, drawable(line), **WORDS)


def legend_above(axes: Axes) -> None:
    """Explain the marks between the title and the plot, where they hide nothing.

    In as many rows as it takes; the axes make room for them.
    """
    handles, labels = axes.get_legend_handles_labels()
    labels = [drawable(label) for label in labels]
    figure, box = axes.get_figure(), axes.get_position()
    assert isinstance(figure, Plot)
    width, height = figure.size_px
    widths = [HANDLE_PX + CHARACTER_PX * len(label) for label in labels]
    n_columns = _columns(widths, width * (1 - box.x0))
    n_rows = -(-len(labels) // n_columns)
    top = 1 - (2 + n_rows) * LINE_PX / height
    axes.set_position((box.x0, box.y0, box.width, top - box.y0))
    legend = axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.3,
        ncols=n_columns,
        fontsize=FONT_SIZE,
        frameon=False,
        handlelength=1.1,
        handletextpad=0.3,
        columnspacing=0.6,
        labelspacing=0.2,
    )
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.update({**WORDS, "text": label})
    for mark in legend.legend_handles:
        if isinstance(mark, PathCollection):
            mark.set_sizes([min(*mark.get_sizes(), LARGEST_MARK)])


def _columns(widths_px: Sequence[float], room_px: float) -> int:
    """Return in how many columns the entries of a legend fit.

    matplotlib fills them one after the other, the first ones with one entry more.
    """
    for n_columns in range(len(widths_px), 1, -1):
        n_each, n_more = divmod(len(widths_px), n_columns)
        ends = list(accumulate(n_each + (k < n_more) for k in range(n_columns)))
        columns = [widths_px[a:b] for a, b in pairwise([0, *ends])]
        if sum(map(max, columns)) <= room_px:
            return n_columns
    return 1


def sentence(figure: Plot, text: str) -> Plot:
    """Return the figure with a sentence instead of a plot."""
    figure.text(0.5, 0.5, drawable(text), ha="center", **WORDS)
    return figure


def png(figure: Figure, scale: float = 1.0) -> bytes:
    """Return the figure as PNG, `scale` times as many pixels as its size."""
    file = io.BytesIO()
    # Compression level 1: 8 ms of 13 saved for 10 % more bytes.
    options = {"compress_level": 1} if scale == 1 else {"optimize": True}
    figure.savefig(file, format="png", dpi=DPI * scale, transparent=True, pil_kwargs=options)
    return file.getvalue()


def captioned(figure: Plot) -> Plot:
    """Return the figure with its words beneath the plot: what it says, for print and for all."""
    text = words(figure)
    width, height = figure.size_px
    if not figure.axes:  # a sentence already
        return figure
    lines = wrap(drawable(text), int(width / CHARACTER_PX))
    more = LINE_PX * len(lines) + 10
    scale, shift = height / (height + more), more / (height + more)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0 * scale + shift, box.width, box.height * scale))
    for title in figure.texts:
        x, y = title.get_position()
        title.set_position((x, y * scale + shift))
    figure.set_size_inches(width / DPI, (height + more) / DPI)
    figure.text(0.02, 6 / (height + more), "\n".join(lines), va="bottom", **WORDS)
    return figure


def drawable(text: str) -> str:
    """Return `text` with a box for each character that the font lacks; matplotlib would warn."""
    return "".join(c if _has_glyph(c) else "□" for c in text)


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    return character in "\n\t" or get_font(findfont(FONT)).get_char_index(ord(character)) != 0
