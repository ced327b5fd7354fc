"""The timeline: when each trial ran, for how long, and how it ended.

Trials that run one after another have a row each, by number; where several run at once, a row is a
worker's: each trial is put into the first row that is free. Many trials one after another stand
upright: the height is their duration. Long times in which nothing ran (the night between two runs
of the search) are cut out, and marked.
"""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import FuncFormatter, MaxNLocator

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.views.canvas import (
    BEST,
    FAILED,
    INK,
    START,
    TRIAL,
    WIDE_PX,
    WORDS,
    Plot,
    blank,
    label_axes,
    legend_above,
    new_axes,
    sentence,
    titled,
)
from hpo_magic.views.words.numbers import counted, duration

# A pause is cut where it is longer than this part of all the training.
LONG_PAUSE = 0.2
CUT_PAUSE = 0.03  # what is left of it
COLOURS = {
    "complete": TRIAL,
    "re-check": START,
    "pruned": INK,
    "failed": FAILED,
    "running": BEST,
    "waiting": BEST,
}
LEAST_PX = 2.0  # the shortest trial can be seen
MOST_ROWS = 40


class Bar(NamedTuple):
    """One trial: its row, counted from 0, and its seconds from the first start, pauses cut."""

    trial: Trial
    row: int
    begin: float
    end: float


def bars(snapshot: Snapshot) -> tuple[list[Bar], list[tuple[float, float]], int]:
    """Return the bars, the pauses that were cut (where, and how long in seconds), and the rows."""
    spans = sorted(_spans(snapshot), key=lambda span: (span[1], span[0].number))
    if not spans:
        return [], [], 0
    busy = sum(end - begin for _, begin, end in spans)
    made, pauses = [], []
    cut, last = spans[0][1], spans[0][1]
    free: list[float] = []  # when each row is free again
    for trial, begin, end in spans:
        if begin - last > LONG_PAUSE * busy:
            pauses.append((last - cut, begin - last))
            cut += begin - last - CUT_PAUSE * busy
        row = next((k for k, at in enumerate(free) if at <= begin), len(free))
        free[row : row + 1] = [end]
        made.append(Bar(trial, row, begin - cut, end - cut))
        last = max(last, end)
    if len(free) == 1:
        made = [bar._replace(row=k) for k, bar in enumerate(made)]
    return made, pauses, len(free)


def _spans(snapshot: Snapshot) -> list[tuple[Trial, float, float]]:
    spans = []
    for trial in snapshot.trials:
        is_running = trial.state is State.RUNNING
        took = snapshot.at - (trial.started or 0.0) if is_running else trial.duration_s
        if trial.started is not None and took is not None:
            spans.append((trial, trial.started, trial.started + max(took, 0.0)))
    return spans


def timeline(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the timeline, drawn into `figure` where one is given."""
    figure = blank(figure, WIDE_PX)
    figure.set_label(timeline_alt(snapshot))
    drawn, pauses, n_rows = bars(snapshot)
    if not drawn:
        return sentence(figure, "No trial has been timed yet.")
    is_upright = n_rows == 1 and len(drawn) > MOST_ROWS
    what = "how long each trial took" if is_upright else "when each trial ran"
    who = f", on {n_rows} workers" if n_rows > 1 else ""
    titled(figure, f"Timeline: {what}, and how it ended{who}")
    axes = new_axes(figure, (0.1, 0.16, 0.95, 0.9))
    _draw_bars(axes, drawn, upright=is_upright)
    axes.xaxis.set_major_formatter(FuncFormatter(_since))
    if is_upright:
        axes.yaxis.set_major_formatter(FuncFormatter(_since))
    _mark_pauses(axes, pauses)
    of_row = "duration" if is_upright else "worker" if n_rows > 1 else "trial"
    label_axes(axes, "time since the first trial began", of_row)
    legend_above(axes)
    return figure


def _since(seconds: float, _: int) -> str:
    return duration(seconds) if seconds > 0 else "0"


def _draw_bars(axes: Axes, drawn: list[Bar], *, upright: bool) -> None:
    """Draw the bars from begin to end, or, upright, from 0 to their duration."""
    rows = max(bar.row for bar in drawn) + 1
    length = max(max(bar.end for bar in drawn), 1e-3)
    longest = max(max(bar.end - bar.begin for bar in drawn), 1e-3)
    thick = max(550 / len(drawn), 0.7) if upright else max(min(150 / rows, 10.0), 1.2)
    least = LEAST_PX * length / 700
    for name, colour in COLOURS.items():
        own = [bar for bar in drawn if outcome(bar.trial) == name]
        if upright:
            lines = [[(b.begin, 0.0), (b.begin, b.end - b.begin)] for b in own]
        else:
            lines = [[(b.begin, b.row), (max(b.end, b.begin + least), b.row)] for b in own]
        if own:
            label = f"{name} ({len(own):,})"
            axes.add_collection(
                LineCollection(lines, colors=colour, linewidths=thick, label=label, capstyle="butt")
            )
    axes.set_xlim(0, length * 1.01)
    axes.set_ylim(*((0, longest * 1.05) if upright else (rows - 0.4, -0.6)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=not upright))


def _mark_pauses(axes: Axes, pauses: list[tuple[float, float]]) -> None:
    for where, length in pauses:
        axes.axvline(where, color=INK, linestyle=(0, (1, 2)), linewidth=1.0)
        axes.annotate(
            f" pause {duration(length)}",
            (where, 0.0),
            xycoords=("data", "axes fraction"),
            va="bottom",
            **{**WORDS, "fontsize": 7},
        )


def outcome(trial: Trial) -> str:
    """Return as which of `COLOURS` a trial is drawn."""
    if trial.state is State.COMPLETE:
        return "re-check" if trial.kind is Kind.RECHECK else "complete"
    if trial.state in (State.FAILED, State.RUNNING, State.WAITING):
        return str(trial.state.value)
    return "pruned"  # or skipped, or stopped: it was ended early


def timeline_alt(snapshot: Snapshot) -> str:
    """Return how the time was spent, in words."""
    spans = _spans(snapshot)
    if not spans:
        return "Timeline: no trial has been timed yet."
    busy = sum(end - begin for _, begin, end in spans)
    trial, begin, end = max(spans, key=lambda span: span[2] - span[1])
    parts = [f"{counted(len(spans), 'trial')}, {duration(busy)} of training"]
    n_rows = bars(snapshot)[2]
    if n_rows > 1:
        parts.append(f"up to {n_rows} at once")
    if len(spans) > 1:
        parts.append(f"trial {trial.number} took longest, {duration(end - begin)}")
    lost = [e - b for t, b, e in spans if t.state is State.FAILED]
    if lost:
        parts.append(f"{len(lost):,} failed, after {duration(sum(lost))} in all")
    return f"Timeline: {'; '.join(parts)}."
