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
    Save,
    SaveChoice,
    SaveGoal,
    SaveRows,
    SaveSpace,
    Skipped,
    StopAsked,
    Ticked,
)
from hpo_magic.core.growing_curve import GrowingCurve
from hpo_magic.core.models_to_keep import to_keep
from hpo_magic.core.next_run import PRUNABLE, NextRun
from hpo_magic.core.next_setting import NextSetting
from hpo_magic.core.notice_log import NoticeLog
from hpo_magic.core.notices import Notice, SameScores
from hpo_magic.core.plan import Plan
from hpo_magic.core.ports import Verdict, WaitingPruner
from hpo_magic.core.records import OlderStudy
from hpo_magic.core.search_state import SearchState
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params, Space
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

# A cell that fails this often before its first success is taken to fail with every setting.
FAILURES_AT_THE_START = 3


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
        older = tuple(guides)
        self._state = SearchState(
            space or Space(),
            trials,
            ranges_changed=ranges_changed,
            goals=plan.goals,
            chosen=chosen,
            guides=[study.history for study in older],
        )
        self._budgets = Budgets(plan, self._state, at)
        self._notices = NoticeLog()
        self._stops = Stops(self._state)
        self._turns = Turns(plan, self._state, self._stops)
        self._beginnings = Beginnings()
        self._next_setting = NextSetting(
            plan, self._state, self._notices, queue, older, must_trace=ranges_changed
        )
        self._next_run = NextRun(
            plan,
            self._state,
            self._budgets,
            self._notices,
            self._stops,
            self._turns,
            self._next_setting,
        )
        self._n_before = len(self._state.trials)
        self._began = at
        self._seeds_with_rows: set[int] = set()

    # Events.

    def handle(self, event: Event) -> Commands:  # noqa: C901  (a line for each event)
        """Return the commands that follow from an event, in the order to carry them out."""
        match event:
            case Freed():
                return self._next_run.next(event)
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
                return self._stops.end(Reason.STOPPED)
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
            return self._stops.end(Reason.TIME)
        late = self._budgets.late(at)
        return tuple(c for number in late for c in self._stops.stop(number, State.FAILED))

    def _chose(self, number: int | None) -> Commands:
        """Set the chosen trial."""
        self._state.chosen = number
        return (SaveChoice(number),)

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
        if not named_goals(self._state.goals) and outcome.goal is not None:
            self._state.goals = (outcome.goal,)
            commands += (SaveGoal(outcome.goal),)
        if trial.kind is Kind.RECHECK and self.plan.rechecker is not None:
            if self.plan.rechecker.only_repeats(self.history(), self._state.reruns):
                self._notices.once(SameScores())
        elif not self._next_run.is_enough and (enough := self.plan.enough(self.history())):
            self._next_run.is_enough = True
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
            self._stops.failure = event.failure
            commands += self._stops.end(reason)
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

    def _learned(self, outcome: Outcome) -> Commands:
        return (SaveSpace(self.space),) if self._state.learn(outcome) else ()

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

    @property
    def ending(self) -> Reason | None:
        """Why the search ends; None while it goes on."""
        return self._stops.ending

    def history(self, number: int | None = None) -> History:
        """Return the trials that a sampler may use to choose the setting of trial `number`."""
        return self._state.history(number)

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

    def snapshot(self, at: float) -> Snapshot:
        """Return the state of the search at the time `at`, for the views."""
        plan = self.plan
        return Snapshot(
            name=plan.name,
            goals=goals_or_value(self._state.goals),
            chosen=self._state.chosen,
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
            phase=self._next_run.phase(at),
            guides=self._next_setting.guides,
            has_failed=self.ending is not None and self.ending.is_failure,
            counts_epochs=self._budgets.counts_epochs,
        )
