"""The engine decides what a search does next: it takes events and returns commands.

It uses no clock, thread, disk or screen, so any order of events can be tested. One engine serves
one run of a search; the trials of earlier runs are given to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpo_magic.core.budgets import Budgets
from hpo_magic.core.cost_of_beginning import Beginnings
from hpo_magic.core.events import (
    Chosen,
    Commands,
    Completed,
    Ended,
    Enqueued,
    Event,
    Failed,
    Finish,
    FinishAsked,
    Freed,
    Joined,
    KeepModel,
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
    SaveRows,
    SaveSpace,
    Skipped,
    StopAsked,
    StopTrial,
    Ticked,
)
from hpo_magic.core.growing_curve import GrowingCurve
from hpo_magic.core.models_to_keep import to_keep
from hpo_magic.core.next_setting import NextSetting
from hpo_magic.core.notice_log import NoticeLog
from hpo_magic.core.notices import AllTried, Notice, Rechecks, SameScores
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Turn, Verdict, WaitingPruner
from hpo_magic.core.records import OlderStudy
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, Space, setting_key
from hpo_magic.core.stops import Stops
from hpo_magic.core.trial import (
    Failure,
    History,
    Kind,
    Point,
    State,
    Trial,
    goals_or_value,
    is_better,
    named_goals,
)
from hpo_magic.core.turns import Turns
from hpo_magic.errors import SpaceExhausted

# A cell that fails this often before its first success is taken to fail with every setting.
FAILURES_AT_THE_START = 3
# The kind of trials that may be pruned. The start is the baseline, and the values of enqueued
# settings and of re-runs are wanted.
PRUNABLE = Kind.SEARCH


class Engine:
    """Decides for one run of a search.

    Parameters
    ----------
    plan
        What the user asked for.
    space, trials
        The search space and the trials of earlier runs.
    queue
        The settings that were enqueued and not run yet, the next one first.
    chosen
        The number of the trial that the user chose from the Pareto front; None: no choice.
    guides
        The older studies whose trials guide the sampler.
    ranges_changed
        Whether the ranges in the cell differ from those of `space`. Then the start runs again and
        declares them. Trials outside the new ranges are set aside; they stay on disk.
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
        guides: Iterable[OlderStudy] = (),
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
        self._stops = Stops()
        self._turns = Turns(plan, self._state, self._stops)
        self._beginnings = Beginnings()
        self._next_setting = NextSetting(
            plan, self._state, self._notices, queue, guides, must_trace=ranges_changed
        )
        self._guides = tuple(older.history for older in self._next_setting.guides)
        self._n_before = len(self._state.trials)
        self._began = at
        self._is_exhausted = False
        self._is_enough = False
        self._is_rechecking = False
        self._seeds_with_rows: set[int] = set()

    # Events.

    def handle(self, event: Event) -> Commands:  # noqa: C901  (a line for each event)
        """Return the commands that follow from an event, in the order to carry them out."""
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
                return ()  # the trial has ended: a late or duplicate event
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
                return self._stops.stop(event.number, State.SKIPPED)
            case FinishAsked():
                self._turns.wanted.append(event.number)
            case Resumed():
                self._budgets.hold(event.held_s)
            case Enqueued():
                self._next_setting.queue.append(event.params)
            case Chosen():
                return self._chose(event.number)
            case Noted():
                self._notices.once(event.notice)  # several workers may say the same
            case Ticked():
                return self._ticked(event.at)
        return ()

    def _ticked(self, at: float) -> Commands:
        if self._budgets.is_time_up(at):
            return self._end(Reason.TIME)
        late = self._budgets.late(at)
        return tuple(c for number in late for c in self._stops.stop(number, State.FAILED))

    def _chose(self, number: int | None) -> Commands:
        """Set the chosen trial."""
        self.chosen = number
        return (SaveChoice(number),)

    def _next(self, event: Freed) -> Commands:
        if self._budgets.is_time_up(event.at):
            stops = self._end(Reason.TIME)
            return stops or (self._finish(),)
        # A training may have declared more parameters since the space was exhausted.
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
        """Return nothing while trainings run; after the last one, finish."""
        if self._state.waiting and self.ending is None:
            return self._turns.release()
        if self._state.active:
            return ()
        self._end(reason)
        if self.ending is Reason.EXHAUSTED:
            self._notices.on_the_end(self._all_tried())
        return (self._finish(),)

    def _all_tried(self) -> AllTried:
        settings = {setting_key(trial.params) for trial in self._state.searched()}
        return AllTried(len(settings), tuple(self.space), bool(self._state.reruns))

    def _search(self, event: Freed) -> Commands:
        """Choose the next setting and run it.

        Raises
        ------
        SpaceExhausted
            If there is none left.
        """
        self._is_rechecking = False
        if self._next_setting.is_asked_for:
            kind, params = self._next_setting.choose(self.history(event.number))
            return self._start(event, kind, params, self.plan.seed)
        turn = self._turn(event)
        if turn is not None and turn.number is not None:
            return self._turns.take_up(turn, event.at)
        try:
            kind, params = self._next_setting.choose(
                self.history(event.number), None if turn is None else turn.params
            )
        except SpaceExhausted:
            if not self._state.waiting:
                raise
            return self._turns.finish_furthest(event)
        may_wait = turn is not None and event.room > 0 and kind is PRUNABLE
        until = turn.until if turn is not None and may_wait else None
        self._turns.begin(event.number, until)
        return self._start(event, kind, params, self.plan.seed, until)

    def _turn(self, event: Freed) -> Turn | None:
        """Return which training is at work next, if trainings wait here; else None."""
        if not (event.room or self._state.waiting) or not self.space:
            return None
        history, n_left = self.history(event.number), self._budgets.n_left_to_search()
        return self._turns.next(history, n_left, event.at_hand)

    def _recheck(self, event: Freed) -> Commands:
        """Run a setting again; if none is left to run again, continue the search."""
        if self._state.waiting:
            return self._turns.release()
        if any(trial.kind is not Kind.RECHECK for trial in self._state.running):
            return ()  # a running trial may become one of the best
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

    def _start(
        self, event: Freed, kind: Kind, params: Params, seed: int, until: int | None = None
    ) -> Commands:
        trial = Trial(event.number, State.RUNNING, params, kind, seed, started=event.at)
        self._state.start(trial)
        to_beat, _ = to_keep(self.plan, self.history(event.number))
        return (Save(trial), Run(trial.number, params, kind, seed, to_beat, until))

    def _reported(self, event: Reported) -> Commands:
        if event.number in self._state.active:
            trial = self._state.trials[event.number]
            known = trial.curve
            if not isinstance(known, GrowingCurve):
                known = GrowingCurve(known)
            curve = known.with_point(Point(event.step, event.metrics))
            trial = replace(trial, curve=curve, n_steps=event.n_steps)
            self._state.put(trial)
            if self._budgets.counts_epochs:
                can_wait = event.room > 0
                self._notices.once(self._beginnings.reported(trial, event.at, can_wait=can_wait))
            return (*self._judged(trial, event), *self._ticked(event.at))
        return self._ticked(event.at)

    def _restarted(self, event: Restarted) -> None:
        """Discard the reports of the lost training, and restart its time."""
        if event.number in self._state.active:
            self._state.put(replace(self._state.trials[event.number], curve=(), started=event.at))

    def _judged(self, trial: Trial, event: Reported) -> Commands:
        """Stop a training, or have it wait, if the pruner says so."""
        if self.plan.pruner is None or trial.kind is not PRUNABLE:
            return ()
        if trial.number in self._stops or trial.state is not State.RUNNING:
            return ()
        if event.room and isinstance(self.plan.pruner, WaitingPruner):
            if self.ending is not None:
                return ()
            history, n_left = self.history(trial.number), self._budgets.n_left_to_search()
            return self._turns.reported(trial, event, history, n_left)
        if self.plan.pruner.verdict(trial, self.history(trial.number)) is Verdict.KEEP:
            return ()
        return self._stops.stop(trial.number, State.PRUNED)

    def _completed(self, event: Completed) -> Commands:
        outcome = event.outcome
        kept = self._kept(event)  # compared with the trials before this one
        took_s = self._budgets.ran_s(self._state.trials[event.number], event.at)
        trial = self._state.close(event.number, State.COMPLETE, outcome, event.at)
        commands = (*kept, Save(trial), *self._learned(outcome))
        self._notices.on_the_limit(self.plan, trial, took_s)
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

    def _kept(self, event: Completed) -> Commands:
        """Keep the model if its trial leads now, and the rows if they are the first on their seed.

        Other trials may have ended since `Run.to_beat` was set.
        """
        commands: Commands = ()
        trial, outcome = self._state.trials[event.number], event.outcome
        if event.rows is not None and trial.seed not in self._seeds_with_rows:
            self._seeds_with_rows.add(trial.seed)
            commands += (SaveRows(event.number, event.rows),)
        if event.model is not None and trial.kind is not Kind.RECHECK:
            to_beat, others = to_keep(self.plan, self.history(event.number))
            if is_better(outcome.value, to_beat, outcome.goal):
                commands += (KeepModel(event.number, event.model, others),)
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
        most = min(FAILURES_AT_THE_START, self.plan.n_trials or FAILURES_AT_THE_START)
        return Reason.FAILING if n_failed >= most else None

    def _ended(self, event: Ended) -> Commands:
        # Code that raised KeyboardInterrupt counts as stopped by the user.
        by_hand = State.STOPPED if self.ending or event.is_lost else State.SKIPPED
        state = self._stops.state_of(event.number, State.PRUNED if event.gave_up else by_hand)
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
        """Start no more trials, and stop those that run."""
        self.ending = self.ending or reason
        return tuple(StopTrial(number) for number in sorted(self._state.active))

    def _learned(self, outcome: Outcome) -> Commands:
        return (SaveSpace(self.space),) if self._state.learn(outcome) else ()

    def _finish(self) -> Finish:
        return Finish(self.ending or Reason.TRIALS, self.failure)

    # Queries of the runner.

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user was told so far, oldest first."""
        return tuple(self._notices.all)

    @property
    def space(self) -> Space:
        """The parameters that trials declared so far, with their ranges."""
        return self._state.space

    @property
    def waiting(self) -> tuple[Params, ...]:
        """The settings that were enqueued and not started yet."""
        return tuple(self._next_setting.queue)

    def history(self, number: int | None = None) -> History:
        """Return the trials that a sampler may use to choose the setting of trial `number`."""
        at = len(self._state.trials) if number is None else number
        trials = self._state.searched(number)
        goals = goals_or_value(self.plan.goals)
        return History(trials, goals, at, self.chosen, self._guides)

    def knows(self, number: int) -> bool:
        """Return whether there is a trial of that number."""
        return number in self._state.trials

    def started(self, number: int) -> bool:
        """Return whether this run of the search started that trial."""
        return number in self._state.own

    def own(self, number: int) -> None:
        """Count a number as one of this run: the trial stored under it is known here."""
        self._state.own.add(number)

    def next_number(self) -> int:
        """Return an unused trial number; for when the storage cannot give one."""
        return max(self._state.trials, default=-1) + 1

    # The budget.

    def _stops_at_noise(self) -> bool:
        """Return whether the search ends because further gains would be within the noise."""
        chooses = self._next_setting
        is_asked = chooses.must_trace or chooses.queue
        return self._is_enough and self.plan.stop_at_noise and not is_asked

    def _n_missing(self) -> float:
        """Return how many trials are still to be started."""
        missing = self._budgets.n_missing()
        return max(missing, 1) if self._next_setting.must_trace else missing

    def _is_search_over(self, at: float) -> bool:
        """Return whether the rest of the budget is reserved for the re-check."""
        if self._next_setting.is_asked_for:
            return False
        if self._budgets.is_stale(self.history()) or self._budgets.is_late(at):
            return True
        return self._budgets.is_only_recheck_left(self._n_missing())

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
        """Return the state of the search at the time `at`, for the views."""
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
            ended=None if self._state.active else self.ending,
            is_live=self.ending is None or bool(self._state.active),
            phase=self._phase(at),
            guides=self._next_setting.guides,
            has_failed=self.ending is not None and self.ending.is_failure,
            counts_epochs=self._budgets.counts_epochs,
        )
