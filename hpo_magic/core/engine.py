"""The engine: what to do next in a search. Events in, commands out; nothing else.

It touches neither clock, thread, disk nor screen, so that any order of events can be tested. One
engine serves one run of a search; what earlier runs found comes in as trials.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpo_magic.core.budgets import Budgets
from hpo_magic.core.events import (
    Chosen,
    Command,
    Completed,
    Ended,
    Enqueued,
    Event,
    Failed,
    Finish,
    Freed,
    Joined,
    Noted,
    Outcome,
    Reason,
    Reported,
    Restarted,
    Resumed,
    Run,
    Save,
    SaveChoice,
    SaveGoal,
    SaveSpace,
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.notice_log import NoticeLog
from hpo_magic.core.notices import Notice, Rechecks, SameScores
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Verdict
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, Space
from hpo_magic.core.trial import (
    Failure,
    History,
    Kind,
    Point,
    State,
    Trial,
    goals_or_value,
    named_goals,
)
from hpo_magic.errors import SpaceExhausted

# A cell that fails this often before it ever succeeds is broken, whatever the setting.
FAILURES_AT_THE_START = 3
# What may be pruned: the start is what all is compared with, and who asks for a setting, or runs it
# again, wants its value.
PRUNABLE = Kind.SEARCH

Commands = tuple[Command, ...]


class Engine:
    """Decides, for one run of a search.

    Parameters
    ----------
    plan
        What the user asked for.
    space, trials, queue
        What is known from before, and the settings that wait to be tried.
    chosen
        The trial that the user chose of several objectives' front; None: nothing is chosen.
    ranges_changed
        The ranges in the cell are not those of `space`: the start runs again and traces them.
        Trials that no longer fit are set aside, not lost.
    at
        When the search begins, in seconds since 1970.
    """

    def __init__(
        self,
        plan: Plan,
        space: Space | None = None,
        trials: Iterable[Trial] = (),
        queue: Iterable[Params] = (),
        *,
        chosen: int | None = None,
        ranges_changed: bool = False,
        at: float = 0.0,
    ) -> None:
        self.plan = plan
        self.ending: Reason | None = None
        self.failure: Failure | None = None
        self.chosen = chosen
        self._state = SearchState(space or Space(), trials, ranges_changed=ranges_changed)
        self._budgets = Budgets(plan, self._state, at)
        self._notices = NoticeLog()
        self._cut: dict[int, State] = {}  # what becomes of those that were told to stop
        self._queue = list(queue)
        self._must_trace = ranges_changed
        self._n_before = len(self._state.trials)
        self._began = at
        self._is_exhausted = False
        self._is_enough = False
        self._is_rechecking = False

    # What happened, and what follows from it.

    def handle(self, event: Event) -> Commands:  # noqa: C901  (a line for each event)
        """Return what is to be done, in this order."""
        match event:
            case Freed():
                return self._next(event)
            case Reported():
                return self._reported(event)
            case Restarted():
                self._restarted(event)
            case Completed() | Failed() | Ended() | Skipped() if (
                event.number not in self._state.active
            ):
                return ()  # it has ended already: a click came late, or a worker spoke twice
            case Completed():
                return self._completed(event)
            case Failed():
                return self._failed(event)
            case Ended():
                return self._ended(event)
            case Joined():
                return self._joined(event)
            case StopAsked():
                return self._end(Reason.STOPPED)
            case Skipped():
                return self._cut_short(event.number, State.SKIPPED)
            case Resumed():
                self._budgets.hold(event.held_s)
            case Enqueued():
                self._queue.append(event.params)
            case Chosen():
                return self._chose(event.number)
            case Noted():
                self._notices.add(event.notice)
            case Ticked():
                return self._ticked(event.at)
        return ()

    def _ticked(self, at: float) -> Commands:
        if self._budgets.is_time_up(at):
            return self._end(Reason.TIME)
        late = self._budgets.late(at)
        return tuple(c for number in late for c in self._cut_short(number, State.FAILED))

    def _chose(self, number: int | None) -> Commands:
        """Take note of the trial that the user chose."""
        self.chosen = number
        return (SaveChoice(number),)

    def _cut_short(self, number: int, state: State) -> Commands:
        """Have a training end; `state` is what it ends in, unless it is stopped already."""
        if number in self._cut:
            return ()
        self._cut[number] = state
        return (StopTrial(number),)

    def _next(self, event: Freed) -> Commands:
        if self._budgets.is_time_up(event.at):
            stops = self._end(Reason.TIME)
            return stops or (self._finish(),)
        # A training may have found more of the space.
        self._is_exhausted = self._stops_at_noise()
        if self.ending is None and self._n_missing() > 0:
            if self._is_exhausted or self._is_search_over(event.at):
                return self._recheck(event)
            try:
                return self._search(event)
            except SpaceExhausted:
                self._is_exhausted = True
                return self._recheck(event)
        return self._nothing_to_start(Reason.TRIALS)

    def _nothing_to_start(self, reason: Reason) -> Commands:
        """Wait for what runs, then finish."""
        if self._state.active:
            return ()
        self._end(reason)
        return (self._finish(),)

    def _search(self, event: Freed) -> Commands:
        """Choose the next setting and run it.

        Raises
        ------
        SpaceExhausted
            If there is none left.
        """
        kind, params = self._choose(event.number)
        self._is_rechecking = False
        return self._start(event, kind, params, self.plan.seed)

    def _recheck(self, event: Freed) -> Commands:
        """Run a setting again, once the search has ended; what is left over is the search's."""
        if any(trial.kind is not Kind.RECHECK for trial in self._state.running):
            return ()  # it may be one of the best
        rerun = self._next_rerun(event)
        if rerun is not None:
            self._is_rechecking = True
            return self._start(event, Kind.RECHECK, *rerun)
        if self._is_exhausted:
            noise = self._stops_at_noise()
            return self._nothing_to_start(Reason.NOISE if noise else Reason.EXHAUSTED)
        if self._budgets.is_stale(self.history()):
            return self._nothing_to_start(Reason.PATIENCE)
        try:
            return self._search(event)
        except SpaceExhausted:
            self._is_exhausted = True
            return self._nothing_to_start(Reason.EXHAUSTED)

    def _start(self, event: Freed, kind: Kind, params: Params, seed: int) -> Commands:
        trial = Trial(event.number, State.RUNNING, params, kind, seed, started=event.at)
        self._state.start(trial)
        run = Run(trial.number, params, kind, seed, *self.to_keep(event.number))
        return (Save(trial), run)

    def to_keep(self, number: int) -> tuple[float | None, tuple[int, ...]]:
        """Return what a training must beat for its model to be kept, and which others stay then.

        As the trials are now: beside a training of another worker it is another answer than when
        the training began. With several objectives all of the front stays: it may be chosen.
        """
        if len(named_goals(self.plan.goals)) > 1:
            return None, tuple(trial.number for trial in self.history(number).front)
        leaders, n_kept = self.history(number).ranked, self._n_kept()
        to_beat = leaders[n_kept - 1].value if len(leaders) >= n_kept else None
        return to_beat, tuple(trial.number for trial in leaders[: n_kept - 1])

    def _n_kept(self) -> int:
        """Return how many trials' models are kept: those that a re-check may choose, or more."""
        plan = self.plan
        if plan.rechecker is None or plan.n_trials is None:
            return plan.n_keep
        return max(plan.rechecker.n_settings(plan.n_trials), plan.n_keep)

    def _choose(self, number: int) -> tuple[Kind, Params]:
        if self._must_trace or not self._state.has_start():
            self._must_trace = False
            return Kind.START, {}
        if self._queue:
            wanted = self._queue.pop(0)
            rest = {} if not self.space else self._suggest_or_default(number)
            return Kind.ENQUEUED, {**rest, **wanted}
        if not self.space:
            # Either no trial got as far as an hp call, or there is none in the cell.
            if self._state.active or self.history(number).complete:
                raise SpaceExhausted
            return Kind.START, {}
        return Kind.SEARCH, self._suggest(number)

    def _suggest(self, number: int) -> Params:
        history = self.history(number)
        self._notices.on_the_space(self.plan, self.space, history)
        return self.plan.sampler.suggest(self.space, history, self.plan.seed)

    def _suggest_or_default(self, number: int) -> Params:
        try:
            return self._suggest(number)
        except SpaceExhausted:  # the user may repeat a setting
            return self.space.defaults()

    def _reported(self, event: Reported) -> Commands:
        if event.number in self._state.active:
            trial = self._state.trials[event.number]
            curve = (*trial.curve, Point(event.step, event.metrics))
            trial = replace(trial, curve=curve, n_steps=event.n_steps)
            self._state.put(trial)
            return (*self._pruned(trial), *self._ticked(event.at))
        return self._ticked(event.at)

    def _restarted(self, event: Restarted) -> None:
        """Forget what the lost training reported; its time begins anew."""
        if event.number in self._state.active:
            self._state.put(replace(self._state.trials[event.number], curve=(), started=event.at))

    def _pruned(self, trial: Trial) -> Commands:
        """Stop a training that is not worth finishing."""
        if self.plan.pruner is None or trial.kind is not PRUNABLE:
            return ()
        if self.plan.pruner.verdict(trial, self.history(trial.number)) is Verdict.KEEP:
            return ()
        return self._cut_short(trial.number, State.PRUNED)

    def _completed(self, event: Completed) -> Commands:
        outcome = event.outcome
        trial = self._state.close(event.number, State.COMPLETE, outcome, event.at)
        commands = (Save(trial), *self._learned(outcome))
        if not named_goals(self.plan.goals) and outcome.goal is not None:
            self.plan = replace(self.plan, goals=(outcome.goal,))
            commands += (SaveGoal(outcome.goal),)
        if trial.kind is Kind.RECHECK and self.plan.rechecker is not None:
            if self.plan.rechecker.only_repeats(self.history(), self._state.reruns):
                self._notices.once(SameScores())
        elif not self._is_enough and (enough := self.plan.enough(self.history())):
            self._is_enough = True
            self._notices.add(enough)
        self._notices.on_pruning(self.plan, self.history())
        return commands

    def _failed(self, event: Failed) -> Commands:
        trial = self._state.close(event.number, State.FAILED, event.outcome, event.at)
        trial = replace(trial, failure=event.failure)
        self._state.put(trial)
        commands = (Save(trial), *self._learned(event.outcome))
        reason = self._reason_to_give_up(event)
        if reason is not None:
            self.failure = event.failure
            commands += self._end(reason)
        return commands

    def _reason_to_give_up(self, event: Failed) -> Reason | None:
        if event.fatal and not self._state.has_worked():
            return Reason.BROKEN
        if self.plan.stop_at_failure:
            return Reason.FAILED
        n_failed = self._state.n_failed_without_success()
        return Reason.FAILING if n_failed >= FAILURES_AT_THE_START else None

    def _ended(self, event: Ended) -> Commands:
        # Code that ends itself by an interrupt was ended by the user, too.
        by_hand = State.STOPPED if self.ending else State.SKIPPED
        state = self._cut.get(event.number, State.PRUNED if event.gave_up else by_hand)
        if state is State.FAILED:
            limit_s = self.plan.timeout_s
            failure = Failure("Timeout", f"it took longer than the {limit_s:g} s of --timeout")
            return self._failed(Failed(event.number, failure, event.outcome, event.at))
        trial = self._state.close(event.number, state, event.outcome, event.at)
        return (Save(trial), *self._learned(event.outcome))

    def _joined(self, event: Joined) -> Commands:
        self._state.join(event.trials, event.space)
        return ()

    def _end(self, reason: Reason) -> Commands:
        """Start nothing more, and stop what runs."""
        self.ending = self.ending or reason
        return tuple(StopTrial(trial.number) for trial in self._state.running)

    def _learned(self, outcome: Outcome) -> Commands:
        return (SaveSpace(self.space),) if self._state.learn(outcome) else ()

    def _finish(self) -> Finish:
        return Finish(self.ending or Reason.TRIALS, self.failure)

    # What the runner asks.

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user was told so far, oldest first."""
        return tuple(self._notices.all)

    @property
    def space(self) -> Space:
        """The parameters that were reached, with their ranges."""
        return self._state.space

    @property
    def waiting(self) -> tuple[Params, ...]:
        """The settings that were asked for and not started yet."""
        return tuple(self._queue)

    def history(self, number: int | None = None) -> History:
        """Return what a sampler may know when it chooses the setting of trial `number`."""
        at = len(self._state.trials) if number is None else number
        trials = self._state.searched(number)
        return History(trials, goals_or_value(self.plan.goals), at, self.chosen)

    def knows(self, number: int) -> bool:
        """Return whether there is a trial of that number."""
        return number in self._state.trials

    def started(self, number: int) -> bool:
        """Return whether this run of the search started that trial."""
        return number in self._state.own

    def own(self, number: int) -> None:
        """Take that number for one of this run's: what is stored under it is known here."""
        self._state.own.add(number)

    def next_number(self) -> int:
        """Return a number that no trial known here has; for when the storage cannot tell."""
        return max(self._state.trials, default=-1) + 1

    # The budget.

    def _stops_at_noise(self) -> bool:
        """Return whether the search ends since further gains would be below the sampling error."""
        is_asked = self._must_trace or self._queue
        return self._is_enough and self.plan.stop_at_noise and not is_asked

    def _n_missing(self) -> float:
        """Return how many trials are still to be started."""
        missing = self._budgets.n_missing()
        return max(missing, 1) if self._must_trace else missing

    def _is_search_over(self, at: float) -> bool:
        """Return whether what is left of the budget is the re-check's."""
        if self._must_trace or not self._state.has_start() or self._queue:
            return False
        if self._budgets.is_stale(self.history()) or self._budgets.is_late(at):
            return True
        return self._budgets.is_rest_the_recheck_s(self._n_missing())

    def _n_expected(self, at: float) -> int:
        return self._budgets.n_expected(at, self.history(), is_exhausted=self._is_exhausted)

    def _next_rerun(self, event: Freed) -> tuple[Params, int] | None:
        if self.plan.rechecker is None:
            return None
        n_expected = self._n_expected(event.at)
        return self.plan.rechecker.next(
            self.history(), self._state.reruns, self.plan.seed, n_expected, self._n_missing()
        )

    def _phase(self, at: float) -> Rechecks | None:
        if not self._is_rechecking or not self._state.active or self.plan.rechecker is None:
            return None
        return self.plan.rechecker.phase(self.history(), self._n_expected(at))

    def snapshot(self, at: float) -> Snapshot:
        """Return the search as it is now, for the views."""
        plan = self.plan
        return Snapshot(
            name=plan.name,
            goals=goals_or_value(plan.goals),
            chosen=self.chosen,
            space=self.space,
            trials=tuple(self._state.fitting.values()),
            set_aside=self._state.set_aside,
            n_trials=plan.n_trials,
            time_s=plan.time_s,
            started=self._began,
            at=at,
            n_before=self._n_before,
            patience=plan.patience,
            notices=self.notices,
            ended=None if self._state.running else self.ending,
            is_live=self.ending is None or bool(self._state.running),
            phase=self._phase(at),
        )
