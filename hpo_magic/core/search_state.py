"""The trials and the search space that the engine decides from.

Trials of earlier runs and of other processes count like those of this run. Trials with values
outside the current space are set aside; they stay on disk.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpo_magic.core.events import Outcome
from hpo_magic.core.space import Space
from hpo_magic.core.trial import AskedGoals, History, Kind, State, Trial, goals_or_value


class SearchState:
    """The trials by number, and the space.

    Parameters
    ----------
    space, trials
        Of earlier runs.
    ranges_changed
        Whether the ranges in the cell differ from those of `space`. Then each parameter of `space`
        is replaced when a trial declares it again.
    goals
        The objectives, or the direction of one that the first trial names.
    chosen
        The number of the trial that the user chose from the Pareto front; None: no choice.
    guides
        The older studies whose trials guide the sampler.

    Attributes
    ----------
    space
        The parameters that trials declared so far.
    trials
        All trials by number.
    own
        The numbers of the trials that this run of the search started.
    active
        The numbers of those of them that still run or wait.
    fitting
        The trials that count, by number: those that run, and those with all values in the space.
    """

    def __init__(
        self,
        space: Space,
        trials: Iterable[Trial],
        *,
        ranges_changed: bool = False,
        goals: AskedGoals = (),
        chosen: int | None = None,
        guides: Iterable[History] = (),
    ) -> None:
        self.space = space
        self.goals, self.chosen, self._guides = goals, chosen, tuple(guides)
        self.trials = {trial.number: trial for trial in trials}
        self.own: set[int] = set()
        self.active: set[int] = set()
        self.fitting: dict[int, Trial] = {}
        self._waited_s: dict[int, float] = {}
        self._waits_since: dict[int, float] = {}
        self._unconfirmed = set(space) if ranges_changed else set()
        self._sort_out()

    # Trials come, change, and end.

    def start(self, trial: Trial) -> None:
        """Add a trial that this run starts."""
        self.put(trial)
        self.own.add(trial.number)
        self.active.add(trial.number)

    def put(self, trial: Trial) -> None:
        """Add a trial, or replace the one of its number."""
        self.trials[trial.number] = trial
        if self._counts(trial):
            self.fitting[trial.number] = trial
        else:
            self.fitting.pop(trial.number, None)

    def suspend(self, trial: Trial, at: float) -> Trial:
        """Have a running trial wait from the time `at` on, and return it."""
        worked_s = self.worked_s(trial, at)
        self._waits_since[trial.number] = at
        curve = tuple(trial.curve)
        trial = replace(trial, state=State.WAITING, curve=curve, duration_s=worked_s)
        self.put(trial)
        return trial

    def take_up(self, number: int, at: float) -> Trial:
        """Have a waiting trial run again, and return it."""
        self._waited_s[number] = self.waited_s(number, at)
        self._waits_since.pop(number, None)
        trial = replace(self.trials[number], state=State.RUNNING, duration_s=None)
        self.put(trial)
        return trial

    def waited_s(self, number: int, at: float) -> float:
        """Return how many seconds a trial of this run has waited until the time `at`."""
        since = self._waits_since.get(number)
        return self._waited_s.get(number, 0.0) + (0.0 if since is None else at - since)

    def close(self, number: int, state: State, outcome: Outcome, at: float) -> Trial:
        """Store how a trial ended, and return it."""
        self.active.discard(number)
        trial = self.trials[number]
        trial = replace(
            trial,
            state=state,
            # A re-run keeps its setting, even if it failed before it asked for all values.
            params=trial.params if trial.kind is Kind.RECHECK else dict(outcome.params),
            value=outcome.value if state is State.COMPLETE else None,
            metrics=dict(outcome.metrics),
            curve=tuple(trial.curve),
            output=outcome.output,
            used_seed=outcome.used_seed,
            drew_random=outcome.drew_random,
            of_training=outcome.of_training,
            row_scores=outcome.row_scores if state is State.COMPLETE else None,
            duration_s=None if trial.started is None else self.worked_s(trial, at),
        )
        self.put(trial)
        return trial

    def worked_s(self, trial: Trial, at: float) -> float:
        """Return the seconds since the trial started, without those in which it waited."""
        assert trial.started is not None  # this search started it
        return at - trial.started - self.waited_s(trial.number, at)

    def join(self, trials: Iterable[Trial], space: Space) -> None:
        """Add the trials and parameters that another process saved to the same study."""
        for name, parameter in space.items():
            if name not in self.space:
                self.space = self.space.declare(parameter)
        for trial in trials:
            if trial.number not in self.own:
                self.trials[trial.number] = trial
        self._sort_out()

    def learn(self, outcome: Outcome) -> bool:
        """Add the parameters that a training declared; return whether that changed the space.

        It also counts as a change when an edited range is declared for the first time.
        """
        before, n_unconfirmed = self.space, len(self._unconfirmed)
        for parameter in outcome.parameters:
            if parameter.name in self._unconfirmed:
                self.space = self.space.declare(parameter)
                self._unconfirmed.discard(parameter.name)
            else:
                self.space = self.space.widen(parameter)
        if self.space == before and len(self._unconfirmed) == n_unconfirmed:
            return False
        self._sort_out()
        return True

    def _counts(self, trial: Trial) -> bool:
        return trial.state.is_open or self.space.fits(trial.params)

    def _sort_out(self) -> None:
        """Find again which trials fit the space."""
        self.fitting = {n: t for n, t in sorted(self.trials.items()) if self._counts(t)}

    # What is there.

    @property
    def set_aside(self) -> tuple[Trial, ...]:
        """The trials that do not fit the space."""
        return tuple(t for n, t in self.trials.items() if n not in self.fitting)

    @property
    def reruns(self) -> list[Trial]:
        """The trials that ran a setting of the search again."""
        return [trial for trial in self.fitting.values() if trial.kind is Kind.RECHECK]

    @property
    def running(self) -> list[Trial]:
        """The trials that run in this process, by number."""
        return [t for n in sorted(self.active) if (t := self.trials[n]).state is State.RUNNING]

    @property
    def waiting(self) -> list[Trial]:
        """The trials of this process that wait to be taken up, by number."""
        return [t for n in sorted(self.active) if (t := self.trials[n]).state is State.WAITING]

    def searched(self, but: int | None = None) -> tuple[Trial, ...]:
        """Return the trials that count, without re-runs and without trial number `but`."""
        return tuple(t for n, t in self.fitting.items() if n != but and t.kind is not Kind.RECHECK)

    def history(self, number: int | None = None) -> History:
        """Return the trials that a sampler may use to choose the setting of trial `number`."""
        at = len(self.trials) if number is None else number
        goals = goals_or_value(self.goals)
        return History(self.searched(number), goals, at, self.chosen, self._guides)

    def has_start(self) -> bool:
        """Return whether the start has run, or runs now, for the current space.

        A start that failed in an earlier run does not count: the cell may have been corrected. A
        start of this run counts even outside the space: a second one would be outside, too.
        """
        starts = (t for t in self.trials.values() if t.kind is Kind.START)
        return any(
            t.number in self.own
            or (t.number in self.fitting and t.state in (State.COMPLETE, State.RUNNING))
            for t in starts
        )

    def has_worked(self) -> bool:
        """Return whether a trial of this run is complete."""
        own = (t for n, t in self.trials.items() if n in self.own)
        return any(trial.state is State.COMPLETE for trial in own)

    def n_failed_without_success(self) -> int:
        """Return how many trials failed, if none is complete; else 0."""
        states = [trial.state for trial in self.trials.values()]
        return 0 if State.COMPLETE in states else states.count(State.FAILED)
