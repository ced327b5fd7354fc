"""Axes for parameters: places in the unit interval, marked with the parameter's own values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from matplotlib.axes import Axes

from hpo_magic.core.domains import Choice, Plain
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.summary import active_names
from hpo_magic.views.canvas import WORDS, Plot, drawable, new_axes
from hpo_magic.views.words.numbers import shortened, shown

MOST_LEVELS = 5
LEFT_PX, GAP_PX, BELOW_PX = 58, 14, 44


def moving(snapshot: Snapshot, names: Collection[str] | None = None) -> list[Parameter]:
    """Return the parameters with more than one value that complete trials reached.

    In the order of the space; of `names` alone where they are given.
    """
    active = [n for n in active_names(snapshot, snapshot.history.complete) if n in snapshot.space]
    chosen = [n for n in active if names is None or n in names]
    return [snapshot.space[n] for n in chosen if snapshot.space[n].domain.n_levels != 1]


def scale(axis: Any, parameter: Parameter) -> None:
    """Mark an axis of the unit interval with values of the parameter."""
    domain = parameter.domain
    n = domain.n_levels
    if n is not None and n <= MOST_LEVELS:
        values = [domain.value((k + 0.5) / n) for k in range(n)]
    elif isinstance(domain, Choice):
        values = [domain.value(0.0), domain.value(1.0)]
    else:
        values = [domain.low, domain.middle, domain.high]
    texts = [drawable(shortened(_brief(value), 9)) for value in values]
    axis.set_ticks([domain.unit(value) for value in values], texts, **{**WORDS, "fontsize": 7})


def _brief(value: Plain) -> str:
    return f"{value:.3g}" if isinstance(value, float) else shown(value)


def small_axes(
    figure: Plot, place: int, n_rows: int, n_columns: int, *, top_px: int = 8, gap_px: int = GAP_PX
) -> Axes:
    """Return the axes at a place of a grid, counted row by row from 0; distances in pixels."""
    width, height = figure.size_px
    row, column = divmod(place, n_columns)
    cell_w = (width - LEFT_PX - 8) / n_columns
    cell_h = (height - top_px) / n_rows
    left = LEFT_PX + column * cell_w
    bottom = height - top_px - (row + 1) * cell_h + BELOW_PX
    right, top = left + cell_w - gap_px, bottom + cell_h - BELOW_PX - 8
    return new_axes(figure, (left / width, bottom / height, right / width, top / height))
