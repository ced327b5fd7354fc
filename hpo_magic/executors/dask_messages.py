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
    """A training began on a worker; a second time if its first worker died."""

    number: int
    worker: str


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
    """The cluster answered which workers take tasks, by address; None: it did not answer."""

    addresses: list[str] | None


@dataclass(frozen=True)
class WorkerRestarted:
    """The restart of a worker has ended."""

    worker: str


Message = TrainingBegan | ReportsSent | ResultFetched | WorkersListed | WorkerRestarted


def message_of(event: Mapping[str, Any]) -> Message | None:
    """Return the message in an event that a worker logged; None for the end of a training."""
    if "begins" in event:
        return TrainingBegan(event["number"], event["at"])
    if "reports" in event:
        return ReportsSent(event["number"], event["at"], event["reports"])
    return None  # the result of the task comes by `ResultFetched`
