"""Trials, objectives, and the history of trials that samplers and pruners learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from hpo_magic.core.domains import FloatArray, plain
from hpo_magic.core.pareto_front import by_balance, is_on_front, most_balanced
from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.space import Params, Space


class Direction(Enum):
    """Which values are better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"

    @property
    def sign(self) -> int:
        """The factor that turns a value into a loss, which is better when lower: 1 or -1."""
        return 1 if self is Direction.MINIMIZE else -1


@dataclass(frozen=True)
class Goal:
    """One objective: a metric, and which values of it are better."""

    metric: str
    direction: Direction

    def __str__(self) -> str:
        return f"{self.direction.value} {self.metric}"


# What the user asked to improve: objectives by name, the first one first. A direction alone, or an
# empty tuple, leaves it to the first complete trial to name the metric.
AskedGoals = tuple[Goal, ...] | Direction
# What is improved where no trial has named a metric yet: the number that the cell ends in.
VALUE = Goal("value", Direction.MINIMIZE)


class HasGoals:
    """What follows from the objectives of a search; a base of what has them.

    Attributes
    ----------
    goals
        One at least.
    """

    goals: tuple[Goal, ...]

    @property
    def metric(self) -> str:
        """The metric of the first objective."""
        return self.goals[0].metric

    @property
    def direction(self) -> Direction:
        """The direction of the first objective."""
        return self.goals[0].direction

    @property
    def is_multi_objective(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.goals) > 1


def named_goals(asked: AskedGoals) -> tuple[Goal, ...]:
    """Return the objectives that have names; empty where the first trial has to name the metric."""
    return () if isinstance(asked, Direction) else asked


def goals_or_value(asked: AskedGoals) -> tuple[Goal, ...]:
    """Return the objectives, one at least: "value" where no trial has named the metric yet.

    >>> [str(goal) for goal in goals_or_value(Direction.MAXIMIZE)]
    ['maximize value']
    """
    if isinstance(asked, Direction):
        return (Goal(VALUE.metric, asked),)
    return asked or (VALUE,)


def is_better(value: float | None, to_beat: float | None, goal: Goal | None) -> bool:
    """Return whether `value` is better than `to_beat`, both in the metric's unit.

    A value beats None, and None beats nothing. Without a goal, lower is better.

    >>> is_better(0.9, 0.8, Goal("accuracy", Direction.MAXIMIZE))
    True
    """
    if value is None or to_beat is None:
        return value is not None
    sign = (goal or VALUE).direction.sign
    return sign * value < sign * to_beat


class State(Enum):
    """The state of a trial. Only a complete trial has a value."""

    RUNNING = "running"
    WAITING = "waiting"  # suspended at a report, by the pruner; may be taken up again
    COMPLETE = "complete"
    FAILED = "failed"
    PRUNED = "pruned"  # stopped early by the pruner; its learning curve is kept
    SKIPPED = "skipped"  # stopped by the user
    STOPPED = "stopped"  # by the end of the search, or because its process ended

    @property
    def is_finished(self) -> bool:
        """Whether the trial counts towards `--trials`."""
        return self not in (State.RUNNING, State.WAITING, State.STOPPED)

    @property
    def is_open(self) -> bool:
        """Whether the trial has not ended: it runs, or waits."""
        return self in (State.RUNNING, State.WAITING)


class Kind(Enum):
    """Where the setting of a trial comes from."""

    START = "start"  # the defaults of the cell
    SEARCH = "search"  # the sampler
    ENQUEUED = "enqueued"  # the user
    RECHECK = "re-check"  # an earlier trial, run again on a new seed


@dataclass(frozen=True)
class Point:
    """One point of a learning curve.

    Attributes
    ----------
    step
        The epoch, from 1.
    metrics
        The metrics that the training reported for it, by name.
    """

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Failure:
    """Why a trial failed.

    Attributes
    ----------
    error
        Class name of the exception; "" for an error that hpo_magic raised.
    message
        Text of the exception.
    line
        Line of the user's cell, where 1 is the line of `%%hpo`; None: outside the cell.
    traceback
        The user's frames as text.
    """

    error: str
    message: str
    line: int | None = None
    traceback: str = ""

    def __str__(self) -> str:
        where = f" on line {self.line} of the cell" if self.line else ""
        return f"failed{where}: {': '.join(filter(None, (self.error, self.message)))}"


@dataclass(frozen=True)
class Trial:
    """One training of the objective with one setting.

    Attributes
    ----------
    number
        From 0, in the order in which the trials of a study began.
    state
        Whether it runs, and how it ended.
    params
        Values by parameter name: the suggested ones while the trial runs, then the active ones.
    kind
        Where the setting comes from.
    seed
        Seeds the training; what `hp.seed()` returns.
    value
        Value of the first objective, in the metric's unit; None: the trial is not complete.
    metrics
        All numbers that the trial gave, by name; those of the other objectives are among them.
    curve
        Learning curve: one point for each report, in the order in which they came.
    started
        In seconds since 1970; None: not started.
    duration_s
        In seconds; None while the trial runs.
    failure
        Why the trial failed; None: it did not fail.
    output
        The last part of what the cell printed.
    used_seed
        Whether the cell called `hp.seed()`.
    drew_random
        Whether it drew from a seeded random stream; None: not known.
    of_training
        Whether the value is known to be measured on the rows that the cell trains on.
    row_scores
        Score of each validation row; None: not known.
    n_steps
        Last step that the training plans to reach; None: it did not say.
    """

    number: int
    state: State
    params: Params
    kind: Kind = Kind.SEARCH
    seed: int = 0
    value: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: Sequence[Point] = field(default=(), repr=False)  # long, as the others without repr
    started: float | None = None
    duration_s: float | None = None
    failure: Failure | None = None
    output: str = field(default="", repr=False)
    used_seed: bool = False
    row_scores: RowScores | None = field(default=None, repr=False)
    n_steps: int | None = None
    drew_random: bool | None = None
    of_training: bool = False

    def __str__(self) -> str:
        """Return the trial in one line: its value, or how it ended, and its setting."""
        ended = str(self.failure or self.state.value)
        ended = ended if self.value is None else f"{self.value:.5g}"
        values = (f"{v:.4g}" if isinstance(v, float) else str(v) for v in self.params.values())
        setting = ", ".join(f"{n}={v}" for n, v in zip(self.params, values, strict=True))
        return f"trial {self.number}: {ended}" + (f" with {setting}" if setting else "")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Show that line in a notebook."""
        printer.text(str(self))

    @cached_property
    def computed(self) -> dict[Any, Any]:
        """What was computed of this trial, which never changes, so that it is computed once."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """Return the trial as values that JSON can hold, without `row_scores`.

        NaN and infinities become the texts "nan", "inf" and "-inf".
        """
        return {
            "number": self.number,
            "state": self.state.value,
            "params": dict(self.params),
            "kind": self.kind.value,
            "seed": self.seed,
            "value": self.value,
            "metrics": _finite_or_name(self.metrics),
            "curve": [[p.step, _finite_or_name(p.metrics)] for p in self.curve],
            "started": self.started,
            "duration_s": self.duration_s,
            "failure": dict(vars(self.failure)) if self.failure else None,
            "output": self.output,
            "used_seed": self.used_seed,
            "drew_random": self.drew_random,
            "of_training": self.of_training,
            "n_steps": self.n_steps,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trial:
        """Return the trial that `to_json` described."""
        failure = data["failure"]
        return cls(
            **{
                **data,
                "state": State(data["state"]),
                "kind": Kind(data["kind"]),
                "params": {name: plain(value) for name, value in data["params"].items()},
                "metrics": _floats(data["metrics"]),
                "curve": tuple(Point(step, _floats(metrics)) for step, metrics in data["curve"]),
                "failure": Failure(**failure) if failure else None,
            }
        )


@dataclass(frozen=True)
class History(HasGoals):
    """The trials from which a sampler or a pruner learns, and which of their values are better.

    Parameters
    ----------
    trials
        Those that fit the space, by number, running ones included.
    goals
        The objectives, one at least. A trial's `value` is that of the first.
    number
        Of the trial to be suggested; with the seed it makes each suggestion's random stream.
    chosen
        Number of the trial that the user chose from the Pareto front; None: no choice was made.
    guides
        Older studies whose trials guide the search, measured by other code, on other data or in
        another metric: their values are comparable with nothing in `trials`.
    """

    trials: tuple[Trial, ...] = ()
    goals: tuple[Goal, ...] = (VALUE,)
    number: int = 0
    chosen: int | None = None
    guides: tuple[History, ...] = ()

    def loss(self, trial: Trial) -> float | None:
        """Return the trial's value so that lower is better; None if it has none."""
        return None if trial.value is None else self.direction.sign * trial.value

    def values(self, trial: Trial) -> tuple[float | None, ...]:
        """Return the trial's value in each objective, in the metrics' own units."""
        if trial.value is None:
            return (None,) * len(self.goals)
        return (trial.value, *(trial.metrics.get(goal.metric) for goal in self.goals[1:]))

    def losses(self, trials: Sequence[Trial]) -> FloatArray:
        """Return the values of complete trials, lower is better; shape (n_trials, n_goals)."""
        signs = [goal.direction.sign for goal in self.goals]
        columns = [[t.value for t in trials]]
        if self.is_multi_objective:
            columns += [[self.values(t)[k] for t in trials] for k in range(1, len(signs))]
        found: FloatArray = np.array(columns, dtype=np.float64).T * signs
        return found

    @cached_property
    def complete(self) -> tuple[Trial, ...]:
        """The trials that have a value, in every objective."""
        done = [t for t in self.trials if t.state is State.COMPLETE and t.value is not None]
        if self.is_multi_objective:
            done = [trial for trial in done if None not in self.values(trial)]
        return tuple(done)

    @cached_property
    def complete_losses(self) -> FloatArray:
        """Their values, lower is better; shape (n_complete, n_goals). Not to be written to."""
        losses = self.losses(self.complete)
        losses.flags.writeable = False
        return losses

    def _place(self, trial: Trial) -> tuple[float | None, int]:
        return self.loss(trial), trial.number

    @property
    def ranked(self) -> list[Trial]:
        """The complete trials, the best first; of equal ones the earliest first.

        With several objectives: the Pareto front, then the front of the other trials, and so on;
        in each front the most balanced trial first (`pareto_front.by_balance`).
        """
        return [self.complete[k] for k in by_balance(self.complete_losses)]

    def best(self) -> Trial | None:
        """Return the trial that the user chose, else the first of `ranked`; None without any."""
        complete = self.complete
        chosen = next((t for t in complete if t.number == self.chosen), None)
        if chosen is not None or not complete:
            return chosen
        return complete[most_balanced(self.complete_losses)]

    @property
    def front(self) -> list[Trial]:
        """The trials of the Pareto front, sorted by the first objective, the best first."""
        complete = self.complete
        on_front = is_on_front(self.complete_losses)
        found = [trial for trial, is_on in zip(complete, on_front, strict=True) if is_on]
        return sorted(found, key=self._place)

    @property
    def last_gain(self) -> Trial | None:
        """The last trial that was on the Pareto front when it ended; None if none is complete.

        With one objective: the last trial that was better than all before it.
        """
        complete, losses = self.complete, self.complete_losses
        for k in reversed(range(len(complete))):
            if not (losses[:k] <= losses[k]).all(axis=1).any():
                return complete[k]
        return None

    def fitting(self, space: Space) -> History:
        """Return the history of the trials whose values are all in `space`."""
        return replace(self, trials=tuple(t for t in self.trials if space.fits(t.params)))


def _finite_or_name(metrics: Mapping[str, float]) -> dict[str, float | str]:
    return {name: v if math.isfinite(v) else str(v) for name, v in metrics.items()}


def _floats(metrics: Mapping[str, float | str]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
