"""What a search has to tell its user while it goes on, as values.

`views/words/notices.py` makes the sentences. A plain `str` is a sentence that came ready-made from
where the trials run (a worker that was lost, a disk that is full).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

# How the sentences of a value that is measured on training rows begin, and what is said where the
# text of the cell does not show it.
TRAINING_ROWS = "The value is measured on the training rows: "
ON_TRAINING_ROWS = (
    f"{TRAINING_ROWS}it scores the model on the rows that it was fitted to, so the search prefers "
    "settings that overfit. Score it on other rows."
)


@dataclass(frozen=True)
class Enough:
    """Further trials are unlikely to help.

    Parameters
    ----------
    n_last
        The last trials, half of all.
    gained
        By how much they improved the best value, in the metric's unit; 0 or more.
    standard_error
        Of one score, in the metric's unit; larger than `gained`.
    n_rows
        Validation rows behind a score; None if not known.
    metric
        Its name; "" if not known.
    """

    n_last: int
    gained: float
    standard_error: float
    n_rows: int | None = None
    metric: str = ""


@dataclass(frozen=True)
class SameScores:
    """The re-runs repeat the search's scores exactly, so the re-check ends."""


@dataclass(frozen=True)
class NothingPruned:
    """No trial is pruned: none of the reported metrics is the trial's value.

    `reported` are the metrics of the learning curves.
    """

    reported: tuple[str, ...]


@dataclass(frozen=True)
class CostlyBeginnings:
    """Trainings wait, and to begin one takes a large part of a training's time.

    Parameters
    ----------
    beginning_s
        Seconds until the first epoch begins, in the median.
    epoch_s
        Seconds of an epoch, in the median.
    n_epochs
        The epochs of a whole training.
    """

    beginning_s: float
    epoch_s: float
    n_epochs: int


@dataclass(frozen=True)
class NotStopped:
    """A trial took longer than the limit, as nothing in it could be stopped.

    Parameters
    ----------
    number
        The trial's.
    took_s, limit_s
        Its duration, and the limit for each trial, in seconds.
    """

    number: int
    took_s: float
    limit_s: float


@dataclass(frozen=True)
class RecheckPlanned:
    """A part of the budget is reserved for the re-check.

    Parameters
    ----------
    n_runs
        Trials that are reserved.
    n_trials
        All trials of the budget.
    n_settings, n_reruns
        How many of the best settings are run again, and how often each.
    with_start
        Whether the start is run again, too.
    search_share
        The part of a time budget after which the re-check begins; None without a time budget.
    of_front
        Whether there are several objectives, so that points of the Pareto front are run again.
    """

    n_runs: int
    n_trials: int
    n_settings: int
    n_reruns: int
    with_start: bool
    search_share: float | None = None
    of_front: bool = False


@dataclass(frozen=True)
class GridSize:
    """How many settings a grid has, and how many of them are tried.

    Parameters
    ----------
    n_settings
        Settings of the grid; infinite never.
    is_bound
        Whether `n_settings` is an upper bound: conditions leave out some.
    n_searched
        Trials that there are for them; None where they suffice for all.
    """

    n_settings: float
    is_bound: bool = False
    n_searched: int | None = None


@dataclass(frozen=True)
class AllTried:
    """Every setting has been run, so the search ends before its budget is used.

    Parameters
    ----------
    n_settings
        Settings that were run.
    names
        Parameters that were reached; empty where no `hp` call was.
    was_rechecked
        Whether some were run again.
    """

    n_settings: int
    names: tuple[str, ...] = ()
    was_rechecked: bool = False


class TemporaryService(Enum):
    """A service that deletes the notebook's folder some time after the session ends."""

    COLAB = "Colab"
    KAGGLE = "Kaggle"
    BINDER = "Binder"


@dataclass(frozen=True)
class TemporaryFolder:
    """The studies are in a folder that a service deletes.

    Parameters
    ----------
    service
        Deletes it.
    folder
        Where the studies are.
    """

    service: TemporaryService
    folder: str


@dataclass(frozen=True)
class Guidance:
    """Which older trials guide the search.

    Parameters
    ----------
    sources
        By study: its name, or "" for that of the search; how many revisions of it guide; how many
        complete trials of theirs have a parameter of this search.
    n_without
        Other complete trials of these studies: they share no parameter's name.
    """

    sources: tuple[tuple[str, int, int], ...]
    n_without: int = 0


Notice = (
    str
    | AllTried
    | Enough
    | SameScores
    | NothingPruned
    | NotStopped
    | CostlyBeginnings
    | RecheckPlanned
    | GridSize
    | Guidance
    | TemporaryFolder
)


@dataclass(frozen=True)
class Rechecks:
    """What a running re-check does: how many of the best settings run again, and on what."""

    n_settings: int
    on_new_splits: bool = True  # else with new training seeds on the same splits
    of_front: bool = False  # points of the Pareto front


class StudyChange(Enum):
    """What makes a run begin a new revision of its study."""

    FRESH = "fresh"  # the user asked for it
    READ = "read"  # the trials of the latest revision are another tool's
    ONLY_FAILED = "only failed"  # no trial of the latest revision had worked
    CODE = "code"
    DATA = "data"  # that the code reads
    OBJECTIVES = "objectives"  # of several, before or now
    METRIC = "metric"
    DIRECTION = "direction"
    SEED = "seed"


@dataclass(frozen=True)
class NewRevision:
    """Why the latest revision of a study does not continue.

    Parameters
    ----------
    change
        What changed.
    before, now
        The objectives, metric or seed before and now, as text; "" where there is none.
    variables
        Names of the variables whose data changed; empty where they are not known.
    """

    change: StudyChange
    before: str = ""
    now: str = ""
    variables: tuple[str, ...] = ()
