"""Running the user's code once, for one trial: from its first line to the event that it ends in.

Whatever the code does (return, raise, exit, diverge, be interrupted) becomes one of `Completed`,
`Failed` and `Ended`. An executor chooses the process.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hpo_magic.core.events import Completed, Ended, Failed, Outcome, Run
from hpo_magic.core.given_values import numbers_in
from hpo_magic.core.log import caught
from hpo_magic.core.metrics import Score, value_of_trial
from hpo_magic.core.ports import Fit, Framework, Report
from hpo_magic.core.records import UsedRows
from hpo_magic.core.trial import (
    AskedGoals,
    Failure,
    Kind,
    goals_or_value,
    is_better,
    named_goals,
)
from hpo_magic.dialects.old_spellings import todays_spelling
from hpo_magic.errors import HpoError, MetricError, MissingMetric, SpaceError
from hpo_magic.executors.output import TrialOutput, captured
from hpo_magic.executors.process_state import settings_kept
from hpo_magic.executors.row_scores import direction_of_score, row_scores_of
from hpo_magic.language.training_rows import on_training_rows
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.source.call_names import CallNames

# The end of a trial's output that is kept for the report: enough for a traceback and a few epochs.
OUTPUT_KEPT = 4_000


class TrialStopped(BaseException):
    """Raised inside a training to end it; no `except Exception` of the user's catches it."""


@dataclass(frozen=True)
class ObjectiveResult:
    """What the user's code left.

    Attributes
    ----------
    last
        The value of its last expression, or `NOTHING`.
    variables
        The variables that it set, by name.
    not_set
        The variables that it could read and did not set, by name.
    last_words
        The names and strings in the text of its last expression.
    """

    last: Any
    variables: Mapping[str, Any] = field(default_factory=dict)
    not_set: Mapping[str, Any] = field(default_factory=dict)
    last_words: frozenset[str] = frozenset()


class Objective(Protocol):
    """The user's code, which can be run repeatedly.

    `filename` is the cell's in tracebacks; None for a function. Names of unnamed `hp` calls are
    found by it.
    """

    filename: str | None

    def train(self) -> ObjectiveResult:
        """Run the code once. Its `hp` calls find the running trial by a context variable."""
        ...

    def carried(self) -> Mapping[str, Any]:
        """Return the outside values that the code reads, by name; they are sent to a worker."""
        ...

    def where(self, error: BaseException) -> tuple[int | None, str]:
        """Return the line of the user's code that failed, and the user's frames as text."""
        ...


class _Stops:
    """The report and the guard of a training, and whether one of them stopped it.

    A bare `except` of the user's catches the exception that stops a training, too.
    """

    def __init__(self, report: Report, guard: Callable[[], None]) -> None:
        self._report, self._guard = report, guard
        self.any = False

    def report(self, *args: Any, **kwargs: Any) -> None:
        """Report, and note whether that stopped the training."""
        with self._noted():
            self._report(*args, **kwargs)

    def guard(self) -> None:
        """Come to a batch, and note whether that stopped the training."""
        with self._noted():
            self._guard()

    @contextlib.contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except TrialStopped:
            self.any = True
            raise


def _nothing_of(fits: Sequence[Fit]) -> None:
    """Return None, whatever the fits; a function of the module, so that it can be pickled."""


@dataclass(frozen=True)
class ExecutionResult:
    """How one execution of an objective ended.

    Attributes
    ----------
    event
        The event for the engine.
    error
        The exception that failed the trial; None if it did not fail by one.
    result
        What the user's code left; None unless the trial is complete.
    fits
        The fits that were watched, oldest first; none unless the trial is complete.
    stays
        What the code set for the whole process and could not be put back, in words.
    remark
        What the user must know of the value; "" if nothing.
    """

    event: Completed | Failed | Ended
    error: BaseException | None = None
    result: ObjectiveResult | None = None
    fits: Sequence[Fit] = ()
    stays: tuple[str, ...] = ()
    remark: str = ""

    @property
    def notice(self) -> str:
        """What the user must know of it; "" if nothing."""
        stays = (
            f"The cell changes {', '.join(self.stays)} for the whole process, which cannot be put "
            f"back: later trials and the notebook keep the change."
        )
        return " ".join(filter(None, (self.remark, stays if self.stays else "")))


@dataclass
class TrialExecution:
    """Runs an objective once for each call, in this process. Pickled, it is what a worker runs.

    Attributes
    ----------
    objective
        The user's code.
    frameworks
        The training libraries that are seeded and watched.
    goals
        The objectives that the user asked for.
    model_of
        Returns the handle of the model that a training left, from its fits; None: there is none.
        Called for a training that beats `Run.to_beat`.
    rows_of
        Returns which rows the fits used. Called for the first complete training on each seed.
    names
        The names of unnamed `hp` calls by their place in the code; every trial adds to it.
    clock
        Returns seconds since 1970.
    """

    objective: Objective
    frameworks: Sequence[Framework] = ()
    goals: AskedGoals = ()
    model_of: Callable[[Sequence[Fit]], object] = _nothing_of
    rows_of: Callable[[Sequence[Fit]], Sequence[UsedRows] | None] = _nothing_of
    names: dict[str, str] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    _seeds_with_rows: set[int] = field(default_factory=set)

    def __call__(
        self,
        run: Run,
        report: Report,
        guard: Callable[[], None],
        *,
        is_stopping: Callable[[], bool] = lambda: False,
        was_interrupted: Callable[[], bool] = lambda: False,
        in_user_code: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> ExecutionResult:
        """Run the objective with the values of `run`; return how it ended.

        What the code sets for the whole process is put back afterwards.

        Parameters
        ----------
        run
            The trial's values and seed.
        report
            Takes what each step measured; may raise `TrialStopped`.
        guard
            Called at each batch; may raise `TrialStopped`.
        is_stopping
            Returns whether somebody asked this training to stop. Asked when it raised.
        was_interrupted
            Returns whether an interrupt was raised in the user's code. Asked when it returned.
        in_user_code
            Returns a context that is open while the user's code runs: the only time in which an
            interrupt may be raised.
        """
        stays: list[str] = []
        with settings_kept(stays.extend):
            told = _Stops(report, guard)
            result = self._executed(
                run,
                told.report,
                told.guard,
                lambda: told.any or was_interrupted(),
                is_stopping,
                in_user_code,
            )
        return replace(result, stays=tuple(stays))

    def _executed(
        self,
        run: Run,
        report: Report,
        guard: Callable[[], None],
        was_stopped: Callable[[], bool],
        is_stopping: Callable[[], bool],
        in_user_code: Callable[[], AbstractContextManager[None]],
    ) -> ExecutionResult:
        call_names = CallNames(self.objective.filename, self.names)

        def reported(*args: Any, **kwargs: Any) -> None:
            self.names |= call_names.names  # other trainings may run inside this report
            report(*args, **kwargs)
            call_names.names = {**self.names, **call_names.names}

        metric = next((goal.metric for goal in named_goals(self.goals)), None)
        directions = tuple(goal.direction for goal in goals_or_value(self.goals))
        trial = TrialContext(run, reported, call_names, metric, directions)
        output = TrialOutput(OUTPUT_KEPT, sys.stdout)

        def of_library(*args: Any, **kwargs: Any) -> None:
            if not trial.reports_its_objective:  # else each epoch would be reported twice
                reported(*args, **kwargs)

        try:
            with (
                running(trial),
                captured(output),
                _watched(self.frameworks, of_library, guard) as fits,
            ):
                seed_everything(run.seed, self.frameworks)
                trial.random_state = self._random_state
                seeded = self._random_state()
                with in_user_code():
                    result = self.objective.train()
                drew_random = trial.drew_random(seeded)
            if was_stopped():  # and the cell caught that: what it left is no result
                raise TrialStopped
            if trial.refused is not None:  # the cell caught it, in a try of its own
                raise trial.refused
            if any(value > 0 for value in trial.constraints.values()):  # infeasible
                outcome = self._outcome(trial, output, None)
                return ExecutionResult(Ended(run.number, outcome, self.clock(), gave_up=True))
            score = value_of_trial(
                self.goals,
                result.last,
                fits,
                result.variables,
                not_set=result.not_set,
                reported=trial.reported,
                last_words=result.last_words,
            )
            outcome = self._outcome(trial, output, score)
            if (failure := self._divergence(score)) is not None:
                return ExecutionResult(self._failed(run, outcome, failure))
            found = row_scores_of(score, trial.scored, fits, trial.observed)
            of_training = on_training_rows(score.value, trial, fits)
            outcome = replace(
                outcome,
                row_scores=found,
                drew_random=drew_random,
                of_training=bool(of_training) or score.is_of_training,
            )
            completed = self._completed(run, outcome, score, fits)
            of_score = direction_of_score(score, trial.scored, trial.observed)
            remark = " ".join(filter(None, (score.remark, of_score, of_training)))
            return ExecutionResult(completed, None, result, tuple(fits), remark=remark)
        except BaseException as error:  # noqa: BLE001  (everything a cell can raise ends a trial)
            if trial.refused is not None and isinstance(error, Exception):
                error = trial.refused  # what the cell raised in its place says less
            return self._after(error, run, self._outcome(trial, output, None), is_stopping())
        finally:
            self.names |= call_names.names

    def release(self) -> None:
        """Have the loaded frameworks give memory back; call it when the result is not held."""
        for framework in self.frameworks:
            if framework.is_loaded() and hasattr(framework, "release"):
                framework.release()

    def _random_state(self) -> tuple[Hashable, ...]:
        """Return where the random streams of all loaded frameworks are.

        A framework of others that was written before there was `random_state` has none.
        """
        loaded = [one for one in self.frameworks if one.is_loaded()]
        return tuple(one.random_state() for one in loaded if hasattr(one, "random_state"))

    def _divergence(self, score: Score) -> Failure | None:
        """Return the failure of the first objective whose value is NaN or infinite, if one is."""
        others = (goal.metric for goal in named_goals(self.goals)[1:])
        for metric in (score.goal.metric, *others):
            if not math.isfinite(score.metrics[metric]):
                return _not_finite(metric, score.metrics[metric])
        return None

    def _completed(
        self, run: Run, outcome: Outcome, score: Score, fits: Sequence[Fit]
    ) -> Completed:
        """Return the event of a complete trial, with its model and rows where they are wanted."""
        model, rows = None, None
        if run.kind is not Kind.RECHECK and is_better(score.value, run.to_beat, score.goal):
            model = self.model_of(fits)
        if run.seed not in self._seeds_with_rows:
            rows = self.rows_of(fits)
            self._seeds_with_rows.add(run.seed)
        return Completed(run.number, outcome, self.clock(), model, rows)

    def _after(
        self, error: BaseException, run: Run, outcome: Outcome, is_stopping: bool
    ) -> ExecutionResult:
        """Return how a trial ended whose code raised `error`."""
        ends = TrialStopped | KeyboardInterrupt | GeneratorExit
        if is_stopping or isinstance(error, ends):
            return ExecutionResult(Ended(run.number, outcome, self.clock()))
        if _is_pruned(error):
            return ExecutionResult(Ended(run.number, outcome, self.clock(), gave_up=True))
        if isinstance(error, MissingMetric):
            error.trial = run.number
        line, frames = self.objective.where(error)
        # The sentences of our own errors are complete; their class names would add nothing.
        kind = "" if isinstance(error, HpoError) else type(error).__name__
        failure = Failure(kind, _with_spelling(error), line, frames)
        # A cell that gives no such number, or describes a space that cannot be searched, would
        # fail the same way with every setting.
        is_fatal = isinstance(error, MetricError | SpaceError)
        return ExecutionResult(self._failed(run, outcome, failure, is_fatal=is_fatal), error)

    def _failed(
        self, run: Run, outcome: Outcome, failure: Failure, *, is_fatal: bool = False
    ) -> Failed:
        outcome = replace(outcome, value=None)
        return Failed(run.number, failure, outcome, self.clock(), is_fatal)

    def _outcome(self, trial: TrialContext, output: TrialOutput, score: Score | None) -> Outcome:
        """Return the outcome: the values that the training asked for, its output, and its score."""
        outcome = Outcome(
            dict(trial.values),
            tuple(trial.asked.values()),
            metrics=numbers_in(trial.noted),
            output=output.text,
            used_seed=trial.used_seed,
        )
        if score is None:
            return outcome
        return replace(
            outcome,
            value=score.value,
            goal=score.goal,
            metrics={**outcome.metrics, **score.metrics},
        )


def _is_pruned(error: BaseException) -> bool:
    """Return whether the error is Optuna's `TrialPruned`; Optuna need not be installed."""
    return any(
        kind.__name__ == "TrialPruned" and kind.__module__.partition(".")[0] == "optuna"
        for kind in type(error).__mro__
    )


def _with_spelling(error: BaseException) -> str:
    """Return the text of an exception, with today's spelling where that is what it lacks."""
    text, spelling = _text(error), todays_spelling(error)
    return f"{text.rstrip('.')}. {spelling}" if spelling else text


def _text(error: BaseException) -> str:
    """Return the text of an exception; "" if its `__str__` fails."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (a user's `__str__` may do anything)
        caught("an exception of the cell has no text")
        return ""


def seed_everything(seed: int, frameworks: Sequence[Framework]) -> None:
    """Clear and seed the frameworks that are loaded."""
    for framework in frameworks:
        if framework.is_loaded():
            framework.clear()
            framework.seed(seed)


@contextlib.contextmanager
def _watched(
    frameworks: Sequence[Framework], report: Report, guard: Callable[[], None]
) -> Iterator[list[Fit]]:
    """Yield the list that has the fits of all loaded frameworks at the end, in their order."""
    with contextlib.ExitStack() as stack:
        lists = [
            stack.enter_context(framework.watch(report, guard))
            for framework in frameworks
            if framework.is_loaded()
        ]
        fits: list[Fit] = []
        try:
            yield fits
        finally:
            fits.extend(sorted(itertools.chain(*lists), key=lambda fit: fit.ended))


def _not_finite(metric: str, value: float) -> Failure:
    text = "not a number (NaN)" if math.isnan(value) else "infinite"
    return Failure("Diverged", f"{metric} is {text}")
