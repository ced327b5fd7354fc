"""Events of a search (in the past tense) and commands of the engine (imperative).

`Engine.handle(event)` answers each event with commands. Times `at` are seconds since 1970 on the
runner's clock; the engine has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from hpo_magic.core.notices import Notice
from hpo_magic.core.records import UsedRows
from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import Failure, Goal, Kind, Trial


class Reason(Enum):
    """Why a search ended."""

    TRIALS = "trials"  # all trials of the budget are done
    TIME = "time"  # the time budget is used up
    PATIENCE = "patience"  # no trial of the last `--stop N` ones was better
    STOPPED = "stopped"  # by the user
    NOISE = "noise"  # further gains would be below the sampling error of a score
    EXHAUSTED = "exhausted"  # every setting has been tried
    FAILING = "failing"  # the first trials all failed
    FAILED = "failed"  # a trial failed, and `--errors raise` was given
    BROKEN = "broken"  # a failure that does not depend on the setting

    @property
    def is_failure(self) -> bool:
        """Whether the search failed as a whole."""
        return self in (Reason.FAILING, Reason.FAILED, Reason.BROKEN)


@dataclass(frozen=True)
class Outcome:
    """What an ended training leaves, complete or not.

    Attributes
    ----------
    params
        The values that the training asked for, by parameter name.
    parameters
        The parameters that it declared, with their ranges.
    value
        The value of the first objective, in its unit; None if the training is not complete.
    goal
        The objective of `value`; None without one.
    metrics
        All numbers that the training gave, by name.
    output
        The end of what it printed.
    used_seed
        Whether it asked for `hp.seed()`.
    drew_random
        Whether it drew from a random stream that is seeded for it; None if not known.
    row_scores
        Its score on each validation row; None if they are not known.
    of_training
        Whether the value is known to be measured on the rows that the cell trains on.
    """

    params: Params = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    value: float | None = None
    goal: Goal | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    output: str = ""
    used_seed: bool = False
    drew_random: bool | None = None
    row_scores: RowScores | None = None
    of_training: bool = False


@dataclass(frozen=True)
class Freed:
    """A worker is free.

    Attributes
    ----------
    number
        Reserved for its next trial.
    at
        In seconds since 1970.
    room
        How many trainings the executor can keep waiting; 0: none.
    at_hand
        The numbers of the waiting trials that a free worker can take up; None: all that wait.
    """

    number: int
    at: float
    room: int = 0
    at_hand: frozenset[int] | None = None


@dataclass(frozen=True)
class Joined:
    """Another process that works on the same study saved these trials and this space."""

    trials: tuple[Trial, ...]
    space: Space


@dataclass(frozen=True)
class Reported:
    """A training reported the metrics of a step, such as an epoch.

    Attributes
    ----------
    number
        The trial's.
    step
        Counted from 1.
    metrics
        By name.
    at
        In seconds since 1970.
    n_steps
        The last step that the training plans to reach; None if it did not say.
    room
        How many trainings can wait at once, if this one can be suspended in this report, or could
        be if it had come to the step `Run.until`; else 0.
    params
        The values that the training asked for so far, by parameter name; None: not known.
    at_hand
        The numbers of the waiting trials that can be taken up in its place; None: all that wait.
    """

    number: int
    step: int
    metrics: Mapping[str, float]
    at: float
    n_steps: int | None = None
    room: int = 0
    params: Params | None = None
    at_hand: frozenset[int] | None = None


@dataclass(frozen=True)
class Restarted:
    """A training has begun again on another worker, as its worker died."""

    number: int
    at: float


@dataclass(frozen=True)
class Completed:
    """A training ended with a value.

    Attributes
    ----------
    number
        The trial's.
    outcome
        What the training measured.
    at
        When it ended, in seconds since 1970.
    model
        Handle of the trained model; the model store knows its type. None: the training left no
        model, or one that does not beat `Run.to_beat`.
    rows
        The rows that the training's fits used; None: recorded before, for the same seed.
    """

    number: int
    outcome: Outcome
    at: float
    model: object = field(default=None, compare=False, repr=False)
    rows: Sequence[UsedRows] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Failed:
    """A training ended without a value.

    `fatal`: every other setting would fail the same way. If a setting has succeeded, it counts as
    an ordinary failure.
    """

    number: int
    failure: Failure
    outcome: Outcome
    at: float
    fatal: bool = False


@dataclass(frozen=True)
class Ended:
    """A training was stopped before its end.

    `gave_up`: its own code stopped it, as Optuna does. `is_lost`: nobody stopped it; the process in
    which it waited is gone.
    """

    number: int
    outcome: Outcome
    at: float
    gave_up: bool = False
    is_lost: bool = False


@dataclass(frozen=True)
class StopAsked:
    """The user asked to end the search and keep its result."""

    at: float


@dataclass(frozen=True)
class Enqueued:
    """The user asked to run this setting next; the sampler chooses parameters that are missing."""

    params: Params


@dataclass(frozen=True)
class Chosen:
    """The user chose this trial of the Pareto front; None: the choice is taken back."""

    number: int | None


@dataclass(frozen=True)
class Skipped:
    """The user asked to end this training and continue the search."""

    number: int


@dataclass(frozen=True)
class FinishAsked:
    """The user asked to train this trial to its end, before others that wait."""

    number: int


@dataclass(frozen=True)
class Resumed:
    """The running trainings continue after a pause of `held_s` seconds."""

    held_s: float


@dataclass(frozen=True)
class Noted:
    """There is something to tell the user."""

    notice: Notice


@dataclass(frozen=True)
class Ticked:
    """The time is `at`: time budgets are checked."""

    at: float


Event = (
    Freed
    | Joined
    | Reported
    | Restarted
    | Completed
    | Failed
    | Ended
    | StopAsked
    | Enqueued
    | Chosen
    | Skipped
    | FinishAsked
    | Resumed
    | Noted
    | Ticked
)


@dataclass(frozen=True)
class Run:
    """Train with these values.

    Attributes
    ----------
    number
        The trial's.
    params
        The values by parameter name; a parameter that is missing gets its default.
    kind
        Why the trial runs.
    seed
        Seeds the training; what `hp.seed()` returns.
    to_beat
        The value that the training must beat for its model to be kept, in the metric's unit; None:
        any value does. So a worker does not send models that would not be kept.
    until
        The step from which on the engine may suspend the training in one of its reports; None: it
        does not wait.
    """

    number: int
    params: Params
    kind: Kind
    seed: int
    to_beat: float | None = None
    until: int | None = None


@dataclass(frozen=True)
class Suspend:
    """Leave the training where it is, in the report that is handled now; it waits."""

    number: int


@dataclass(frozen=True)
class Continue:
    """Take up a training that waits, or answer its report: it goes on.

    `until` is the step from which on it may have to wait; None: it goes on to its end.
    """

    number: int
    until: int | None = None


@dataclass(frozen=True)
class StopTrial:
    """Stop the training at its next batch, or where it waits."""

    number: int


@dataclass(frozen=True)
class Save:
    """Put the trial on disk before anything else is done."""

    trial: Trial


@dataclass(frozen=True)
class KeepModel:
    """Save this trial's model, and delete the models of all trials but this one and `others`."""

    number: int
    model: object = field(compare=False, repr=False)
    others: tuple[int, ...]


@dataclass(frozen=True)
class SaveRows:
    """Put on disk which rows the fits of a trial used."""

    number: int
    rows: Sequence[UsedRows] = field(compare=False, repr=False)


@dataclass(frozen=True)
class SaveSpace:
    """Put the space on disk."""

    space: Space


@dataclass(frozen=True)
class SaveGoal:
    """Put the objective of the study on disk."""

    goal: Goal


@dataclass(frozen=True)
class SaveChoice:
    """Put the number of the chosen trial on disk; None: no choice."""

    number: int | None


@dataclass(frozen=True)
class Finish:
    """End the search. `failure` is that of the last trial if the search failed as a whole."""

    reason: Reason
    failure: Failure | None = None


Command = (
    Run
    | Suspend
    | Continue
    | StopTrial
    | Save
    | KeepModel
    | SaveRows
    | SaveSpace
    | SaveGoal
    | SaveChoice
    | Finish
)
Commands = tuple[Command, ...]
