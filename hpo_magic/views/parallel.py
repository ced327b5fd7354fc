"""Parallel coordinates: one axis for each parameter, one line for each trial, good ones in colour.

Only what was active is drawn: where a trial did not reach a parameter its line is broken, and thin
dashes lead to where it goes on. A pruned trial's line is dotted and ends before the axis of the
values: it has none.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from hpo_magic.core.domains import Choice, FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.summary import best_trial, counts
from hpo_magic.core.trial import State, Trial
from hpo_magic.views.canvas import (
    BEST,
    INK,
    TRIAL,
    WIDE_PX,
    WORDS,
    Plot,
    blank,
    drawable,
    new_axes,
    sentence,
    titled,
)
from hpo_magic.views.convergence import visible_range
from hpo_magic.views.scales import moving
from hpo_magic.views.words.numbers import counted, number, setting, shown

MOST_AXES = 10  # more would not be told apart in 780 pixels
MOST_TICKS = 6
GOOD_SHARE, MOST_GOOD = 0.1, 20  # of the trials, drawn in colour
MOST_LINES = 400  # beyond it more lines add grey, and drawing time


def parallel(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the parallel coordinates, drawn into `figure` where one is given."""
    figure = blank(figure, WIDE_PX)
    figure.set_label(parallel_alt(snapshot))
    complete = snapshot.history.ranked
    parameters = moving(snapshot)[:MOST_AXES]
    if not complete or not parameters:
        return sentence(figure, "No trial is complete yet.")
    titled(figure, "Parallel coordinates: a line for each trial; good ones blue, the best orange")
    axes = new_axes(figure, (0.06, 0.16, 0.9, 0.88))
    pruned = [t for t in snapshot.history.trials if t.state is State.PRUNED][-MOST_LINES:]
    _draw_lines(axes, _settings(pruned, parameters), INK, 0.7, 0.35, "dotted")
    places = _places(complete[:MOST_LINES], parameters, snapshot)
    n_good = n_highlighted(len(complete))
    _draw_lines(axes, places[n_good:], INK, 0.7, max(0.12, min(0.5, 20 / len(places))))
    _draw_lines(axes, places[1:n_good], TRIAL, 1.1, 0.75)
    _draw_lines(axes, places[:1], BEST, 2.2, 1.0)
    _draw_axes(axes, parameters, snapshot)
    return figure


def n_highlighted(n_complete: int) -> int:
    """Return how many of the best trials are drawn in colour."""
    return min(max(round(GOOD_SHARE * n_complete), 1), MOST_GOOD)


def _places(trials: list[Trial], parameters: list[Parameter], snapshot: Snapshot) -> FloatArray:
    """Return where each line crosses each axis: (n_trials, n_parameters + 1), NaN for a gap."""
    places = _settings(trials, parameters)
    values = np.array([t.value for t in trials], dtype=np.float64)
    low, high = visible_range(values, snapshot.direction)
    places[:, -1] = (np.clip(values, low, high) - low) / (high - low)
    return places


def _settings(trials: list[Trial], parameters: list[Parameter]) -> FloatArray:
    """Return the same without the values: the last column is NaN.

    Shape (n_trials, n_params + 1).
    """
    places = np.full((len(trials), len(parameters) + 1), np.nan)
    for row, trial in enumerate(trials):
        for column, parameter in enumerate(parameters):
            if parameter.name in trial.params:
                places[row, column] = parameter.domain.unit(trial.params[parameter.name])
    return places


def _draw_lines(
    axes: Axes, places: FloatArray, color: str, width: float, alpha: float, style: str = "solid"
) -> None:
    """Draw the rows; a row with gaps becomes several lines, with dashes between them.

    `places` has the shape (n_trials, n_axes); NaN where a trial has no value.
    """
    x = np.arange(places.shape[1])
    segments, bridges = [], []
    for row in places:
        reached = np.flatnonzero(~np.isnan(row))
        ends = pairwise(reached)
        bridges += [[(a, row[a]), (b, row[b])] for a, b in ends if b > a + 1]
        gaps = np.flatnonzero(np.isnan(row))
        for piece in np.split(np.column_stack([x, row]), gaps):
            solid = piece[~np.isnan(piece[:, 1])]
            if len(solid) > 1:
                segments.append(solid)
            elif len(solid):  # an active value between two inactive ones
                segments.append(solid + np.array([[-0.06, 0.0], [0.06, 0.0]]))
    lines = LineCollection(segments, colors=color, linewidths=width, linestyles=style, alpha=alpha)
    axes.add_collection(lines)
    dashes = LineCollection(bridges, colors=color, linewidths=0.7 * width, alpha=0.6 * alpha)
    dashes.set_linestyle((0, (2, 3)))
    axes.add_collection(dashes)


def _draw_axes(axes: Axes, parameters: list[Parameter], snapshot: Snapshot) -> None:
    n = len(parameters)
    axes.set_xlim(-0.15, n + 0.15)
    axes.set_ylim(-0.03, 1.03)
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    names = [drawable(p.name) for p in parameters] + [drawable(snapshot.metric)]
    crowded = max(map(len, names)) * len(names) > 70  # characters that fit in 780 pixels
    words = {**WORDS, "fontsize": 8}
    axes.set_xticks(range(n + 1), names, rotation=20 if crowded else 0, **words)
    if crowded:
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
    for column in range(n + 1):
        axes.axvline(column, color=INK, linewidth=0.8)
    for column, parameter in enumerate(parameters):
        for place, text in axis_ticks(parameter):
            _tick(axes, column, place, text)
    values = np.array([t.value for t in snapshot.history.complete], dtype=np.float64)
    low, high = visible_range(values, snapshot.direction)
    for place, value in ((0.0, low), (1.0, high)):
        _tick(axes, n, place, number(value))


def axis_ticks(parameter: Parameter) -> list[tuple[float, str]]:
    """Return the marks of a parameter's axis: their places in [0, 1], and their texts."""
    domain = parameter.domain
    n = domain.n_levels
    if isinstance(domain, Choice) or (n is not None and n <= MOST_TICKS):
        levels = [domain.value((k + 0.5) / (n or 1)) for k in range(min(n or 1, 2 * MOST_TICKS))]
        return [(domain.unit(level), shown(level)[:14]) for level in levels]
    return [(domain.unit(v), shown(v)) for v in (domain.low, domain.middle, domain.high)]


def _tick(axes: Axes, column: int, place: float, text: str) -> None:
    axes.annotate(
        drawable(text),
        (column, place),
        xytext=(3, 0),
        textcoords="offset points",
        va="center",
        **{**WORDS, "fontsize": 7},
    )


def parallel_alt(snapshot: Snapshot) -> str:
    """Return the alternative text of the plot."""
    best = best_trial(snapshot)
    if best is None:
        return "Parallel coordinates: no trial is complete yet."
    n = counted(len(snapshot.history.complete), "trial")
    value = f"{snapshot.metric} {number(best.value)}"
    n_pruned = counts(snapshot)[State.PRUNED]
    cut = f" and {n_pruned:,} pruned" if n_pruned else ""
    return f"Parallel coordinates of {n}{cut}; the best one seen: {setting(best.params)}; {value}."
