"""Honest against best seen: what the best settings were in the search, and what they are again.

Each column is a setting, the best seen first: a circle where the search saw it, a dot for each time
it was run again. Dots on the worse side show the selection bias of the best seen.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import SettingKey, setting_key
from hpo_magic.core.summary import best_trial, rerun_values
from hpo_magic.core.trial import Trial
from hpo_magic.honesty.recheck_results import chosen_trial, honest_of
from hpo_magic.views.canvas import (
    BEST,
    INK,
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
from hpo_magic.views.words.honest import sentence_of
from hpo_magic.views.words.numbers import counted, number
from hpo_magic.views.words.progress import digits_of

MOST_SHOWN = 12  # settings


def optimism(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the plot, drawn into `figure` where one is given."""
    figure = blank(figure)
    figure.set_label(optimism_alt(snapshot))
    shown = _shown(snapshot)
    if not shown:
        return sentence(figure, "No trial is complete yet.")
    again = rerun_values(snapshot)
    what = "the best settings run again" if again else "none was run again"
    titled(figure, f"Honest against best seen: {what}")
    axes = new_axes(figure)
    _draw_honest(axes, snapshot)
    columns = [k for k, t in enumerate(shown) for _ in again.get(setting_key(t.params), ())]
    values = [v for t in shown for v in again.get(setting_key(t.params), ())]
    if values:
        axes.scatter(columns, values, s=14, color=TRIAL, label="run again", zorder=3)
    seen = np.array([t.value for t in shown], dtype=np.float64)
    places = np.arange(len(shown))
    axes.scatter(places, seen, s=30, facecolors="none", edgecolors=BEST, label="as seen", zorder=3)
    chosen = chosen_trial(snapshot)
    names = [f"{t.number}{' ✓' if t is chosen and again else ''}" for t in shown]
    axes.set_xticks(places, names)
    axes.set_xlim(-0.6, max(len(shown), 2) - 0.4)
    label_axes(
        axes, "trial, the best seen first" + (" (✓ chosen)" if again else ""), snapshot.metric
    )
    legend_above(axes)
    return figure


def _shown(snapshot: Snapshot) -> list[Trial]:
    """Return the settings of the columns: those that were run again, or the best where none was."""
    again = rerun_values(snapshot)
    first: dict[SettingKey, Trial] = {}
    for trial in snapshot.history.ranked:
        first.setdefault(setting_key(trial.params), trial)
    run_again = [trial for key, trial in first.items() if key in again]
    return (run_again or list(first.values()))[:MOST_SHOWN]


def _draw_honest(axes: Axes, snapshot: Snapshot) -> None:
    found = honest_of(snapshot)
    if found.value is None:
        return
    label = drawable(f"honest {number(found.value, digits_of(snapshot))}")
    axes.axhline(found.value, color=START, linestyle=(0, (5, 3)), linewidth=1.3, label=label)
    if found.interval is not None:
        low, high = found.interval
        axes.axhspan(low, high, color=START, alpha=0.18, linewidth=0)
    axes.tick_params(colors=INK)


def optimism_alt(snapshot: Snapshot) -> str:
    """Return how far the best seen is from what to expect, in words."""
    best, found = best_trial(snapshot), honest_of(snapshot)
    if best is None:
        return "Honest against best seen: no trial is complete yet."
    digits = digits_of(snapshot)
    n_trials = counted(len(snapshot.history.complete), "trial")
    head = f"Best seen {number(best.value, digits)} in {n_trials}"
    return f"{head}; {sentence_of(found)}."
