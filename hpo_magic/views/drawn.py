"""What the plots in the browser draw, as values that JSON can hold.

The same functions give the places, limits and marks to the pictures (`views/convergence.py` and its
neighbours) and to the browser (`notebook/panel/plots.js`), so both say the same. A study is
described once (`study_drawn`); while it runs, what is new follows: a trial (`Drawing.trial`), the
limits and marks that depend on all trials (`frame_drawn`), and the points of a curve.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import SettingKey, setting_key
from hpo_magic.core.summary import active_names, best_so_far, best_trial, curve_metric
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.honesty.recheck_results import chosen_trial, is_rechecked
from hpo_magic.views.convergence import convergence_alt, visible_range
from hpo_magic.views.curves import CurveEnds, curve_limits, curves_alt, path
from hpo_magic.views.front import (
    MOST_PAIRS,
    covered_shares,
    front_alt,
    front_axis,
    front_corners,
    objective_values,
)
from hpo_magic.views.importance import EXPLAINED_LEAST, importance_alt, measured_importance
from hpo_magic.views.parallel import axis_ticks, n_highlighted, parallel_alt
from hpo_magic.views.scales import moving
from hpo_magic.views.slices import slice_place, slices_alt
from hpo_magic.views.table import SIGNS
from hpo_magic.views.timeline import bars, outcome, timeline_alt
from hpo_magic.views.words.numbers import duration, number, shown
from hpo_magic.views.words.progress import ended_as, goal_text, goal_writers

DIGITS = 6  # significant, of what is drawn: a millionth of a plot's height is not seen


class Drawing:
    """The parts of one snapshot's drawing that trials share.

    Parameters
    ----------
    snapshot
        The search at one moment.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.names = active_names(snapshot)
        self.moving = moving(snapshot)
        self.metric = curve_metric(snapshot)

    @property
    def shape(self) -> tuple[Any, ...]:
        """What all trials are described by; with another one, the study is described anew."""
        snapshot = self.snapshot
        parameters = tuple((p.name, p.domain) for p in self.moving)
        aside = len(snapshot.set_aside)
        return (snapshot.goals, tuple(self.names), parameters, self.metric, aside)

    @cached_property
    def _write(self) -> Any:
        return goal_writers(self.snapshot)

    @cached_property
    def _first_of(self) -> dict[SettingKey, int]:
        """The first trial of each setting that was run again."""
        again = {setting_key(trial.params) for trial in self.snapshot.reruns}
        found: dict[SettingKey, int] = {}
        for trial in self.snapshot.history.trials if again else ():
            if (key := setting_key(trial.params)) in again:
                found.setdefault(key, trial.number)
        return found

    def trial(self, trial: Trial) -> dict[str, Any]:
        """Return one trial.

        `values` are those of the objectives and `texts` the same as they are written, None where
        there is none; `params` the parameters' texts by `names`; `x` the places in [0, 1] by
        `moving`, None where a parameter was not reached, and `slices` the places in the slices;
        `again` is the trial whose setting a re-check ran again.
        """
        values = [v for v in self.snapshot.history.values(trial) if v is not None]
        is_rerun = trial.kind is Kind.RECHECK
        return {
            "number": trial.number,
            "state": trial.state.value,
            "kind": trial.kind.value,
            "ended": ended_as(trial),
            "values": _rounded(values),
            "texts": [write(value) for write, value in zip(self._write, values, strict=False)],
            "params": [shown(trial.params[n]) if n in trial.params else None for n in self.names],
            "x": [_place(p.domain.unit(trial.params[p.name])) if p.name in trial.params else None
                  for p in self.moving],
            "slices": [_place(slice_place(p, trial)) if p.name in trial.params else None
                       for p in self.moving],
            "curve": self._curve(trial),
            "planned": trial.n_steps,
            "started": trial.started,
            "took": None if trial.duration_s is None else duration(trial.duration_s),
            "failure": str(trial.failure) if trial.failure else None,
            "again": self._first_of.get(setting_key(trial.params)) if is_rerun else None,
        }  # fmt: skip

    def _curve(self, trial: Trial) -> list[list[Any]]:
        """Return steps and values; while the trial runs, the same metric on the training rows."""
        line = path(trial, self.metric) if trial.curve and self.metric else []
        columns: list[list[Any]] = [
            [step for step, _ in line],
            _rounded(value for _, value in line),
        ]
        train = training_metric(self.metric)
        if trial.state is State.RUNNING and train:
            trained = dict(path(trial, train))
            columns.append([_number(trained.get(step)) for step, _ in line])
        return columns


def training_metric(metric: str | None) -> str | None:
    """Return the metric of the training rows that belongs to one of the validation rows.

    >>> training_metric("val_loss"), training_metric("loss")
    ('loss', None)
    """
    return metric.removeprefix("val_") if metric and metric.startswith("val_") else None


def study_drawn(drawing: Drawing, ends: CurveEnds | None = None) -> dict[str, Any]:
    """Return the whole study: what does not change with a trial, all trials, and the frame.

    `ends` is what `curve_limits` remembers.
    """
    snapshot = drawing.snapshot
    return {
        "name": snapshot.name,
        "goals": [[goal.metric, goal.direction.sign] for goal in snapshot.goals],
        "goal": goal_text(snapshot),
        "names": drawing.names,
        "moving": [
            {"name": p.name, "ticks": [[_place(at), text] for at, text in axis_ticks(p)]}
            for p in drawing.moving
        ],
        "metric": drawing.metric,
        "signs": {state.value: sign for state, sign in SIGNS.items()},
        "trials": [drawing.trial(trial) for trial in snapshot.trials],
        "frame": frame_drawn(snapshot, ends),
        "said": said_drawn(snapshot),
        "taken": taken_drawn(snapshot),
        "live": snapshot.is_live,
    }


def frame_drawn(snapshot: Snapshot, ends: CurveEnds | None = None) -> dict[str, Any]:
    """Return limits and marks: what depends on all trials.

    `ends` is what `curve_limits` remembers. `line` are the trials that improved on the best value
    so far, with it, or with several objectives, the share of what the front covers in the end.
    """
    best, start = best_trial(snapshot), snapshot.start
    ranked = snapshot.history.ranked
    frame: dict[str, Any] = {
        "best": None if best is None else best.number,
        "start": None if start is None else start.number,
        "chosen": snapshot.chosen,
        "good": [trial.number for trial in ranked[: n_highlighted(len(ranked))]],
    }
    if best is not None:
        line = best_so_far(snapshot)
        frame["low"], frame["high"] = _rounded(visible_range(line.values, snapshot.direction))
        improved = np.flatnonzero(np.diff(line.best, prepend=np.nan) != 0)
        frame["line"] = [[int(line.numbers[k]), *_rounded([line.best[k]])] for k in improved]
        if snapshot.is_multi_objective:
            frame |= _front(snapshot)
    limits = curve_limits(snapshot, ends)
    if limits is not None:
        frame["curves"] = _rounded(limits)
    return frame


def taken_drawn(snapshot: Snapshot) -> int | None:
    """Return the trial that the re-check chose, which need not be the best seen; None without."""
    if not is_rechecked(snapshot):
        return None
    trial = chosen_trial(snapshot)
    return None if trial is None else trial.number


def said_drawn(snapshot: Snapshot) -> dict[str, str]:
    """Return the sentence of each plot, its alternative text."""
    said = {
        "convergence": convergence_alt(snapshot),
        "curves": curves_alt(snapshot),
        "parallel": parallel_alt(snapshot),
        "slices": slices_alt(snapshot),
    }
    return said | ({"front": front_alt(snapshot)} if snapshot.is_multi_objective else {})


def _front(snapshot: Snapshot) -> dict[str, Any]:
    """Return the front: its trials, what it covers, and for each pair of objectives its axes."""
    numbers, shares = covered_shares(snapshot)
    joined = np.flatnonzero(np.diff(shares, prepend=0.0) > 0)
    complete = snapshot.history.complete
    values = objective_values(snapshot, complete)
    axes = [front_axis(snapshot, k)._asdict() for k in range(len(snapshot.goals))]
    pairs = []
    for k in range(1, len(snapshot.goals))[:MOST_PAIRS]:
        corners = front_corners(snapshot, values[:, [k, 0]], k)
        pairs.append({"objective": k, "corners": corners.tolist()})
    return {
        "line": [[int(numbers[k]), *_rounded([shares[k]])] for k in joined],
        "front": [trial.number for trial in snapshot.history.front],
        "axes": axes,
        "pairs": pairs,
    }


def timeline_drawn(snapshot: Snapshot) -> dict[str, Any]:
    """Return the timeline: for each trial its row, begin and end in seconds, and its colour."""
    made, pauses, n_rows = bars(snapshot)
    return {
        "bars": [
            [b.trial.number, b.row, *_rounded([b.begin, b.end]), outcome(b.trial)] for b in made
        ],
        "pauses": [[*_rounded([where]), duration(length)] for where, length in pauses],
        "rows": n_rows,
        "said": timeline_alt(snapshot),
    }


def importance_drawn(snapshot: Snapshot) -> dict[str, Any]:
    """Return the importance of the parameters, most important first; the sentence alone without."""
    found = measured_importance(snapshot)
    drawn: dict[str, Any] = {"bars": [], "said": importance_alt(found)}
    if found is not None and found.explained >= EXPLAINED_LEAST:
        shares, spread = _rounded(found.shares), _rounded(found.spread)
        drawn["bars"] = [list(bar) for bar in zip(found.names, shares, spread, strict=True)]
    return drawn


def details_drawn(snapshot: Snapshot, trial: Trial) -> dict[str, Any]:
    """Return what one trial printed, why it failed, and its other metrics."""
    known = {goal.metric for goal in snapshot.goals}
    traceback = trial.failure.traceback if trial.failure else ""
    others = [[name, number(v)] for name, v in trial.metrics.items() if name not in known]
    return {
        "number": trial.number,
        "metrics": others,
        "failure": traceback,
        "output": trial.output,
        "seed": trial.seed,
    }


def _rounded(values: Iterable[float]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]


def _number(value: float | None) -> float | None:
    return None if value is None else _rounded([value])[0]


def _place(unit: float) -> float:
    return round(unit, 4)
