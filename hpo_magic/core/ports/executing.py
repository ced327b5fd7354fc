"""Protocols of what runs trainings, somewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from hpo_magic.core.events import Event, Run


class Report(Protocol):
    """Passes on what an epoch measured; raises to stop the training."""

    def __call__(self, step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
        """Report; `n_steps` is the last step that the training plans to reach, if it says so."""
        ...


class Executor(Protocol):
    """Runs trainings, somewhere.

    `submit` starts or queues one, `pump` hands over what happened, `stop` asks one to end soon.
    """

    @property
    def n_workers(self) -> int:
        """How many trainings can run at once, now."""
        ...

    def submit(self, run: Run) -> None:
        """Take on a training; there is a free worker."""
        ...

    def pump(
        self,
        feed: Callable[[Event], None],
        timeout_s: float,
        at_batch: Callable[[], None] = lambda: None,
    ) -> None:
        """Feed the events that have come, or wait for some; return after one trial ended at most.

        Parameters
        ----------
        feed
            Takes each event; may call `stop`.
        timeout_s
            How long to wait for an event.
        at_batch
            Called at each batch and report of a training that runs in this thread, inside this
            call. An executor that trains elsewhere does not call it.
        """
        ...

    def stop(self, number: int) -> None:
        """Have that training stopped at its next batch; its `Ended` comes by `pump`."""
        ...

    def close(self) -> None:
        """Give back what was held; trainings that still run are stopped."""
        ...


@runtime_checkable
class WaitingExecutor(Protocol):
    """An executor, which is an `Executor` too, whose trainings can wait in the middle.

    A training waits where it was at work, in the thread of a process, and only there it can be
    taken up. So the executor says at each decision which ones are `at_hand`: for a free worker by
    the runner (`Freed`), in a report itself (`Reported`).
    """

    @property
    def room(self) -> int:
        """How many trainings can wait at once; 0: none, now or at all."""
        ...

    @property
    def at_hand(self) -> frozenset[int] | None:
        """The numbers of the waiting trainings that a free worker can take up; None: all."""
        ...

    def suspend(self, number: int) -> None:
        """Let the training wait in the report that is fed now; `pump` returns."""
        ...

    def go_on(self, number: int, until: int | None) -> None:
        """Have a training go on that waits, or whose report is fed now; see `Continue`."""
        ...
