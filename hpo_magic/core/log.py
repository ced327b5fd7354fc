"""The logger of the package, and what it noted last, for a bug report.

An error that the user need not see is caught in many places, such as in a panel that cannot be
drawn. Each of them calls `caught` (or uses `suppressed`), so that no error is lost:

    logging.getLogger("hpo_magic").setLevel(logging.DEBUG)

shows them all with their tracebacks. The last ones are kept in `RECENT`, without what they say:
that may hold the user's data.
"""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

log = logging.getLogger("hpo_magic")
log.addHandler(logging.NullHandler())

# The latest lines for a bug report. Module state, as the handlers of a logger are: whoever writes
# the report must find the lines of every search of the process.
RECENT: deque[str] = deque(maxlen=100)
EVENTS: deque[str] = deque(maxlen=100)

MOST_FRAMES = 8


def caught(what: str) -> None:
    """Log the exception that is being handled, with its traceback, at debug level.

    Parameters
    ----------
    what
        What failed, without anything of the user's: "the panel could not be drawn".
    """
    log.debug(what, exc_info=True)
    error = sys.exception()
    if error is not None:
        frames = " < ".join(_frames(error.__traceback__))
        RECENT.append(f"{_now()} {what}: {type(error).__name__} at {frames}")


def note(what: str) -> None:
    """Log something that is no error, for a bug report; without anything of the user's."""
    log.debug(what)
    if not RECENT or not RECENT[-1].endswith(what):  # the same at each report is one line
        RECENT.append(f"{_now()} {what}")


@contextmanager
def suppressed(what: str, *kinds: type[BaseException]) -> Iterator[None]:
    """Ignore exceptions of these kinds inside the block, but log them; without kinds, `Exception`.

    >>> with suppressed("an example"):
    ...     raise ValueError("not shown")
    >>> RECENT[-1].partition(" at ")[0].partition(" ")[2]
    'an example: ValueError'
    """
    wanted = kinds or (Exception,)
    try:
        yield
    except wanted:
        caught(what)


def note_event(kind: str, trial: int | None) -> None:
    """Keep that an event of a search happened: its kind and its trial, nothing else."""
    EVENTS.append(f"{_now()} {kind}" + ("" if trial is None else f" of trial {trial}"))


def _now() -> str:
    return time.strftime("%H:%M:%S")


def _frames(traceback: TracebackType | None) -> list[str]:
    """Return module, line and function of each frame, the innermost first; no text of the code."""
    found = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__", "?")
        found.append(f"{module}:{traceback.tb_lineno} {frame.f_code.co_name}")
        traceback = traceback.tb_next
    return found[: -MOST_FRAMES - 1 : -1]
