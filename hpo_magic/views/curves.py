"""The learning curves: the trials in training against the best one and all the others."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial, curve_metric, running_trials
from hpo_magic.core.trial import State, Trial
from hpo_magic.views.canvas import (
    BEST,
    TRIAL,
    WORDS,
    Plot,
    blank,
    label_axes,
    legend_above,
    new_axes,
    sentence,
    titled,
)
from hpo_magic.views.convergence import visible_range
from hpo_magic.views.words.numbers import counted, number

Path = list[tuple[int, float]]  # (epoch, value), finite
# Curves with their numbers beside them; those of more would lie on each other.
MOST_NUMBERED = 8


def current_curve(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the curves of the trials in training, beside the best one's.

    One alone has the same metric on the training rows with it, thin, where that is reported:
    `accuracy` beside `val_accuracy`. Several have their numbers where they end.
    """
    figure = blank(figure)
    figure.set_label(current_curve_alt(snapshot))
    metric, trials = curve_metric(snapshot), _current(snapshot)
    if metric is None or not trials:
        return sentence(figure, "No epoch is reported yet.")
    titled(figure, "Learning curve of the latest trial, and of the best")
    axes = new_axes(figure)
    if len(trials) == 1:
        _draw_alone(axes, trials[0], metric)
    else:
        _draw_together(axes, trials, metric)
    best = best_trial(snapshot)
    if best is not None and best not in trials and best.curve:
        label = f"best seen ({best.number})"
        axes.plot(*_xy(path(best, metric)), color=BEST, linewidth=1.3, label=label)
    axes.margins(x=0.05, y=0.08)
    label_axes(axes, "epoch", metric)
    legend_above(axes)
    return figure


def _draw_alone(axes: Axes, trial: Trial, metric: str) -> None:
    label = f"trial {trial.number}"
    x, y = _xy(path(trial, metric))
    axes.plot(x, y, color=TRIAL, linewidth=2.0, marker="o", markersize=3.5, label=label, zorder=3)
    train = metric.removeprefix("val_")
    if train != metric and train in trial.curve[-1].metrics:
        x, y = _xy(path(trial, train))
        dots = (0, (1, 1.5))
        axes.plot(x, y, color=TRIAL, linewidth=1.0, linestyle=dots, label=f"its {train}")


def _draw_together(axes: Axes, trials: Sequence[Trial], metric: str) -> None:
    style: dict[str, Any] = {"color": TRIAL, "linewidth": 1.5, "marker": "o", "markersize": 3.0}
    axes.plot([], [], label=f"{len(trials):,} in training", **style)
    for trial in trials:
        line = path(trial, metric)
        axes.plot(*_xy(line), **style, zorder=3)
        if line and len(trials) <= MOST_NUMBERED:
            which, beside = str(trial.number), (5, 0)  # points
            axes.annotate(which, line[-1], beside, textcoords="offset points", va="center", **WORDS)


def current_curve_alt(snapshot: Snapshot) -> str:
    """Return the alternative text of the plot of the trials in training."""
    metric = curve_metric(snapshot)
    told = [
        f"trial {trial.number}: {metric} {number(value)} at epoch {epoch}"
        for trial in _current(snapshot)
        for epoch, value in path(trial, metric or "")[-1:]
    ]
    if not told:
        return "Learning curve: no epoch is reported yet."
    return f"Learning curve{'s' if len(told) > 1 else ''} of {'; '.join(told)}."


def curves(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the learning curves of all trials; the best one stands out."""
    figure = blank(figure)
    figure.set_label(curves_alt(snapshot))
    metric = curve_metric(snapshot)
    limits = curve_limits(snapshot)
    if metric is None or limits is None:
        return sentence(figure, "No epoch is reported: there are no learning curves.")
    paths = [(t, line) for t in snapshot.trials if (line := path(t, metric))]
    titled(figure, "Learning curves of all trials, the pruned ones cut")
    axes = new_axes(figure)
    fade = min(0.5, max(0.08, 12 / len(paths)))
    lines = LineCollection([p for _, p in paths], colors=TRIAL, linewidths=0.8, alpha=fade)
    axes.add_collection(lines)
    _mark_pruned(axes, [line[-1] for trial, line in paths if trial.state is State.PRUNED])
    _mark_waiting(axes, [line[-1] for trial, line in paths if trial.state is State.WAITING])
    best = best_trial(snapshot)
    if best is not None and best.curve:
        label = f"best seen (trial {best.number})"
        axes.plot(*_xy(path(best, metric)), color=BEST, linewidth=1.8, label=label)
    low, high = limits
    axes.set_ylim(low - 0.04 * (high - low), high + 0.06 * (high - low))
    axes.set_xlim(0.5, max(line[-1][0] for _, line in paths) + 0.5)
    label_axes(axes, "epoch", metric)
    legend_above(axes)
    return figure


def curve_limits(snapshot: Snapshot, known: CurveEnds | None = None) -> tuple[float, float] | None:
    """Return the lowest and highest value of the curves to be shown; None without a curve.

    Curves may begin far off: where three quarters of them begin is shown, not the wildest. `known`
    remembers the ends of each curve from call to call; it never changes the answer.
    """
    metric = curve_metric(snapshot)
    if metric is None:
        return None
    ends = (CurveEnds() if known is None else known).of(snapshot.trials, metric)
    if not len(ends):
        return None
    starts, lasts = ends.T
    low, high = visible_range(lasts, snapshot.direction)
    first, last = (float(np.quantile(starts, share)) for share in (0.25, 0.75))
    return min(low, first), max(high, last)


class CurveEnds:
    """The first and the last finite value of each trial's curve; each is looked for once."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int, str], tuple[float, float]] = {}

    def of(self, trials: Iterable[Trial], metric: str) -> FloatArray:
        """Return the ends of each curve that has a finite value; shape (n_such_curves, 2)."""
        found = []
        for trial in trials:
            key = (trial.number, len(trial.curve), metric)
            if key not in self._found:
                values = [value for _, value in path(trial, metric)] or [math.nan]
                self._found[key] = values[0], values[-1]
            found.append(self._found[key])
        ends = np.array(found, dtype=np.float64).reshape(-1, 2)
        whole: FloatArray = ends[~np.isnan(ends[:, 0])]
        return whole


def _mark_pruned(axes: Axes, ends: Path) -> None:
    """Put a bar where a training was pruned: its curve was not at its end."""
    if ends:
        label = f"pruned ({len(ends):,})"
        axes.scatter(*_xy(ends), marker="|", s=36, color=TRIAL, linewidths=1.2, label=label)


def _mark_waiting(axes: Axes, ends: Path) -> None:
    """Put a ring where a training waits: its curve may go on there."""
    if ends:
        label = f"waiting ({len(ends):,})"
        axes.scatter(*_xy(ends), s=26, facecolors="none", edgecolors=BEST, label=label)


def curves_alt(snapshot: Snapshot) -> str:
    """Return the alternative text of the plot of all learning curves."""
    metric = curve_metric(snapshot)
    n = sum(1 for t in snapshot.trials if t.curve)
    states = Counter(t.state for t in snapshot.trials if t.curve)
    if metric is None:
        return "Learning curves: no epoch is reported."
    best = best_trial(snapshot)
    line = path(best, metric) if best is not None else []
    end = f"; the best one ends at {number(line[-1][1])} after epoch {line[-1][0]}" if line else ""
    some = [s for s in (State.PRUNED, State.WAITING) if states[s]]
    cut = "".join(f", {states[state]:,} {state.value}" for state in some)
    return f"Learning curves of {metric} in {counted(n, 'trial')}{cut}{end}."


def _current(snapshot: Snapshot) -> list[Trial]:
    """Return the trials in training, or the one that ended last, as far as they have a curve."""
    running = [t for t in running_trials(snapshot) if t.curve]
    return running or [t for t in snapshot.trials if t.curve][-1:]


def path(trial: Trial, metric: str) -> Path:
    """Return the trial's finite values of the metric, with their epochs."""
    found = ((point.step, point.metrics.get(metric)) for point in trial.curve)
    return [(step, value) for step, value in found if value is not None and math.isfinite(value)]


def _xy(line: Path) -> tuple[list[int], list[float]]:
    return [step for step, _ in line], [value for _, value in line]
