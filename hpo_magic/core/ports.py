"""Protocols of the parts that can be replaced: sampler, pruner, executor, storage, framework.

To add one, write a file and register it; `hpo_magic.testing` has a conformance test for each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from hpo_magic.core.domains import Plain
from hpo_magic.core.events import Event, Run
from hpo_magic.core.ledger import Ledger
from hpo_magic.core.notices import GridSize, Rechecks
from hpo_magic.core.records import StudyRecord, TestEvaluation, UsedRows
from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, Ranges, Space
from hpo_magic.core.trial import History, Trial


class Sampler(Protocol):
    """Chooses the next setting.

    A pure function: the same space, history and seed give the same setting, whatever was asked
    before. So a resumed search, parallel trials, a growing space and edited ranges need no code.
    """

    def suggest(self, space: Space, history: History, seed: int) -> dict[str, Plain]:
        """Return a value for every parameter of `space`.

        Parameters
        ----------
        space
            Never empty. Parameters that were not reached in a trial are missing from its `params`.
        history
            The trials that fit the space, running and failed ones included.
        seed
            The study's; the same for all its trials.

        Raises
        ------
        SpaceExhausted
            If every setting has been tried.
        """
        ...


@runtime_checkable
class Announcer(Protocol):
    """A sampler that tells the user something about the space before it searches it."""

    def announcement(
        self, space: Space, history: History, n_searched: int | None
    ) -> GridSize | None:
        """Return what the user must know of the space; None if nothing.

        Parameters
        ----------
        space, history
            As in `Sampler.suggest`.
        n_searched
            Number of trials of the search, the start included; None: no limit.
        """
        ...


class Verdict(Enum):
    """Whether a training goes on after a report."""

    KEEP = "keep"
    STOP = "stop"


class Pruner(Protocol):
    """Decides which trials are stopped early.

    A pure function of the reported learning curves.
    """

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether a running trial goes on after the last point of its learning curve.

        Parameters
        ----------
        trial
            Its curve has a point at least.
        history
            All trials of the search; that trial may be among them.
        """
        ...


@dataclass(frozen=True)
class Turn:
    """Which training is at work next, and how far.

    Attributes
    ----------
    number
        The trial that goes on; None: a new one begins.
    params
        The setting of the new one; None: the sampler chooses it.
    until
        The step at whose report it is decided again; None: when it has ended.
    """

    number: int | None
    until: int | None
    params: Params | None = None


@runtime_checkable
class WaitingPruner(Protocol):
    """A pruner that has trainings wait, and takes them up again.

    A pure function of the trials, like a sampler. Where trainings cannot wait, `verdict` decides.
    """

    def verdict(self, trial: Trial, history: History) -> Verdict:
        """Return whether a running trial goes on; see `Pruner`."""
        ...

    def turn(self, space: Space, history: History, seed: int, n_left: float) -> Turn | None:
        """Return which of the waiting trainings and new settings is at work next.

        None: the trainings report too little to be suspended; each goes on to its end.

        Parameters
        ----------
        space
            Never empty.
        history
            All trials of the search. Those that wait have the state `WAITING`, and so has the one
            whose report is judged; those that run elsewhere are `RUNNING`.
        seed
            The study's.
        n_left
            The epochs that the search may still take, as whole trainings; infinite without a limit.
        """
        ...

    def to_drop(self, space: Space, history: History, seed: int) -> int:
        """Return the number of the waiting trial that is the least likely to become the best."""
        ...


class Rechecker(Protocol):
    """Chooses the settings that are run again on new seeds, for an unbiased estimate.

    A pure function, like a sampler. `history` is of the search alone, `reruns` are the
    trials of kind `RECHECK` so far, and `n_trials` is the budget: all trainings, re-runs included.
    """

    @property
    def search_share(self) -> float:
        """The share of a time budget that the search gets, between 0 and 1."""
        ...

    def n_settings(self, n_trials: int) -> int:
        """Return how many of the best settings run again; one of them becomes the result."""
        ...

    def n_runs(self, n_trials: int) -> int:
        """Return how many trainings of the budget are reserved for re-runs."""
        ...

    def next(
        self, history: History, reruns: Sequence[Trial], seed: int, n_trials: int, n_left: float
    ) -> tuple[Params, int] | None:
        """Return the next setting to run again and its seed; None if none is left.

        Parameters
        ----------
        seed
            The study's, which is that of every trial of the search.
        n_left
            How many trainings are left.
        """
        ...

    def phase(self, history: History, n_trials: int) -> Rechecks | None:
        """Return what is run again, and on what; None without a re-check."""
        ...

    def only_repeats(self, history: History, reruns: Sequence[Trial]) -> bool:
        """Return whether the re-runs repeat the search's scores exactly, and so add nothing."""
        ...


class Report(Protocol):
    """Passes on what an epoch measured; raises to stop the training."""

    def __call__(self, step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
        """Report; `n_steps` is the last step that the training plans to reach, if it says so."""
        ...


class Executor(Protocol):
    """Runs trainings, somewhere.

    `submit` starts or queues one, `pump` hands over what happened, `stop` asks one to end soon.
    """

    @property
    def n_workers(self) -> int:
        """How many trainings can run at once, now."""
        ...

    def submit(self, run: Run) -> None:
        """Take on a training; there is a free worker."""
        ...

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Feed the events that have come, or wait for some; return after one trial ended at most.

        Parameters
        ----------
        feed
            Takes each event; may call `stop`.
        timeout_s
            How long to wait for an event.
        at_batch
            Called at each batch and report of a training that runs in this thread, inside this
            call. An executor that trains elsewhere does not call it.
        """
        ...

    def stop(self, number: int) -> None:
        """Have that training stopped at its next batch; its `Ended` comes by `pump`."""
        ...

    def close(self) -> None:
        """Give back what was held; trainings that still run are stopped."""
        ...


@runtime_checkable
class WaitingExecutor(Protocol):
    """An executor, which is an `Executor` too, whose trainings can wait in the middle.

    It says so by `Freed.room` and `Reported.room`, through the runner.
    """

    @property
    def room(self) -> int:
        """How many trainings can wait at once; 0: none, now or at all."""
        ...

    def suspend(self, number: int) -> None:
        """Let the training wait in the report that is fed now; `pump` returns."""
        ...

    def go_on(self, number: int) -> None:
        """Take up a training that waits; it goes on at the next `pump`."""
        ...


@dataclass(frozen=True)
class Fit:
    """One `fit` of a framework.

    Attributes
    ----------
    epochs
        The metrics that were logged at each epoch, by name.
    final
        The index in `epochs` of the epoch whose weights the model has: the last one, or the one
        that was restored at the end.
    history, model
        The framework's own objects.
    row_scores
        Returns the score of each validation row for the name of a logged metric; None where the
        rows are not known.
    arrays
        Returns the inputs of training and validation that are arrays and still in memory.
    n_params
        The number of the model's weights; None if unknown.
    seconds
        How long the fit took.
    ended
        When it ended, in seconds from any beginning: it orders the fits of several frameworks.
    """

    epochs: Sequence[Mapping[str, float]]
    final: int = -1
    history: Any = field(default=None, compare=False)
    model: Any = field(default=None, compare=False)
    row_scores: Callable[[str], RowScores | None] = field(
        default=lambda metric: None, repr=False, compare=False
    )
    arrays: Callable[[], Sequence[Any]] = field(default=tuple, repr=False, compare=False)
    n_params: int | None = None
    seconds: float | None = field(default=None, compare=False)
    ended: float = field(default_factory=time.monotonic, compare=False)


@dataclass(frozen=True)
class Evaluated:
    """One evaluation of a model by its framework.

    Attributes
    ----------
    model
        The framework's own object.
    result
        What the call returned: a number, a list or a dict. For comparison by identity.
    metrics
        Its numbers by name; empty where their names cannot be told.
    """

    model: Any
    result: Any
    metrics: Mapping[str, float]


class Framework(Protocol):
    """A training library: watched, seeded and cleared for each trial.

    A class that derives from this one may leave out what its library does not need; `name` and
    `is_loaded` it must have. It goes to workers, so it must be picklable.

    Attributes
    ----------
    name
        Told apart by it, also on disk: the folder of a kept model has the name in it.
    packages
        The packages whose versions may change a score, as on PyPI.
    models
        Keeps the library's models on disk; None: they are not kept, and are trained again.
    """

    name: str
    packages: tuple[str, ...] = ()
    models: ModelKeeper | None = None

    def is_loaded(self) -> bool:
        """Return whether the library is imported. Before, it is neither watched nor seeded."""
        ...

    def wants(self, modules: Iterable[str]) -> bool:
        """Return whether code that imports `modules` (dotted names) will load the library."""
        return False

    def load(self) -> None:
        """Import the library, so that the first trial is watched too."""

    def clear(self) -> None:
        """Remove what earlier trainings left in the library's global state and in memory."""

    def release(self) -> None:
        """Give back memory of devices that a trial used; called when nothing holds its objects."""

    def seed(self, seed: int) -> None:
        """Seed the library's random streams; `seed` is at least 0 and below 2**32."""

    def random_state(self) -> Hashable:
        """Return where the library's random streams are: another value after any draw.

        None: it has none of its own, or draws the seeds of its own from `random` or NumPy.
        """
        return None

    def seeding(self, seed: int, modules: Iterable[str]) -> str:
        """Return statements that do what `seed` does, for a script that imports `modules`.

        Names must start with an underscore: the script's own `random` may be a function.
        """
        return ""

    def watch(self, report: Report, guard: Callable[[], None]) -> AbstractContextManager[list[Fit]]:
        """Return a context in which every fit reports its epochs and appends itself to the list.

        `guard` is called at every batch and may raise to end the training.
        """
        return nullcontext([])

    def worker_environment(self, n_threads: int) -> Mapping[str, str]:
        """Return environment variables for a worker process that shall use `n_threads` threads."""
        return {}

    def evaluations(self) -> AbstractContextManager[list[Evaluated]]:
        """Return a context in which every evaluation of a model appends itself to the list."""
        return nullcontext([])


class ModelKeeper(Protocol):
    """Keeps models on disk, exactly as they were, each in a folder of its own."""

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a model that `save` can keep."""
        ...

    def save(self, model: Any, place: Path) -> None:
        """Save a model in the folder `place`, in place of what is there."""
        ...

    def is_kept(self, place: Path) -> bool:
        """Whether a whole model, that can be loaded by itself, is in the folder."""
        ...

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; `namespace` has the classes that the user defined."""
        ...

    def restore(self, place: Path, model: Any) -> bool:
        """Put the weights in the folder into a model built again; whether there were any."""
        ...


class Storage(Protocol):
    """Keeps studies, trials and the ledger.

    Every call is complete on disk when it returns. Several processes may work on one study: numbers
    are handed out once. A disk that fails raises `StorageError` with the file's name and the cure,
    and leaves what was stored before as it was.
    """

    @property
    def models(self) -> Path | None:
        """The folder for kept models, which need not exist yet; None: they are not kept."""
        ...

    def names(self) -> list[str]:
        """Return the names of the studies, the latest used last."""
        ...

    def create(self, record: StudyRecord) -> StudyRecord:
        """Store a new revision of `record.name`; return it with `id` and `revision` (from 1).

        If another process has stored that revision meanwhile (`record.revision` says which one is
        meant, 0 the next), the one that is there is returned.
        """
        ...

    def update(self, record: StudyRecord) -> None:
        """Store the record's source, line, fingerprints, metric and direction again, by its id."""
        ...

    def choose(self, study: int, number: int | None) -> None:
        """Store which trial the user chose of several objectives' front; None: none."""
        ...

    def revisions(self, name: str) -> list[StudyRecord]:
        """Return the revisions of a study, oldest first; none if there is no such study."""
        ...

    def claim(self, study: int) -> int:
        """Return the study's next trial number, which no other call of any process gets."""
        ...

    def release(self, study: int, number: int) -> None:
        """Give back a claimed number for which no trial was saved."""
        ...

    def save_trial(self, study: int, trial: Trial) -> None:
        """Store a trial, in place of what was stored under its number."""
        ...

    def trials(self, study: int) -> list[Trial]:
        """Return the trials by number.

        A running trial whose process is gone is returned as stopped.
        """
        ...

    def changes(self, study: int, since: int) -> tuple[int, list[Trial]]:
        """Return what was saved after `since`, by this process too, and the mark for the next call.

        Cheap, however many trials there are. 0 is before the first trial; a trial saved twice comes
        once, as it is now, in the order of the saves. Running trials whose process is gone are
        stored as stopped first, and so come along.
        """
        ...

    def save_space(self, study: int, space: Space) -> None:
        """Store the space, in place of the one before."""
        ...

    def space(self, study: int) -> Space:
        """Return the stored space; an empty one if there is none."""
        ...

    def enqueue(self, study: int, params: Params) -> None:
        """Store a setting to be tried, behind those that wait."""
        ...

    def take_enqueued(self, study: int) -> list[dict[str, Plain]]:
        """Return the waiting settings, oldest first, and forget them."""
        ...

    def add_evaluation(self, evaluation: TestEvaluation) -> str:
        """Append to the ledger; return the entry's head, and keep it with the entry's study."""
        ...

    def ledger(self) -> Ledger:
        """Return the ledger, with what was changed in it after it was written."""
        ...

    def evaluations(self) -> list[TestEvaluation]:
        """Return the whole ledger, oldest first."""
        ...

    def add_used(self, study: int, used: UsedRows) -> None:
        """Store rows that the study used; those that are stored already are not stored twice."""
        ...

    def used(self, study: int) -> list[UsedRows]:
        """Return the rows that the study used, oldest first."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Listener(Protocol):
    """Is told of everything that happens, after it is safe on disk."""

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Take note of an event; None opens the search. `snapshot()` is the state after it."""
        ...

    def poll(self) -> None:
        """Fetch clicks, or do other short work; called at every batch and while paused."""
        ...

    def close(self, snapshot: Snapshot) -> None:
        """Leave what stays: the search has ended, in whatever way."""
        ...


class Controls(Protocol):
    """What the user can do to a running search. May be called from any thread, and returns at once.

    `can_narrow`: the search has a cell whose ranges can be narrowed.
    """

    can_narrow: bool

    def narrow(self, ranges: Ranges | None = None) -> None:
        """Have a cell with narrower ranges put below the search's cell when the search ends.

        `ranges` are the user's own, low and high end by parameter; None: around the best trials.
        """
        ...

    @property
    def is_paused(self) -> bool:
        """Whether the search is held."""
        ...

    def stop(self) -> None:
        """End the search, with what there is."""
        ...

    def pause(self) -> None:
        """Hold the training at its next batch."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...

    def skip(self) -> None:
        """End the current trial, and go on with the next."""
        ...

    def enqueue(self, params: Params) -> None:
        """Try this setting next."""
        ...

    def choose(self, number: int | None) -> None:
        """Take this trial of several objectives' front; None: none."""
        ...
