"""The convergence plot: each trial's value, the best so far, and the start.

Read from left to right it says whether the search still finds better settings. A wild trial must
not flatten the others: values far on the bad side are drawn at the edge, and counted.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import Convergence, best_so_far, best_trial, counts
from hpo_magic.core.trial import Direction, State
from hpo_magic.views.canvas import (
    BEST,
    FAILED,
    START,
    TRIAL,
    Plot,
    blank,
    drawable,
    label_axes,
    legend_above,
    new_axes,
    sentence,
    titled,
)
from hpo_magic.views.front import coverage
from hpo_magic.views.words.numbers import counted, number, shortened
from hpo_magic.views.words.progress import digits_of, gain_text

# A value counts as wild when it is this many times further from the best than three quarters of
# the values: Tukey's "far out" fence, taken from the best since the good side is never cut.
FENCE = 3.0
SMALL_FROM = 150  # trials; beyond it the dots would run together


def convergence(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the convergence plot, drawn into `figure` where one is given.

    With several objectives it is what their front covers.
    """
    if snapshot.is_multi_objective:
        return coverage(snapshot, figure)
    figure = blank(figure)
    figure.set_label(convergence_alt(snapshot))
    line = best_so_far(snapshot)
    axes = new_axes(figure)
    label_axes(axes, "trial", snapshot.metric)
    if not len(line.values):
        return sentence(figure, "No trial is complete yet.")
    titled(figure, f"Convergence: {shortened(snapshot.metric)} of each trial, and the best seen")
    low, high = visible_range(line.values, snapshot.direction)
    _draw_trials(axes, line, low, high)
    _draw_best(axes, line, low, high)
    _draw_start(axes, snapshot, low, high)
    _draw_without_value(axes, snapshot, low, high)
    margin = 0.06 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    # At least 0 and 1: a single trial would get ticks at its fractions.
    axes.set_xlim(-0.5, max(1, *(t.number for t in snapshot.history.trials)) + 0.5)
    legend_above(axes)
    return figure


def visible_range(values: FloatArray, direction: Direction) -> tuple[float, float]:
    """Return the lowest and highest value to be shown; low < high.

    `values` has the shape (n_trials,).

    The good side is never cut.
    """
    losses = direction.sign * values
    best = float(losses.min())
    fence = best + FENCE * (float(np.quantile(losses, 0.75, method="lower")) - best)
    within = losses[losses <= fence] if fence > best else losses
    worst = float(within.max())
    if worst == best:
        room = abs(best) * 0.05 or 0.5
        best, worst = best - room, worst + room
    low, high = sorted((direction.sign * best, direction.sign * worst))
    return low, high


def _draw_trials(axes: Axes, line: Convergence, low: float, high: float) -> None:
    inside = (line.values >= low) & (line.values <= high)
    size = 22 if len(line.values) <= SMALL_FROM else 7
    axes.scatter(
        line.numbers[inside],
        line.values[inside],
        s=size,
        facecolors="none",
        edgecolors=TRIAL,
        linewidths=1.0,
        label="trial",
    )
    if inside.all():
        return
    is_high = bool((line.values > high).any())
    edge, marker = (high, "^") if is_high else (low, "v")
    label = f"off scale ({int((~inside).sum()):,})"
    off = line.numbers[~inside]
    axes.scatter(off, np.full(len(off), edge), s=size, marker=marker, color=TRIAL, label=label)


def _draw_best(axes: Axes, line: Convergence, low: float, high: float) -> None:
    shown = np.clip(line.best, low, high)
    axes.step(line.numbers, shown, where="post", color=BEST, linewidth=1.8, label="best seen")
    first = int(np.flatnonzero(line.values == line.best[-1])[0])
    axes.scatter([line.numbers[first]], [line.best[-1]], marker="*", s=110, color=BEST, zorder=4)


def _draw_start(axes: Axes, snapshot: Snapshot, low: float, high: float) -> None:
    start = snapshot.start
    if start is not None and start.value is not None and low <= start.value <= high:
        label = drawable(f"start {number(start.value, digits_of(snapshot))}")
        axes.axhline(start.value, color=START, linestyle=(0, (5, 3)), linewidth=1.2, label=label)


def _draw_without_value(axes: Axes, snapshot: Snapshot, low: float, high: float) -> None:
    """Mark failed and pruned trials at the bad edge, each by a shape of its own."""
    bad = high if snapshot.direction is Direction.MINIMIZE else low
    for state, marker, color in ((State.FAILED, "x", FAILED), (State.PRUNED, "|", TRIAL)):
        numbers = [t.number for t in snapshot.trials if t.state is state]
        if numbers:
            label = f"{state.value} ({len(numbers):,})"
            spots = [bad] * len(numbers)
            axes.scatter(numbers, spots, marker=marker, s=26, c=color, linewidths=1.3, label=label)


def convergence_alt(snapshot: Snapshot) -> str:
    """Return the alternative text of the plot."""
    best, start, digits = best_trial(snapshot), snapshot.start, digits_of(snapshot)
    if best is None:
        return "Convergence: no trial is complete yet."
    found = counts(snapshot)
    parts = [
        f"Convergence of {snapshot.metric} over {counted(len(snapshot.history.complete), 'trial')}",
        f"best seen {number(best.value, digits)} in trial {best.number}",
    ]
    if start is not None and start.value is not None:
        parts.append(f"start {number(start.value, digits)}")
    if better := gain_text(snapshot):
        parts.append(f"the best seen is {better}, biased by selection")
    parts += [f"{found[s]:,} {s.value}" for s in (State.FAILED, State.PRUNED) if found[s]]
    return "; ".join(parts) + "."
