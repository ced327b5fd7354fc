"""Slices: each trial's value against one parameter at a time, one small plot for each parameter.

Late trials are drawn stronger: where the search went shows beside what it found. A trial that did
not reach a parameter is not in its plot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from hpo_magic.core.domains import FloatArray
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.summary import best_trial
from hpo_magic.core.trial import Trial
from hpo_magic.views.canvas import (
    BEST,
    TRIAL,
    WIDE_PX,
    WORDS,
    Plot,
    blank,
    drawable,
    resized,
    sentence,
    titled,
)
from hpo_magic.views.convergence import visible_range
from hpo_magic.views.scales import moving, scale, small_axes
from hpo_magic.views.words.numbers import counted, shortened, shown

MOST_PLOTS = 12
IN_A_ROW = 4
ROW_PX = 190
SMALL_FROM = 150  # trials; beyond it the dots would run together
# Of a level's width, over which its dots are spread where there are few levels.
SPREAD, MOST_SPREAD, GOLDEN = 0.5, 8, 0.6180339887
# The best tenth says something of a range once it has so many trials, in so small a part of it.
FEWEST_GOOD = 5
NARROW = 0.5


def slices(snapshot: Snapshot, figure: Plot | None = None) -> Plot:
    """Return the slices, drawn into `figure` where one is given."""
    parameters = moving(snapshot)[:MOST_PLOTS]
    n_rows = max(math.ceil(len(parameters) / IN_A_ROW), 1)
    in_a_row = max(math.ceil(len(parameters) / n_rows), 1)
    size_px = (WIDE_PX[0], ROW_PX * n_rows + 40)
    figure = resized(blank(figure), size_px)  # the space may have grown
    figure.set_label(slices_alt(snapshot))
    complete = snapshot.history.complete
    if not complete or not parameters:
        return sentence(figure, "No trial is complete yet.")
    values = np.array([t.value for t in complete], dtype=np.float64)
    low, high = visible_range(values, snapshot.direction)
    titled(figure, _title(snapshot))
    for k, parameter in enumerate(parameters):
        axes = small_axes(figure, k, n_rows, in_a_row, top_px=30)
        _draw(axes, parameter, complete, np.clip(values, low, high))
        margin = 0.07 * (high - low)
        axes.set_ylim(low - margin, high + margin)
        if k % in_a_row:
            axes.set_yticklabels([])
        _mark_best(axes, parameter, best_trial(snapshot))
    return figure


def _title(snapshot: Snapshot) -> str:
    metric = shortened(snapshot.metric)
    return f"Slices: {metric} against each parameter; late trials stronger, the best a star"


def _draw(axes: Axes, parameter: Parameter, trials: Sequence[Trial], values: FloatArray) -> None:
    reached = [k for k, trial in enumerate(trials) if parameter.name in trial.params]
    places = np.array([slice_place(parameter, trials[k]) for k in reached])
    age = np.array(reached, dtype=np.float64) / max(len(trials) - 1, 1)
    size = 16 if len(trials) <= SMALL_FROM else 5
    colours = [to_rgba(TRIAL, 0.4 + 0.5 * float(share)) for share in age]
    axes.scatter(places, values[reached], s=size, c=colours, lw=0)
    scale(axes.xaxis, parameter)
    axes.set_xlim(-0.04, 1.04)
    axes.set_xlabel(drawable(parameter.name), labelpad=1, **WORDS)


def slice_place(parameter: Parameter, trial: Trial) -> float:
    """Return where the trial lies along the parameter: about in [0, 1].

    Trials on one of few levels lie side by side, or they would hide each other.
    """
    place = parameter.domain.unit(trial.params[parameter.name])
    n_levels = parameter.domain.n_levels
    if n_levels is not None and n_levels <= MOST_SPREAD:
        place += (trial.number * GOLDEN % 1 - 0.5) * SPREAD / n_levels
    return place


def _mark_best(axes: Axes, parameter: Parameter, best: Trial | None) -> None:
    if best is not None and best.value is not None and parameter.name in best.params:
        place = parameter.domain.unit(best.params[parameter.name])
        axes.scatter([place], [best.value], marker="*", s=90, color=BEST, zorder=4)


def slices_alt(snapshot: Snapshot) -> str:
    """Return where the best tenth of the trials lies, for each parameter where that is narrow."""
    ranked = snapshot.history.ranked
    if not ranked:
        return "Slices: no trial is complete yet."
    head = f"Slices of {counted(len(ranked), 'trial')}"
    good = ranked[: max(round(len(ranked) / 10), 1)]
    if len(good) < FEWEST_GOOD:
        return f"{head}: too few to say where the good values are."
    found = (_where(parameter, good) for parameter in moving(snapshot)[:MOST_PLOTS])
    told = [text for text in found if text]
    if not told:
        return f"{head}: the best tenth is spread over all ranges."
    return f"{head}: the best {len(good)} have {', '.join(told)}."


def _where(parameter: Parameter, good: Sequence[Trial]) -> str:
    """Return which values the good trials share; "" where they are all over the range."""
    name, domain = parameter.name, parameter.domain
    values = [trial.params[name] for trial in good if name in trial.params]
    if len(values) < FEWEST_GOOD:
        return ""
    if len(set(map(repr, values))) == 1:
        return f"{name} {shown(values[0])}"
    units = sorted(domain.unit(value) for value in values)
    if getattr(domain, "ordered", True) and units[-1] - units[0] < NARROW:
        return f"{name} {shown(domain.value(units[0]))} to {shown(domain.value(units[-1]))}"
    return ""
