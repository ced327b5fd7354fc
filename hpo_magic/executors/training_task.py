"""What a training needs away from home, pickled once, and what comes back of it.

The code goes with what it reads, and with what watches it. `train` unpacks nothing and sends
nothing by itself: how bytes travel is the executor's.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import cloudpickle

from hpo_magic.core.events import Completed, Ended, Failed, Run
from hpo_magic.core.ports import Fit, Framework
from hpo_magic.core.trial import AskedGoals
from hpo_magic.errors import NotPortable
from hpo_magic.executors.trial_execution import (
    Objective,
    ObjectiveResult,
    TrialExecution,
    TrialStopped,
)

# Reports are sent together if they come faster: a loop may report each of a million steps. A hand
# and an eye notice no tenth of a second.
SEND_EVERY_S = 0.1
# Where what cannot be pickled is looked for: in functions that the code calls, and theirs.
MOST_DEPTH = 3

StepReport = tuple[int, dict[str, float], int | None]  # step, metrics, last step planned
SendReports = Callable[[Sequence[StepReport]], None]


@runtime_checkable
class WithNotice(Protocol):
    """An objective that has something to say of how it trained."""

    def remark(self) -> str:
        """Return what the user must know of the last training, in words; "" if nothing."""
        ...


@dataclass
class TrainingTask:
    """What travels to a worker.

    Parameters
    ----------
    objective, frameworks, goals
        As in `TrialExecution`.
    model_of
        Returns the model of a training that leads as something to be pickled; None: of none.
    rows_of
        Returns which rows the fits used; asked once for each seed.
    """

    objective: Objective
    frameworks: Sequence[Framework] = ()
    goals: AskedGoals = ()
    model_of: Callable[[Sequence[Fit]], Any] = lambda fits: None
    rows_of: Callable[[Sequence[Fit]], Any] = lambda fits: None
    _seeds: set[int] = field(default_factory=set)
    _n_trained: int = 0


@dataclass(frozen=True)
class TaskResult:
    """What a training brought home: its end, the names it found, its model and its rows.

    `n_trained` is how many this process has trained so far, this one included; `remark` what the
    user must know of it.
    """

    ended: Completed | Failed | Ended
    names: Mapping[str, str]
    model: Any = None
    rows: Any = None
    n_trained: int = 1
    remark: str = ""


def dumps_task(task: TrainingTask) -> bytes:
    """Return a parcel as bytes.

    Raises
    ------
    NotPortable
        If something that the code reads cannot be pickled; with its name, the reason and the cure.
    """
    try:
        return bytes(cloudpickle.dumps(task))
    except Exception as error:
        if isinstance(error, NotPortable):
            raise
        found = next(_not_portable(task.objective.carried(), ()), None)
        name, kind, reason = found or ("the code", type(task.objective).__name__, _first(error))
        raise NotPortable(
            f"{name} ({kind}) cannot be sent to a worker: {reason}. Make it inside the cell, where "
            f"the training runs."
        ) from None


def loads_task(data: bytes) -> TrainingTask:
    """Return the parcel in these bytes; what it needs is imported."""
    task: TrainingTask = cloudpickle.loads(data)
    return task


def _not_portable(
    values: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """Yield name, kind and reason of what cannot be pickled, the innermost first."""
    for name, value in values.items():
        try:
            cloudpickle.dumps(value)
        except Exception as error:  # noqa: BLE001  (a `__reduce__` of the user's may raise anything)
            if inspect.isfunction(value) and len(path) < MOST_DEPTH:
                read = inspect.getclosurevars(value)
                yield from _not_portable({**read.globals, **read.nonlocals}, (*path, name))
            inside = f", which {path[-1]} reads," if path else ""
            yield f"{name}{inside}", type(value).__name__, _first(error)


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def train(
    task: TrainingTask,
    run: Run,
    names: Mapping[str, str],
    send: SendReports = lambda reports: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> TaskResult:
    """Train once, where we are; `send` is given the reports, some at a time.

    `names` are those of the unnamed `hp` calls so far. `is_stopping` is asked at every batch and
    report.
    """
    waiting: list[StepReport] = []
    sent_at = float("-inf")

    def flush() -> None:
        nonlocal sent_at
        if waiting:
            send(tuple(waiting))
            waiting.clear()
            sent_at = time.monotonic()

    def guard() -> None:
        if waiting and time.monotonic() - sent_at >= SEND_EVERY_S:
            flush()
        if is_stopping():
            raise TrialStopped

    def report(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
        waiting.append((step, dict(metrics), n_steps))
        guard()

    models: list[Any] = []
    rows: list[Any] = []

    def keep(run: Run, trained: ObjectiveResult, fits: Sequence[Fit]) -> None:
        models.append(task.model_of(fits))

    def seen(run: Run, fits: Sequence[Fit]) -> None:
        if run.seed not in task._seeds:
            task._seeds.add(run.seed)
            rows.append(task.rows_of(fits))

    objective = task.objective
    execution = TrialExecution(
        objective,
        task.frameworks,
        task.goals,
        keep=keep,
        seen=seen,
        is_stopping=lambda number: is_stopping(),
        names=dict(names),
    )
    ended = execution(run, report, guard)
    flush()
    task._n_trained += 1
    return TaskResult(
        ended,
        execution.names,
        model=models[0] if models else None,
        rows=rows[0] if rows else None,
        n_trained=task._n_trained,
        remark=objective.remark() if isinstance(objective, WithNotice) else "",
    )
