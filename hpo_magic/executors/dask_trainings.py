"""The trainings of a search on a cluster: which are at work, which wait, and where.

A training that waits is in the memory of its worker, so its next turn is sent there and nowhere
else. A worker that is gone takes what waited in it along; what was at work there begins again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from hpo_magic.core.events import Outcome, Run


@dataclass
class ClusterTraining:
    """A training that was submitted to the cluster and has not ended.

    Attributes
    ----------
    run
        The trial's values and seed.
    future
        Of the task; None until it is submitted.
    n_turns
        How many tasks there were for it.
    worker
        The address of the worker that runs it, or in which it waits; "" before it began.
    place
        The address of the only worker that may run its task; "" if any may.
    stop_asked_at
        When it was asked to stop, by `time.monotonic`; None if it was not.
    is_to_end
        Whether it is to be stopped where it waited, as soon as its worker has time.
    """

    run: Run
    future: Any = None
    n_turns: int = 0
    worker: str = ""
    place: str = ""
    stop_asked_at: float | None = None
    is_to_end: bool = False

    @property
    def number(self) -> int:
        """The trial's."""
        return self.run.number

    @property
    def known(self) -> Outcome:
        """The outcome of a training without a result: its values alone."""
        return Outcome(dict(self.run.params))


@dataclass
class ClusterTrainings:
    """The trainings of one search on a cluster, by number.

    Attributes
    ----------
    underway
        Those of which a worker has a task.
    waiting
        Those that wait to be taken up.
    """

    underway: dict[int, ClusterTraining] = field(default_factory=dict)
    waiting: dict[int, ClusterTraining] = field(default_factory=dict)

    def idle(self, workers: Iterable[str]) -> list[str]:
        """Return those of these workers that have no task, the one with the least to keep first."""
        busy = {one.place or one.worker for one in self.underway.values()}
        found = [worker for worker in workers if worker not in busy]
        return sorted(found, key=lambda worker: len(self.at([worker])))

    def at(self, workers: Collection[str]) -> frozenset[int]:
        """Return the numbers of the trainings that wait in these workers."""
        return frozenset(n for n, one in self.waiting.items() if one.worker in workers)

    def bound_to(self, workers: Collection[str]) -> list[ClusterTraining]:
        """Return those that wait in these workers, or have a task that no other worker may take."""
        waiting = [one for one in self.waiting.values() if one.worker in workers]
        return [*waiting, *(one for one in self.underway.values() if one.place in workers)]

    @property
    def all(self) -> list[ClusterTraining]:
        """Those that have not ended."""
        return [*self.underway.values(), *self.waiting.values()]

    def clear(self) -> None:
        """Forget all."""
        self.underway.clear()
        self.waiting.clear()

    def remove(self, number: int) -> None:
        """Forget a training."""
        self.underway.pop(number, None)
        self.waiting.pop(number, None)
