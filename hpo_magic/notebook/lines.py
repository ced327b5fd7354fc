"""The search as text: one progress line in a terminal, one line for each trial elsewhere.

A terminal can overwrite its last line. A notebook that is executed without a reader cannot, so its
output has a line for each trial.

Until a trial is complete, lines are held back: if the search fails before that, its error is all
that the cell shows.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from typing import TextIO

from hpo_magic.core.events import Completed, Ended, Event, Failed, Freed, Noted
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Trial
from hpo_magic.views.text import progress_line, result_text, trial_lines
from hpo_magic.views.words.notices import messages

GAP_S = 0.2  # five times a second is as fast as a line can be read


class TrialLog:
    """Writes one line for each trial that ends, and for each message.

    Parameters
    ----------
    out
        Where to write; default: the current `sys.stdout`. Output of the trials is not written.
    show
        Shows the result at the end; default: as text on `out`.
    """

    def __init__(
        self, out: TextIO | None = None, show: Callable[[Snapshot], object] | None = None
    ) -> None:
        self._out = out or sys.stdout
        self._show = show
        self._n_told = 0
        self._held: list[str] = []

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Write the trial that ended, and new messages, once a trial is complete."""
        if event is None or isinstance(event, Noted | Freed):
            self._tell(snapshot(), [])
        elif isinstance(event, Completed | Failed | Ended):
            now = snapshot()
            self._tell(now, trial_lines(now, _numbered(now, event.number)))

    def _tell(self, now: Snapshot, lines: Iterable[str]) -> None:
        self._held += [*lines, *messages(now)[self._n_told :]]
        self._n_told = len(now.notices)
        if now.has_value:
            self._write_held()

    def _write_held(self) -> None:
        for line in self._held:
            self._write(line)
        self._held = []

    def _write(self, line: str) -> None:
        self._out.write(f"{line}\n")
        self._out.flush()

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Show the result; nothing if the search failed before any trial was complete."""
        if snapshot.is_mistake:
            return
        self._write_held()
        if self._show is not None:
            self._show(snapshot)
        else:
            self._write(result_text(snapshot))


class ProgressLine:
    """Keeps one line of a terminal up to date.

    Parameters
    ----------
    out
        The terminal; default: the current `sys.stdout`.
    clock
        Returns seconds; limits how often the line is written.
    """

    def __init__(
        self, out: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._out = out or sys.stdout
        self._clock = clock
        self._written_at = -GAP_S
        self._n_written = 0

    def notice(self, event: Event | None, snapshot: Callable[[], Snapshot]) -> None:
        """Write the line again, at most five times a second; each message gets its own line."""
        is_message = event is None or isinstance(event, Noted)
        if not is_message and self._clock() - self._written_at < GAP_S:
            return
        self._written_at = self._clock()
        now = snapshot()
        if now.has_value:
            self._write_messages(messages(now))
        self._over(progress_line(now))

    def _write_messages(self, texts: tuple[str, ...]) -> None:
        """Write the messages that are not written yet, each into a line of its own."""
        for message in texts[self._n_written :]:
            self._over("")
            self._out.write(f"\r{message}\n")
        self._n_written = len(texts)

    def _over(self, line: str) -> None:
        """Overwrite the line, cut to the width of the terminal."""
        width = shutil.get_terminal_size().columns - 1
        cut = line if len(line) <= width else f"{line[: width - 1]}…"
        self._out.write(f"\r{cut:<{width}}")
        self._out.flush()

    def poll(self) -> None:
        """Do nothing between events."""

    def close(self, snapshot: Snapshot) -> None:
        """Write the result in place of the line; a search that came to nothing leaves nothing."""
        self._over("")
        self._out.write("\r" if snapshot.is_mistake else f"\r{result_text(snapshot)}\n")
        self._out.flush()


def _numbered(snapshot: Snapshot, number: int) -> list[Trial]:
    """Return the trial of that number, also where it is outside the ranges."""
    return [t for t in (*snapshot.trials, *snapshot.set_aside) if t.number == number]
