"""A search at one moment: the input of views, exports and honest estimates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hpo_magic.core.events import Reason
from hpo_magic.core.ledger import LedgerFault
from hpo_magic.core.notices import Notice, Rechecks
from hpo_magic.core.records import OlderStudy, TestEvaluation
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Goal, HasGoals, History, Kind, State, Trial
from hpo_magic.errors import SpaceError, did_you_mean


@dataclass(frozen=True)
class Snapshot(HasGoals):
    """A running or ended search at one moment: all that a view needs. It never changes.

    Parameters
    ----------
    name
        The study's.
    metric, direction, further
        The first objective, and those after it.
    space
        The parameters that were reached, with their ranges.
    trials
        Those that fit the space, by number, running ones included.
    set_aside
        Those that a change of the ranges put outside the space.
    n_trials, time_s
        The budgets, in trials and in seconds; None without a limit.
    patience
        Trials without an improvement that end the search; None without a limit.
    started, at
        When this run of the search began, and the moment of the snapshot; seconds since 1970.
    n_before
        Trials that were there when this run of the search began.
    notices
        Notices to the user, oldest first.
    ended
        Why the search ended; None while it runs, and for a study from disk.
    is_live
        Whether the search runs here.
    evaluations
        Test evaluations of this study's choice, oldest first.
    ledger_fault
        What was changed in their ledger after it was written; None where nothing was found, or in a
        running search.
    phase
        What a running re-check does; None while it searches.
    chosen
        The trial that the user chose of several objectives; None: none.
    counts_epochs
        Whether `n_trials` are whole trainings' worth of epochs, as trainings wait.
    has_failed
        Whether the search ended because its trials fail.
    guides
        Older studies whose trials guide the search. None of their values is shown; those on the
        same validation rows count in the selection bias.
    is_read
        Whether another tool ran the trials: there is no cell and no model to run.
    """

    name: str
    goals: tuple[Goal, ...]  # one at least
    space: Space
    trials: tuple[Trial, ...] = ()
    set_aside: tuple[Trial, ...] = ()
    n_trials: int | None = None
    time_s: float | None = None
    patience: int | None = None
    started: float = 0.0
    at: float = 0.0
    n_before: int = 0
    notices: tuple[Notice, ...] = ()
    ended: Reason | None = None
    is_live: bool = True
    evaluations: tuple[TestEvaluation, ...] = ()
    ledger_fault: LedgerFault | None = None
    phase: Rechecks | None = None
    chosen: int | None = None
    has_failed: bool = False
    guides: tuple[OlderStudy, ...] = ()
    counts_epochs: bool = False
    is_read: bool = False

    @property
    def has_value(self) -> bool:
        """Whether a trial is complete, be it outside the ranges."""
        return any(trial.state is State.COMPLETE for trial in (*self.trials, *self.set_aside))

    @property
    def is_mistake(self) -> bool:
        """Whether the search failed before any trial was complete: the error says all there is."""
        return self.has_failed and not self.has_value

    @cached_property
    def history(self) -> History:
        """The trials of the search, as samplers see them: without re-runs."""
        trials = tuple(trial for trial in self.trials if trial.kind is not Kind.RECHECK)
        guides = tuple(older.history for older in self.guides)
        return History(trials, self.goals, chosen=self.chosen, guides=guides)

    @property
    def reruns(self) -> tuple[Trial, ...]:
        """The trials that ran a setting of the search again."""
        return tuple(trial for trial in self.trials if trial.kind is Kind.RECHECK)

    @property
    def start(self) -> Trial | None:
        """The latest trial on the defaults; None if none has run."""
        starts = [trial for trial in self.trials if trial.kind is Kind.START]
        complete = [trial for trial in starts if trial.state is State.COMPLETE]
        return next(reversed(complete or starts), None)

    def check_name(self, name: str) -> None:
        """Check that there is a parameter of that name.

        Raises
        ------
        SpaceError
            If there is none.
        """
        if name not in self.space:
            known = ", ".join(self.space)
            raise SpaceError(
                f"no parameter {name!r} in study {self.name!r}."
                f"{did_you_mean(name, self.space)} It has: {known}."
            )
