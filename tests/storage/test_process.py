"""A process is told from a later one with its number, and a dead one from a living one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from hpo_magic.storage.process import Process


def test_this_process_is_alive() -> None:
    """And its number is the system's."""
    assert Process.this().pid == os.getpid()
    assert Process.this().is_alive() is True


def test_a_later_process_with_the_same_number_is_another() -> None:
    """Process ids are used again; the start tells them apart."""
    assert replace(Process.this(), started="1.00").is_alive() is False


def test_another_host_cannot_be_seen() -> None:
    """Neither alive nor dead."""
    assert replace(Process.this(), host="elsewhere").is_alive() is None


@pytest.mark.parametrize("started", ["", "4711", "Tue Mar 3 10:00:00 2026"])
def test_without_a_start_a_process_that_runs_cannot_be_told(started: str) -> None:
    """Its id may be another process's by now. Version 0.1.0 stored the start in other forms."""
    assert replace(Process.this(), started=started, pid=1).is_alive() is None


def test_an_id_that_no_process_has_is_dead() -> None:
    """Whatever is known of its start."""
    nobody = max(psutil.pids()) + 100_000
    assert replace(Process.this(), started="", pid=nobody).is_alive() is False


def test_a_process_that_may_not_be_seen_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither alive nor dead."""

    def refuse(pid: int) -> None:
        raise psutil.AccessDenied(pid)

    other = replace(Process.this(), pid=1)
    monkeypatch.setattr(psutil, "Process", refuse)
    assert other.is_alive() is None


def test_a_child_dies() -> None:
    """Alive at first; dead once it is killed, even before its parent has noticed (a zombie)."""
    asks = "from hpo_magic.storage.process import Process; print(Process.this().started)"
    stays = "import sys; sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", f"{asks}; {stays}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        started = child.stdout.readline().strip()
        process = replace(Process.this(), pid=child.pid, started=started)
        assert process.is_alive() is True
        child.kill()
        deadline = time.monotonic() + 10
        while process.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.is_alive() is False
    assert process.is_alive() is False
