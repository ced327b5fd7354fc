"""A process is told from a later one with its number, and a dead one from a living one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hpo_magic.storage.process import Process, started_by_proc, started_by_ps


def test_this_process_is_alive() -> None:
    """And its number is the system's."""
    assert Process.this().pid == os.getpid()
    assert Process.this().is_alive() is True


def test_a_later_process_with_the_same_number_is_another() -> None:
    """Process ids are used again; the start tells them apart."""
    assert replace(Process.this(), started="long ago").is_alive() is False


def test_another_host_cannot_be_seen() -> None:
    """Neither alive nor dead."""
    assert replace(Process.this(), host="elsewhere").is_alive() is None


def test_without_a_start_nothing_can_be_told() -> None:
    """As on Windows, for any process but this one."""
    assert replace(Process.this(), started="", pid=1).is_alive() is None


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


def test_proc_is_read_whatever_the_name(tmp_path: Path) -> None:
    """A program may be called anything, such as "a) Z (b"; a zombie is dead."""
    fields = " ".join(str(k) for k in range(4, 53))
    for pid, state in ((7, "S"), (8, "Z")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) Z (b) {state} {fields}\n")
    assert started_by_proc(7, tmp_path) == "22"
    assert started_by_proc(8, tmp_path) == ""
    assert started_by_proc(9, tmp_path) == ""


@pytest.mark.parametrize(
    ("shown", "started"),
    [
        ("Ss   Tue Mar  3 10:00:00 2026", "Tue Mar 3 10:00:00 2026"),
        ("Z+   Tue Mar  3 10:00:00 2026", ""),
        ("", ""),
    ],
)
def test_ps_is_read(
    shown: str, started: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no /proc, the start comes from ps; a zombie is dead."""
    ps = tmp_path / "ps"
    ps.write_text(f"#!/bin/sh\necho '{shown}'\n")
    ps.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert started_by_ps(7) == started


def test_without_ps_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a slim container."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert started_by_ps(os.getpid()) == ""
