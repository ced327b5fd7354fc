"""Which process works on a trial, and whether it still runs.

A process id alone is not enough: the system hands out ids again. So a process is its id, its start
and its host. Of a process on another host (a shared file system) nothing is known from here.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import cache

import psutil

# Two processes with one id cannot have started within this; the system's clocks are less exact.
TOLERANCE_S = 2.0


@dataclass(frozen=True)
class Process:
    """A process.

    Attributes
    ----------
    host
        The name of its machine.
    pid
        Its id there.
    started
        When it started, in seconds: since boot on Linux, since 1970 elsewhere. As text; "" if the
        system does not tell. (Version 0.1.0 stored other texts, which are taken as unknown.)
    """

    host: str
    pid: int
    started: str

    @classmethod
    def this(cls) -> Process:
        """Return the process that asks."""
        return _this(os.getpid())

    def is_alive(self) -> bool | None:
        """Return whether the process still runs; None if that cannot be told from here."""
        this = Process.this()
        if self == this:
            return True
        if self.host != this.host:
            return None
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            started = _started(process)
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return None
        seconds = _seconds(self.started)
        return None if seconds is None else abs(seconds - started) <= TOLERANCE_S


@cache  # reading it costs some milliseconds on some systems, and the answer never changes
def _this(pid: int) -> Process:
    try:
        started = f"{_started(psutil.Process(pid)):.2f}"
    except psutil.Error:
        started = ""
    return Process(platform.node(), pid, started)


def _started(process: psutil.Process) -> float:
    # On Linux psutil adds the time of boot, which moves when somebody sets the clock; the start
    # since boot stays. Elsewhere the system itself stores the time of the start.
    return float(process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0))


def _seconds(started: str) -> float | None:
    """Return the number in `started`; None for "" and for the texts of version 0.1.0."""
    try:
        return float(started) if "." in started else None
    except ValueError:
        return None
