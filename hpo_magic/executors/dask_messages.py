"""Messages to the kernel's loop from the workers and from requests to the cluster.

`dask` handles them in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo_magic.executors.training_task import StepReport, TaskResult


@dataclass(frozen=True)
class TrainingBegan:
    """A training began on a worker; a second time if its first worker died.

    `goes_on`: it waited there, and has been taken up.
    """

    number: int
    worker: str
    goes_on: bool = False


@dataclass(frozen=True)
class TrainingBeganAgain:
    """A training began again where it was: it needs a thread in which none can wait."""

    number: int


@dataclass(frozen=True)
class ReportsSent:
    """A training on a worker sent reports."""

    number: int
    worker: str
    reports: Sequence[StepReport]


@dataclass(frozen=True)
class ResultFetched:
    """The result of a training's task was fetched.

    `result` is the task's result and the worker's memory in bytes; or the exception that ended the
    task; or None if the task was cancelled.
    """

    number: int
    future: Any
    result: tuple[TaskResult, int] | BaseException | None


@dataclass(frozen=True)
class WorkersListed:
    """The cluster answered which workers take tasks, by address; None: it did not answer.

    `known`: the addresses of all workers, those too that take no task now.
    """

    addresses: list[str] | None
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WorkerRestarted:
    """The restart of a worker has ended."""

    worker: str


Message = (
    TrainingBegan
    | TrainingBeganAgain
    | ReportsSent
    | ResultFetched
    | WorkersListed
    | WorkerRestarted
)


def message_of(event: Mapping[str, Any]) -> Message | None:
    """Return the message in an event that a worker logged; None for the end of a training."""
    if "begins" in event:
        return TrainingBegan(event["number"], event["at"])
    if "goes on" in event:
        return TrainingBegan(event["number"], event["at"], goes_on=True)
    if "again" in event:
        return TrainingBeganAgain(event["number"])
    if "reports" in event:
        return ReportsSent(event["number"], event["at"], event["reports"])
    return None  # the result of the task comes by `ResultFetched`
