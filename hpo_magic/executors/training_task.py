"""What is sent to a worker and what it sends back.

The task is a pickled `TrialExecution`: the user's code with the values that it reads, and the
frameworks that watch it. `train` runs it on the worker, in the executor that the kernel has, too
(`serial`): it lets one training work until it has ended or stands in a report, where the kernel
decides who is next. How the bytes travel is the executor's.
"""

from __future__ import annotations

import inspect
import io
import linecache
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import cloudpickle

from hpo_magic.core.events import Completed, Ended, Event, Failed, Noted, Reported, Restarted, Run
from hpo_magic.core.space import Params
from hpo_magic.errors import NotPortable
from hpo_magic.executors.serial import SerialExecutor
from hpo_magic.executors.trial_execution import TrialExecution

# A loop may report each of a million steps. Faster reports than this are sent together: the panel
# does not refresh faster.
SEND_EVERY_S = 0.1
# Held during a training: seeds, output and sessions belong to the whole process.
ONE_AT_A_TIME = threading.Lock()
# How many calls deep the search for a value that cannot be pickled goes: the functions that the
# code calls, those that they call, and so on.
MOST_DEPTH = 3


class StepReport(NamedTuple):
    """What a training reported at a step; see `core.events.Reported`.

    `age_s` is how many seconds ago it did so when the report was sent.
    """

    step: int
    metrics: Mapping[str, float]
    n_steps: int | None
    room: int
    age_s: float = 0.0


SendReports = Callable[[Sequence[StepReport]], None]


@runtime_checkable
class HasNotice(Protocol):
    """An objective that checks after each training whether the user must be told something."""

    def notice(self) -> str:
        """Return a sentence about the last training for the user; "" if there is none."""
        ...


@dataclass
class TrainingTask:
    """The work of one search on one worker.

    Attributes
    ----------
    execution
        Runs the user's code.
    waits
        Whether trainings shall be able to wait in the worker.
    n_trained
        How many trainings this process has run.
    """

    execution: TrialExecution
    waits: bool = False
    n_trained: int = 0

    @cached_property
    def executor(self) -> SerialExecutor:
        """What runs the trainings in this process, and keeps those that wait."""
        return SerialExecutor(self.execution, self.execution.clock, waits=self.waits)


@dataclass(frozen=True)
class Standing:
    """A training stands in a report until the kernel says whether it goes on.

    Attributes
    ----------
    report
        The report.
    params
        The values that the training asked for so far.
    """

    report: StepReport
    params: Params


@dataclass(frozen=True)
class TaskResult:
    """What a training sends back when it has ended, or stands.

    Attributes
    ----------
    event
        How the training ended; a complete one has its model and its rows. None: it stands.
    names
        The names of unnamed `hp` calls by place, those known before included.
    n_trained
        How many trainings the worker process has run, this one included.
    notice
        A sentence for the user; "" if there is none.
    standing
        Where it stands; None: it has ended.
    refusal
        Why no training can wait there; "" if they can, None while that is not known.
    """

    event: Completed | Failed | Ended | None
    names: Mapping[str, str]
    n_trained: int = 1
    notice: str = ""
    standing: Standing | None = None
    refusal: str | None = None


def dumps_task(execution: TrialExecution, *, waits: bool = False) -> bytes:
    """Return the pickled task of a search; `waits`: its trainings shall be able to wait.

    Raises
    ------
    NotPortable
        If a value that the code reads cannot be pickled; the message names it, and says why.
    """
    try:
        data, files = _pickled(TrainingTask(execution, waits))
        return pickle.dumps((_texts_of(files), data))
    except Exception as error:
        if isinstance(error, NotPortable):
            raise
        objective = execution.objective
        found = next(_not_portable(objective.carried(), ()), None)
        name, kind, reason = found or ("the code", type(objective).__name__, _first(error))
        raise NotPortable(
            f"{name} ({kind}) cannot be sent to a worker: {reason}. Make it inside the cell, where "
            f"the training runs."
        ) from None


def loads_task(data: bytes) -> TrainingTask:
    """Return the task from these bytes; the modules that it needs are imported."""
    texts, pickled = pickle.loads(data)  # noqa: S301  (ours, by way of the cluster)
    for filename, lines in texts.items():
        linecache.cache[filename] = (sum(map(len, lines)), None, lines, filename)
    task: TrainingTask = cloudpickle.loads(pickled)
    return task


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Keeps the file names of code, which cloudpickle would replace by "<dynamic-code>"."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.files: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, CodeType):
            return super().reducer_override(obj)
        self.files.add(obj.co_filename)
        make, arguments = self.dispatch_table[CodeType](obj)
        return _code_in_file, (make, arguments, obj.co_filename)


def _code_in_file(make: Callable[..., CodeType], arguments: Sequence[Any], file: str) -> CodeType:
    """Return code with the name of the file that its text is in."""
    return make(*arguments).replace(co_filename=file)


def _pickled(task: TrainingTask) -> tuple[bytes, set[str]]:
    """Return a task as bytes, and the files of the functions that are pickled with it."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    pickler.dump(task)
    return file.getvalue(), pickler.files


def _texts_of(files: set[str]) -> dict[str, list[str]]:
    """Return the texts of cells, by which a worker finds the names of `hp` calls in functions."""
    cells = (name for name in files if not Path(name).is_file())
    found = {name: linecache.getlines(name) for name in cells}
    return {name: lines for name, lines in found.items() if lines}


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
    *,
    again: Callable[[], None] = lambda: None,
    refusal: str | None = None,
) -> TaskResult:
    """Let one training work in this process until it has ended, or stands in a report.

    It begins, or goes on if it waits here.

    Parameters
    ----------
    task
        The search's.
    run
        The trial's values and seed. From the step `until` on the training stands in its report, if
        it can; where the kernel has it go on, that is a further call with a later `until`.
    names
        The names of unnamed `hp` calls by place that the kernel knows.
    send
        Sends reports to the kernel.
    is_stopping
        Returns whether the training was asked to stop; called at each batch and report.
    again
        Tells the kernel that the training begins again.
    refusal
        What the kernel knows of `TaskResult.refusal` from other workers.
    """
    execution, executor = task.execution, task.executor
    execution.names |= names
    if refusal is not None:
        executor.accept(refusal)
    turn = _Turn(executor, run, _Reports(send), is_stopping, again)
    turn.work()
    executor.last_error = None  # it holds the frames of the training, and they hold its model
    objective = execution.objective
    if turn.event is not None:
        task.n_trained += 1
        if isinstance(objective, HasNotice):
            turn.notices.append(objective.notice())
    known, notice = dict(execution.names), " ".join(filter(None, turn.notices))
    return TaskResult(turn.event, known, task.n_trained, notice, turn.standing, executor.refusal)


@dataclass
class _Turn:
    """A training at work; the arguments are those of `train`."""

    executor: SerialExecutor
    run: Run
    reports: _Reports
    is_stopping: Callable[[], bool]
    again: Callable[[], None]
    event: Completed | Failed | Ended | None = None
    standing: Standing | None = None
    notices: list[str] = field(default_factory=list)

    def work(self) -> None:
        """Let the training work, and send what it reported."""
        if self.executor.holds(self.run.number):
            self.executor.go_on(self.run.number)
        else:
            self.executor.submit(self.run)
        self.executor.pump(self._feed, 0.0, self._at_batch)
        self.reports.send()

    def _at_batch(self) -> None:
        self.reports.send_if_due()
        if self.is_stopping():
            self.executor.stop(self.run.number)

    def _feed(self, event: Event) -> None:
        match event:
            case Reported():
                self._reported(event)
            case Restarted():
                self.reports.forget()
                self.again()
            case Noted():
                self.notices.append(str(event.notice))
            case Completed() | Failed() | Ended():
                self.event = event

    def _reported(self, event: Reported) -> None:
        """Collect a report; where the kernel is to decide, the training stands in it."""
        report = StepReport(event.step, dict(event.metrics), event.n_steps, event.room)
        if self._is_to_stand(event) and not self.is_stopping():
            self.standing = Standing(report, dict(event.params or {}))
            self.executor.suspend(self.run.number)
        else:
            self.reports.add(report)

    def _is_to_stand(self, event: Reported) -> bool:
        """Return whether the kernel is to decide; not at the last report, after which all go on."""
        until = self.run.until
        if not event.room or until is None or event.step < until:
            return False
        return event.n_steps is None or event.step < event.n_steps


class _Reports:
    """Collects reports, and sends those of a tenth of a second together."""

    def __init__(self, send: SendReports) -> None:
        self._send = send
        self._waiting: list[tuple[float, StepReport]] = []
        self._sent_at = float("-inf")

    def add(self, report: StepReport) -> None:
        """Collect a report."""
        self._waiting.append((time.monotonic(), report))

    def forget(self) -> None:
        """Drop what was collected."""
        self._waiting.clear()

    def send_if_due(self) -> None:
        """Send what was collected, unless the last time was a moment ago."""
        if time.monotonic() - self._sent_at >= SEND_EVERY_S:
            self.send()

    def send(self) -> None:
        """Send what was collected, if anything."""
        if self._waiting:
            now = time.monotonic()
            self._send(tuple(report._replace(age_s=now - at) for at, report in self._waiting))
            self._waiting.clear()
            self._sent_at = now
