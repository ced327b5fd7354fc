"""What a log of trials is, and the listener that keeps one while the search runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

from hpo_magic.core.events import Completed, Ended, Event, Failed, Reported
from hpo_magic.core.log import caught
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Point, State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.views.words.numbers import shortened

MESSAGE_LENGTH = 120


class Log(Protocol):
    """Takes the points of trials, and then the trials: in that order for each of them."""

    def point(self, trial: Trial, point: Point) -> None:
        """Write what a trial reported at an epoch."""
        ...

    def trial(self, trial: Trial, snapshot: Snapshot) -> None:
        """Write how a trial ended; its points are written."""
        ...

    def close(self, snapshot: Snapshot) -> None:
        """Write what is known of the whole search, and let go of what is held."""
        ...


def write_all(log: Log, snapshot: Snapshot) -> None:
    """Write a search that is there already; trials in training are left out."""
    for trial in snapshot.trials:
        if trial.state is not State.RUNNING:
            for point in trial.curve:
                log.point(trial, point)
            log.trial(trial, snapshot)
    log.close(snapshot)


class Logging:
    """Keeps a log while a search runs. One that fails ends itself, never the search."""

    def __init__(
        self, open_log: Callable[[], Log], label: str, note: Callable[[str], None]
    ) -> None:
        self._open, self._label, self._note = open_log, label, note
        self._log: Log | None = None
        self._has_failed = False

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Log the points and the ends of trials."""
        if isinstance(event, Reported | Completed | Failed | Ended):
            self._try(lambda log: self._write(log, event, snapshot()))

    def _write(self, log: Log, event: Reported | Completed | Failed | Ended, now: Snapshot) -> None:
        everything = (*now.trials, *now.set_aside)
        trial = next((t for t in everything if t.number == event.number), None)
        if trial is None:
            return
        if isinstance(event, Reported):
            log.point(trial, Point(event.step, event.metrics))
        else:
            log.trial(trial, now)

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Complete the log."""
        if self._log is not None:
            self._try(lambda log: log.close(snapshot))

    def _try(self, use: Callable[[Log], None]) -> None:
        if self._has_failed:
            return
        try:
            if self._log is None:
                self._log = self._open()
            use(self._log)
        except Exception as error:  # noqa: BLE001  whatever a server or a disk does
            caught("a log failed")
            self._has_failed = True
            why = shortened(f"{type(error).__name__}: {error}", MESSAGE_LENGTH)
            self._note(
                f"--log {self._label} failed and is off for the rest of this run ({why}). Nothing "
                f"is lost: the study has it all."
            )


def require(library: str, what: str) -> None:
    """Check that a library is installed; its extra has its name.

    Raises
    ------
    HpoError
        If not, with what needs it and the command that installs it.
    """
    if find_spec(library) is None:
        raise HpoError(
            f'{what} needs {library}, which is not here: pip install "hpo_magic[{library}]"'
        )
