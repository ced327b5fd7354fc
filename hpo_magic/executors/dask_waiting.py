"""The executor on a cluster whose trainings can wait in their workers.

A task is one turn of a training: it ends when the training has ended, or stands in a report. A
training that stands is in its worker's memory, so its next turn is sent to that worker alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hpo_magic.core.events import Ended, Event, Noted, Reported, Run
from hpo_magic.executors.dask import DaskExecutor
from hpo_magic.executors.dask_messages import WorkersListed
from hpo_magic.executors.dask_trainings import ClusterTraining
from hpo_magic.executors.dask_workers import quietly
from hpo_magic.executors.room import MOST_WAITING
from hpo_magic.executors.training_task import Standing, TaskResult


@dataclass
class WaitingDaskExecutor(DaskExecutor):
    """A `DaskExecutor`, and a `core.ports.WaitingExecutor`; the task was made with `waits`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._waiting = self._trainings.waiting
        self._standing: int | None = None  # the training whose report is fed now

    @property
    def room(self) -> int:
        """How many trainings can wait in each worker; 0 where it is not safe, or not known to be.

        How many the memory of a worker allows comes with each report.
        """
        return MOST_WAITING if self._refusal == "" else 0

    @property
    def at_hand(self) -> frozenset[int]:
        """The numbers of the trainings that wait in workers without a task."""
        return self._trainings.at(self._trainings.idle(self._workers.ready))

    def submit(self, run: Run) -> None:
        """Send a training to a worker without a task."""
        self._begin(ClusterTraining(run))

    def _begin(self, one: ClusterTraining) -> None:
        """Send a training to the idle worker in which the fewest wait, else to any."""
        idle = self._trainings.idle(self._workers.ready)
        self._send(one, idle[0] if idle else "")

    def suspend(self, number: int) -> None:
        """Let the training wait in the report that is fed now."""
        self._standing = None

    def go_on(self, number: int, until: int | None) -> None:
        """Have a training go on in its worker."""
        one = self._waiting.pop(number)
        one.run = replace(one.run, until=until)
        self._send(one, one.worker)

    def stop(self, number: int) -> None:
        """Have that training stopped at its next batch, or where it waits."""
        one = self._waiting.pop(number, None)
        if one is None:
            super().stop(number)
            return
        one.is_to_end, one.stop_asked_at = True, None
        self._send(one, one.worker)

    def _took_turn(
        self, one: ClusterTraining, result: TaskResult, n_bytes: int, feed: Callable[[Event], None]
    ) -> bool:
        """Feed what a training did in its turn; return whether it ended: it may stand."""
        if result.standing is None:
            return super()._took_turn(one, result, n_bytes, feed)
        self._take_over(one, result)
        self._stood(one, result.standing, feed)
        return False

    def _stood(
        self, one: ClusterTraining, standing: Standing, feed: Callable[[Event], None]
    ) -> None:
        """Feed the report in which a training stands; it goes on unless it is to wait."""
        near = self._trainings.at([one.worker])
        del self._underway[one.number]
        self._waiting[one.number], self._standing = one, one.number
        one.run = replace(one.run, params=standing.params)
        if one.stop_asked_at is not None:
            self.stop(one.number)
            return
        step, metrics, n_steps, room, _ = standing.report
        at = self.clock()
        feed(Reported(one.number, step, metrics, at, n_steps, room, standing.params, near))
        if self._standing == one.number and one.number in self._waiting:
            self.go_on(one.number, one.run.until)

    def _take_note_of(self, listed: WorkersListed, feed: Callable[[Event], None]) -> set[str]:
        """Begin again what was at work in workers that are gone; what waited there is lost."""
        gone = super()._take_note_of(listed, feed)
        lost: list[int] = []
        for one in self._trainings.bound_to(gone):
            is_stopping = one.is_to_end or one.stop_asked_at is not None
            if one.number in self._underway and not is_stopping:
                quietly(one.future.cancel)
                self._begin(one)
                continue
            self._trainings.remove(one.number)
            if not is_stopping:
                lost.append(one.number)
            feed(Ended(one.number, one.known, self.clock(), is_lost=True))
        if lost:
            feed(Noted(_lost_text(lost)))
        return gone


def _lost_text(numbers: list[int]) -> str:
    """Return the sentence on trainings that waited in a worker that is gone."""
    names = ", ".join(map(str, sorted(numbers)))
    if len(numbers) == 1:
        return f"Trial {names} was lost: it waited in a worker that is gone. It may be tried again."
    return (
        f"Trials {names} were lost: they waited in a worker that is gone. They may be tried again."
    )
