"""The front of several objectives: every trial by two of them, and the line that none is beyond.

With more than two objectives there is one plot for each pair of the first with another, and what is
on the front of all of them may lie behind the line of two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.pareto_front import WIDE, BoolArray, Scale, hypervolume, is_on_front
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial
from hpo_magic.core.trial import Trial
from hpo_magic.views.canvas import (
    BEST,
    INK,
    START,
    TRIAL,
    Plot,
    blank,
    label_axes,
    legend_above,
    new_axes,
    sentence,
    titled,
)
from hpo_magic.views.words.numbers import counted, shortened
from hpo_magic.views.words.progress import named_values_text

MOST_PAIRS = 3
LEFT, BOTTOM, RIGHT, TOP = 0.15, 0.17, 0.97, 0.88
SMALL_FROM = 150  # trials; beyond it the dots would run together
# Values beyond are drawn at the edge: so many times as far from the front's end as that is from the
# other end, a wild trial would squeeze the front into a corner.
FENCE = 4.0
# Where the space that is covered begins, on the front's own scale: its ends count a little, too.
BEYOND = 1.1


def front(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the plot, drawn into `figure` where one is given."""
    figure = blank(figure)
    figure.set_label(front_alt(snapshot))
    if not snapshot.history.complete:
        return sentence(figure, "No trial is complete yet.")
    if not snapshot.is_multi_objective:
        return sentence(figure, "One objective has no front: it has a best value.")
    metrics = " and ".join(shortened(goal.metric) for goal in snapshot.goals)
    titled(figure, f"The front of {metrics}: what no trial is beyond")
    pairs = range(1, len(snapshot.goals))[:MOST_PAIRS]
    width = (RIGHT - LEFT) / len(pairs)
    for place, k in enumerate(pairs):
        left = LEFT + place * width
        right = left + width - (0.1 if len(pairs) > place + 1 else 0.0)
        axes = new_axes(figure, (left, BOTTOM, right, TOP))
        _draw(axes, snapshot, k)
        if place == 0:
            legend_above(axes)
            top = axes.get_position().y1
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, box.width, top - box.y0))
    return figure


def _draw(axes: Axes, snapshot: Snapshot, k: int) -> None:
    """Draw objective `k` to the right and the first one upwards."""
    complete = snapshot.history.complete
    values = objective_values(snapshot, complete)[:, [k, 0]]
    on_front = {t.number for t in snapshot.history.front}
    is_on = np.array([t.number in on_front for t in complete])
    places, is_off = _within(axes, snapshot, values, k)
    is_plain = ~is_on & ~is_off
    size = 20 if len(complete) <= SMALL_FROM else 7
    right, up = places.T
    axes.scatter(
        right[is_plain],
        up[is_plain],
        s=size,
        facecolors="none",
        edgecolors=TRIAL,
        linewidths=1.0,
        label="trial",
    )
    if is_off.any():
        label = f"off scale ({int(is_off.sum()):,})"
        axes.scatter(right[is_off], up[is_off], s=size, marker="x", color=TRIAL, label=label)
    _draw_line(axes, snapshot, values[is_on], k)
    axes.scatter(right[is_on], up[is_on], s=30, color=BEST, zorder=3, label="front")
    numbers = [t.number for t in complete]
    for trial, marker, area, color, name in _marked(snapshot):
        at = numbers.index(trial.number) if trial.number in numbers else None
        if at is not None and not is_off[at]:
            axes.scatter(
                right[at], up[at], marker=marker, s=area, color=color, zorder=4, label=name
            )
    label_axes(axes, _label(snapshot, k), _label(snapshot, 0))


def _marked(snapshot: Snapshot) -> list[tuple[Trial, str, int, str, str]]:
    """Return the trials that have marks of their own: shape, size, ink and name of it."""
    found = []
    start, best = snapshot.start, best_trial(snapshot)
    if start is not None:
        found.append((start, "D", 36, START, "start"))
    if best is not None:
        how = "chosen" if best.number == snapshot.chosen else "balanced"
        found.append((best, "*", 120, BEST, f"{how}: trial {best.number}"))
    return found


def _draw_line(axes: Axes, snapshot: Snapshot, values: FloatArray, k: int) -> None:
    """Draw the steps along the front of two objectives: what lies beyond them nobody reached.

    `values` has the shape (n_trials, 2).
    """
    right, up = front_corners(snapshot, values, k).T
    # From one point to the next, the line goes where both are still beaten.
    is_minimized = snapshot.goals[k].direction.sign > 0
    axes.step(
        right, up, where="post" if is_minimized else "pre", color=BEST, linewidth=1.6, zorder=2
    )


def front_corners(snapshot: Snapshot, values: FloatArray, k: int) -> FloatArray:
    """Return the points of objective `k` and the first one that none is beyond, left to right.

    `values` has the shape (n_trials, 2), the points (n_corners, 2).
    """
    signs = np.array([snapshot.goals[j].direction.sign for j in (k, 0)])
    corners = values[is_on_front(values * signs)]
    return np.asarray(corners[np.argsort(corners[:, 0])])


class FrontAxis(NamedTuple):
    """The axis of one objective: its limits, and the worst value that is not at the edge."""

    is_log: bool
    low: float
    high: float
    worst: float


def front_axis(snapshot: Snapshot, k: int) -> FrontAxis:
    """Return the axis of objective `k`, whose scale and limits are set by the front."""
    values = objective_values(snapshot, snapshot.history.complete)[:, k]
    on_front = {t.number for t in snapshot.history.front}
    is_on = np.array([t.number in on_front for t in snapshot.history.complete])
    sign, is_log = snapshot.goals[k].direction.sign, _is_log(values)
    losses = sign * (np.log(values) if is_log else values)
    best, end = float(losses.min()), float(losses[is_on].max())
    extent = (end - best) or (float(losses.max()) - best) or abs(best) * 0.05 or 0.5
    shown = np.minimum(losses, end + FENCE * extent)
    margin = 0.06 * max(float(shown.max()) - best, extent)
    ends = (sign * (best - margin), sign * (float(shown.max()) + margin), sign * float(shown.max()))
    first, last, worst = (float(np.exp(end)) if is_log else end for end in ends)
    return FrontAxis(is_log, min(first, last), max(first, last), worst)


def _within(
    axes: Axes, snapshot: Snapshot, values: FloatArray, k: int
) -> tuple[FloatArray, BoolArray]:
    """Set scales and limits by the front; return the places, and which are wild: at the edge.

    `values` and the places have the shape (n_trials, 2), the marks (n_trials,).
    """
    places, is_off = values.copy(), np.zeros(len(values), dtype=np.bool_)
    for column, j in enumerate((k, 0)):
        axis, sign = front_axis(snapshot, j), snapshot.goals[j].direction.sign
        places[:, column] = sign * np.minimum(sign * values[:, column], sign * axis.worst)
        is_off |= sign * values[:, column] > sign * axis.worst + abs(axis.worst) * 1e-9
        limits = {f"{'xy'[column]}lim": (axis.low, axis.high)}
        axes.set(**{f"{'xy'[column]}scale": "log"} if axis.is_log else {}, **limits)
    return places, is_off


def _is_log(values: FloatArray) -> bool:
    return bool((values > 0).all() and values.max() / values.min() > WIDE)


def _label(snapshot: Snapshot, k: int) -> str:
    goal = snapshot.goals[k]
    better = "smaller" if goal.direction.sign > 0 else "larger"
    return f"{goal.metric} ({better} is better)"


def objective_values(snapshot: Snapshot, trials: tuple[Trial, ...] | list[Trial]) -> FloatArray:
    """Return the trials' values of all objectives, of shape (n_trials, n_objectives)."""
    signs = [goal.direction.sign for goal in snapshot.goals]
    values: FloatArray = snapshot.history.losses(trials) * signs
    return values


def front_alt(snapshot: Snapshot) -> str:
    """Return the alternative text of the plot."""
    found, best = snapshot.history.front, best_trial(snapshot)
    if best is None:
        return "The front: no trial is complete yet."
    metrics = " and ".join(goal.metric for goal in snapshot.goals)
    head = f"{counted(len(found), 'trial')} of {len(snapshot.history.complete):,} on the front"
    first, last = (named_values_text(snapshot, trial) for trial in (found[0], found[-1]))
    how = "chosen" if best.number == snapshot.chosen else "the balanced point"
    point = f"{how} is trial {best.number} ({named_values_text(snapshot, best)})"
    return f"{metrics}: {head}, from ({first}) to ({last}); {point}."


# What the front covers, trial by trial: the convergence of several objectives.


def coverage(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return a plot of the hypervolume over the trials, as a share of what it is in the end."""
    figure = blank(figure)
    numbers, shares = covered_shares(snapshot)
    axes = new_axes(figure)
    label_axes(axes, "trial", "covered by the front (hypervolume)")
    if not len(shares):
        figure.set_label("Convergence: no trial is complete yet.")
        return sentence(figure, "No trial is complete yet.")
    titled(figure, "Convergence: what the front covers up to each trial")
    last = snapshot.history.last_gain
    assert last is not None  # there are complete trials
    words = (
        f"What the front of {' and '.join(goal.metric for goal in snapshot.goals)} covers, over "
        f"{counted(len(shares), 'trial')}; the last to join it was trial {last.number}, and half "
        f"of it was covered after trial {numbers[int(np.argmax(shares >= 0.5))]}."
    )
    figure.set_label(words)
    axes.step(numbers, shares, where="post", color=BEST, linewidth=1.8, label="covered")
    joined = np.flatnonzero(np.diff(shares, prepend=0.0) > 0)
    axes.scatter(numbers[joined], shares[joined], s=16, color=TRIAL, label="joined the front")
    axes.set_ylim(-0.03, 1.06)
    axes.set_xlim(-0.5, max(1, int(numbers[-1])) + 0.5)
    axes.tick_params(colors=INK)
    legend_above(axes)
    return figure


def covered_shares(snapshot: Snapshot) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Return the numbers of the complete trials, and the share that the front covers up to each.

    Shape (n_complete,) each.
    """
    complete = snapshot.history.complete
    numbers = np.array([t.number for t in complete], dtype=np.int64)
    volumes = np.zeros(len(complete))
    if not complete:
        return numbers, volumes
    losses = snapshot.history.losses(complete)
    shares = Scale(losses)(losses)
    corner = np.full(shares.shape[1], BEYOND)
    front, volume = shares[:0], 0.0
    for k, point in enumerate(shares):
        if not (front <= point).all(axis=1).any():
            front = np.vstack([front[~(point <= front).all(axis=1)], point])
            volume = hypervolume(front, corner)
        volumes[k] = volume
    return numbers, volumes / volumes[-1]
