"""Which process works on a trial, and whether it still lives.

A process id alone does not tell: ids are used again. So a process is its id, the moment it started
and its host. The moment comes from `/proc` on Linux and from `ps` on macOS and the BSDs. On Windows
and for a process on another host (a shared file system) it cannot be told from here.
"""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """A process; `started` is the system's own text, good for comparison alone ("": unknown)."""

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
        if self.host != this.host or not (self.started and this.started):
            return None
        return _started(self.pid) == self.started


@cache  # `ps` takes some milliseconds, and the answer never changes
def _this(pid: int) -> Process:
    return Process(platform.node(), pid, _started(pid))


def _started(pid: int) -> str:
    return started_by_proc(pid) if (PROC / "self").exists() else started_by_ps(pid)


def started_by_proc(pid: int, proc: Path = PROC) -> str:
    """Return when the process started, in clock ticks since boot; "" if it is dead or a zombie."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except OSError:
        return ""
    # Its second field is the name in parentheses, which may itself have spaces and parentheses.
    # After it come field 3, the state, and so on to field 22, the start (man 5 proc_pid_stat).
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def started_by_ps(pid: int) -> str:
    """Return when the process started, to the second; "" if it is dead, a zombie, or has no ps."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    fixed = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}  # the same text in every process
    try:
        shown = subprocess.run(  # noqa: S603 (a fixed command; ps stands elsewhere on each system)
            command, env=fixed, capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    state, _, started = shown.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else " ".join(started.split())
