"""A search at one moment: what the views, the exports and the honest numbers are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hpo_magic.core.records import TestEvaluation
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Goal, History, Kind, State, Trial
from hpo_magic.errors import SpaceError, did_you_mean


@dataclass(frozen=True)
class Snapshot:
    """A running or ended search at one moment: all that a view needs, and nothing that moves.

    `trials` are those that count, by number, running ones included; `set_aside` those that a change
    of the ranges put out of the space. `started` and `at` are seconds since 1970.
    """

    name: str
    goals: tuple[Goal, ...]  # one at least
    space: Space
    trials: tuple[Trial, ...] = ()
    set_aside: tuple[Trial, ...] = ()
    n_trials: int | None = None  # the budget
    time_s: float | None = None  # the budget
    started: float = 0.0
    at: float = 0.0
    n_before: int = 0  # trials that were there when this run of the search began
    messages: tuple[str, ...] = ()
    ended: str = ""  # why, in words; "" while the search runs
    is_live: bool = True
    evaluations: tuple[TestEvaluation, ...] = ()  # at the test set, with this study's choice
    phase: str = ""  # what the search is at, in words; "" while it searches
    chosen: int | None = None  # number of the trial that the user chose from the Pareto front
    has_failed: bool = False  # the search ended since its trials fail

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
        return History(trials, self.goals, chosen=self.chosen)

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
