"""The protocol of a log of trials, and the listener that writes a log while a search runs."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

from hpo_magic.core.events import Completed, Ended, Event, Failed, Reported
from hpo_magic.core.log import caught
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Point, Trial
from hpo_magic.errors import HpoError
from hpo_magic.views.words.numbers import shortened

MESSAGE_LENGTH = 120


class Log(Protocol):
    """Is given the points of a trial's learning curve one by one, then the ended trial."""

    def point(self, trial: Trial, point: Point) -> None:
        """Write the metrics that a trial reported at one step."""
        ...

    def trial(self, trial: Trial, snapshot: Snapshot) -> None:
        """Write an ended trial: its setting, value and state. Its points were written before."""
        ...

    def close(self, snapshot: Snapshot) -> None:
        """Write the result of the search, and close files and connections."""
        ...


def write_all(log: Log, snapshot: Snapshot) -> None:
    """Write all trials of a search, except those that still run."""
    for trial in snapshot.trials:
        if not trial.state.is_open:
            for point in trial.curve:
                log.point(trial, point)
            log.trial(trial, snapshot)
    log.close(snapshot)


class Logging:
    """A listener that writes a log. If the log raises, it is switched off; the search goes on."""

    def __init__(
        self, open_log: Callable[[], Log], label: str, note: Callable[[str], None]
    ) -> None:
        self._open, self._label, self._note = open_log, label, note
        self._log: Log | None = None
        self._has_failed = False

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Write the event to the log if it is a report or the end of a trial."""
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
        """Do nothing: a log is written at events only."""

    def close(self, snapshot: Snapshot) -> None:
        """Close the log, if it was opened."""
        if self._log is not None:
            self._try(lambda log: log.close(snapshot))

    def _try(self, use: Callable[[Log], None]) -> None:
        if self._has_failed:
            return
        try:
            if self._log is None:
                self._log = self._open()
            use(self._log)
        except Exception as error:  # noqa: BLE001  (a server or a disk may fail in any way)
            caught("a log failed")
            self._has_failed = True
            why = shortened(f"{type(error).__name__}: {error}", MESSAGE_LENGTH)
            self._note(
                f"--log {self._label} failed ({why}) and is off for the rest of this run. The "
                f"study itself is complete."
            )


def require(library: str, what: str) -> None:
    """Check that a library is installed. The extra that installs it has the same name.

    Raises
    ------
    HpoError
        If it is not; the message has the command that installs it.
    """
    if find_spec(library) is None:
        raise HpoError(
            f'{what} needs {library}, which is not installed: pip install "hpo_magic[{library}]"'
        )
