"""What goes wrong with workers, done on purpose: what is lost, what is left, how long it takes.

    python -m benchmarks.faults [--only NAME ...] [--times 10]

Each time a kernel of its own runs a `%%hpo` cell of short trainings on real worker processes, the
fault is done to it from outside or by the cell, and the study's file is read afterwards. *Lost* are
trial numbers that vanished from the file, and trainings that had ended on their worker a second
before the fault, or at any time where the kernel lived on, and are not in it with their value.
*Orphans* are processes of the kernel that outlive it by ten seconds. *Seconds* are the median and
the worst; what they last until is said for each fault.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from slow_networks import slow_network

from hpo_magic.core.trial import State, Trial
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.views.words.notices import ending_text, messages

N_TRIALS = 8
WAITING_S = 120.0
ORPHAN_S = 10.0
TRANSIT_S = 1.0  # from the end of a training to the kernel's disk, on a busy machine
TIMEOUT_S = 2.0  # of a trial that hangs

# What the notebook has before the search. A victim is the first setting that is not the start's.
SETUP = """
import ctypes, os, time
from pathlib import Path
import numpy as np
def mark(what, x):
    with (Path(folder) / "marks").open("a") as file:
        file.write(f"{time.time()} {what} {os.getpid()} {x!r}\\n")
def is_victim(x):
    if x == 0.5:
        return False
    try:
        with (Path(folder) / "victim").open("x") as file:
            file.write(repr(x))
        return True
    except FileExistsError:
        return (Path(folder) / "victim").read_text() == repr(x)
def no_harm(x): pass
def eat(x):
    mark("harm", x)
    held = []
    while True:
        held.append(np.ones(2**23))
        time.sleep(0.02)
def abort(x):
    mark("harm", x)
    os.abort()
def crash(x):
    mark("harm", x)
    ctypes.string_at(0)
def hang(x):
    mark("harm", x)
    ctypes.PyDLL(None).sleep(1000)  # holds the interpreter: no thread of Python runs
"""
CELL = """
x = hp.Float(0.0, 1.0)
mark("began", x)
if is_victim(x):
    {harm}(x)
try:
    for step in range(1, 7):
        time.sleep(0.1)
        hp.report(step, loss=x / step)
    mark("ended", x)
finally:
    mark("left", x)
x
"""


@dataclass(frozen=True)
class Mark:
    """What a training wrote down of itself."""

    at: float  # seconds since 1970
    what: str
    pid: int
    x: float


@dataclass
class Kernel:
    """A process that runs the cell in an IPython shell, seen from outside."""

    folder: Path
    line: str
    harm: str = "no_harm"
    env: dict[str, str] = field(default_factory=dict)
    children: dict[int, psutil.Process] = field(default_factory=dict)

    def start(self) -> None:
        """Start it, and take note of its processes from now on."""
        cell = CELL.format(harm=self.harm)
        asked = {"line": self.line, "cell": cell, "folder": str(self.folder)}
        command = [sys.executable, "-m", "benchmarks.faults", "--kernel", json.dumps(asked)]
        with (self.folder / "output").open("w") as output:
            self.process = subprocess.Popen(
                command, env={**os.environ, **self.env}, stdout=output, stderr=output
            )
        threading.Thread(target=self._note_children, daemon=True).start()

    def _note_children(self) -> None:
        kernel = psutil.Process(self.process.pid)
        while kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE:
            try:
                self.children |= {child.pid: child for child in kernel.children(recursive=True)}
            except psutil.NoSuchProcess:
                return
            time.sleep(0.1)

    def marks(self, *kinds: str) -> list[Mark]:
        """Return what the trainings wrote, of these kinds, oldest first."""
        file = self.folder / "marks"
        lines = file.read_text().splitlines() if file.exists() else []
        found = [Mark(float(a), b, int(c), float(d)) for a, b, c, d in map(str.split, lines)]
        return [one for one in found if one.what in kinds]

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        """Return what the condition comes to, as soon as that is true."""
        latest = time.monotonic() + WAITING_S
        while time.monotonic() < latest:
            if found := condition():
                return found
            time.sleep(0.01)
        output = (self.folder / "output").read_text()
        raise RuntimeError(f"no {what} within {WAITING_S:.0f} s:\n{output}")

    def wait_for_marks(self, n: int, what: str) -> list[Mark]:
        """Return the marks of a kind, when there are so many."""
        return self.wait_for(
            lambda: found if len(found := self.marks(what)) >= n else None, f"{n} of {what}"
        )

    def told(self) -> dict[str, Any]:
        """Wait for the end of the cell; return what it told: `ended_at`, `messages`."""
        self.wait_for(lambda: self.process.poll() is not None, "end of the cell")
        file = self.folder / "told.json"
        if not file.exists():
            raise RuntimeError(f"the search failed:\n{(self.folder / 'output').read_text()}")
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def n_orphans(self) -> int:
        """Return how many of its processes are still there; they are ended then."""
        _, alive = psutil.wait_procs(list(self.children.values()), timeout=ORPHAN_S)
        for one in alive:
            one.kill()
        return len(alive)

    def trials(self) -> list[Trial]:
        """Return what is on disk."""
        with closing(SqliteStorage(self.folder)) as storage:
            return storage.trials(storage.revisions("faulty")[-1].id)

    def n_lost(self, fault_at: float = float("inf")) -> int:
        """Return how many trials are lost; from `fault_at` on nothing came home."""
        trials = self.trials()
        kept = {trial.params["x"] for trial in trials if trial.state is State.COMPLETE}
        ended = {one.x for one in self.marks("ended") if one.at < fault_at - TRANSIT_S}
        vanished = set(range(len(trials))) - {trial.number for trial in trials}
        return len(ended - kept) + len(vanished)

    def of_victim(self) -> Trial:
        """Return the trial that the harm was done to."""
        x = float((self.folder / "victim").read_text())
        return next(trial for trial in self.trials() if trial.params.get("x") == x)


@dataclass(frozen=True)
class Found:
    """What one fault came to."""

    n_lost: int
    n_orphans: int
    seconds: float
    sentence: str


def worker_killed(folder: Path) -> Found:
    """Until the training runs again; `kill -9` of a worker in mid-trial, of two."""
    kernel = Kernel(folder, "--jobs 2")
    kernel.start()
    hit = kernel.wait_for_marks(3, "began")[2]
    time.sleep(0.2)
    at = time.time()
    os.kill(hit.pid, signal.SIGKILL)
    told = kernel.told()
    again = [one for one in kernel.marks("began") if one.x == hit.x and one.at > at]
    sentence = _said(told, "once more")
    assert len(kernel.trials()) == N_TRIALS
    return Found(kernel.n_lost(), kernel.n_orphans(), again[0].at - at, sentence)


def out_of_memory(folder: Path) -> Found:
    """Until the trial is recorded, from its first bite: Dask ends a worker of 5% of the memory."""
    limit = {"DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "0.05"}
    return _settled(Kernel(folder, "--jobs 2", "eat", limit))


def native_abort(folder: Path) -> Found:
    """Until the trial is recorded, from the first `os.abort()`; it runs twice."""
    return _settled(Kernel(folder, "--isolate", "abort"))


def native_crash(folder: Path) -> Found:
    """Until the trial is recorded, from the first segmentation fault; it runs twice."""
    return _settled(Kernel(folder, "--jobs 2", "crash"))


def stuck(folder: Path) -> Found:
    """Until the next training begins, from the `--timeout 2s` of one that holds the interpreter."""
    kernel = Kernel(folder, f"--isolate --timeout {TIMEOUT_S:.0f}s", "hang")
    found = _settled(kernel)
    hung = kernel.marks("harm")[0]
    after = next(one.at for one in kernel.marks("began") if one.at > hung.at)
    return Found(found.n_lost, found.n_orphans, after - hung.at - TIMEOUT_S, found.sentence)


def _settled(kernel: Kernel) -> Found:
    """Run to the end; the victim's trial has failed, and all others have their value."""
    kernel.start()
    kernel.told()
    victim, trials = kernel.of_victim(), kernel.trials()
    assert victim.state is State.FAILED, victim
    assert victim.failure is not None
    assert victim.started is not None
    assert victim.duration_s is not None
    assert sum(trial.state is State.COMPLETE for trial in trials) == N_TRIALS - 1
    assert len(kernel.marks("harm")) == (1 if kernel.harm == "hang" else 2)
    took_s = victim.started + victim.duration_s - kernel.marks("harm")[0].at
    sentence = f"Trial {victim.number} failed: {victim.failure.message}."
    return Found(kernel.n_lost(), kernel.n_orphans(), took_s, sentence)


def scheduler_gone(folder: Path) -> Found:
    """Until the cell has ended; `kill -9` of the scheduler of `--on`. Run again, it goes on."""
    with _a_cluster() as (scheduler, address):
        kernel = Kernel(folder, f"--on {address}")
        kernel.start()
        kernel.wait_for_marks(4, "began")
        at = time.time()
        scheduler.kill()
        told = kernel.told()
        n_lost, n_orphans = kernel.n_lost(at), kernel.n_orphans()
    with _a_cluster() as (_, address):
        again = Kernel(folder, f"--on {address}")
        again.start()
        again.told()
    n_complete = sum(trial.state is State.COMPLETE for trial in again.trials())
    assert n_complete == N_TRIALS, n_complete
    sentence = _said(told, "gone")
    return Found(n_lost + again.n_lost(at), n_orphans, told["ended_at"] - at, sentence)


def interrupt(folder: Path) -> Found:
    """Until the workers have left trainings of batches of 0.1 s; the kernel's stop button."""
    kernel = Kernel(folder, "--jobs 2")
    kernel.start()
    kernel.wait_for_marks(4, "began")
    at = time.time()
    kernel.process.send_signal(signal.SIGINT)
    told = kernel.told()
    left = max(one.at for one in kernel.marks("left"))
    assert len(kernel.marks("left")) == len(kernel.marks("began"))
    return Found(
        kernel.n_lost(), kernel.n_orphans(), left - at, f"The search ended: {told['end']}."
    )


def kernel_killed(folder: Path) -> Found:
    """Until none of its processes is left; `kill -9` of the kernel. Run again, it goes on."""
    kernel = Kernel(folder, "--jobs 2")
    kernel.start()
    kernel.wait_for_marks(4, "began")
    at = time.time()
    kernel.process.kill()
    kernel.process.wait()
    n_orphans = kernel.n_orphans()
    took_s = time.time() - at
    n_lost = kernel.n_lost(at)
    again = Kernel(folder, "--jobs 2")
    again.start()
    told = again.told()
    n_complete = sum(trial.state is State.COMPLETE for trial in again.trials())
    assert n_complete == N_TRIALS, n_complete
    sentence = f"Run again: {_said(told, '')}"
    return Found(n_lost + again.n_lost(at), n_orphans + again.n_orphans(), took_s, sentence)


def slow(folder: Path) -> Found:
    """From the end of the last training to that of the cell; all that is sent is 2 s late."""
    with _a_cluster() as (_, address), slow_network(address) as network:
        kernel = Kernel(folder, f"--on {network.address}")
        kernel.start()
        kernel.wait_for_marks(1, "began")
        network.delay_s = 2.0
        told = kernel.told()
    trials = kernel.trials()
    assert [trial.state for trial in trials] == [State.COMPLETE] * N_TRIALS
    for trial in trials:
        assert [point.step for point in trial.curve] == [1, 2, 3, 4, 5, 6], trial.number
    late_s = told["ended_at"] - max(one.at for one in kernel.marks("ended"))
    return Found(kernel.n_lost(), kernel.n_orphans(), late_s, "")


FAULTS: dict[str, Callable[[Path], Found]] = {
    "worker killed": worker_killed,
    "out of memory": out_of_memory,
    "native abort": native_abort,
    "native crash": native_crash,
    "stuck in native code": stuck,
    "scheduler gone": scheduler_gone,
    "interrupt": interrupt,
    "kernel killed": kernel_killed,
    "slow network": slow,
}


def _said(told: dict[str, Any], part: str) -> str:
    """Return the first message with those words."""
    return str(next(text for text in told["messages"] if part in text))


@contextmanager
def _a_cluster() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a scheduler and two workers; yield the scheduler's process and its address."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scheduler.json"
        where = ["--scheduler-file", str(file)]
        dask = [sys.executable, "-m", "dask"]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started = [
            subprocess.Popen(
                [*dask, "scheduler", *where, "--port", "0", "--dashboard-address", ":0"], **quiet
            )
        ]
        while not file.exists() or not file.read_text().strip():
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        options = ["--nworkers", "2", "--nthreads", "1", "--dashboard-address", ":0"]
        started.append(subprocess.Popen([*dask, "worker", address, *options], **quiet))
        try:
            yield started[0], address
        finally:
            for process in reversed(started):
                process.terminate()
                try:
                    process.wait(timeout=15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def run_kernel(line: str, cell: str, folder: str) -> None:
    """Run the cell; write down when it ended and what it told."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "hpo_magic")
    shell.user_ns["folder"] = folder
    shell.run_cell(SETUP)
    options = f"--minimize -n {N_TRIALS} --sampler random --recheck 0 --ui none --pruner none"
    shell.run_cell(f"%%hpo faulty {options} --storage {folder} {line}\n{cell}")
    ended_at = time.time()
    snapshot = shell.user_ns["faulty"].snapshot
    end = ending_text(snapshot.ended) if snapshot.ended else ""
    told = {"ended_at": ended_at, "messages": messages(snapshot), "end": end}
    Path(folder, "told.json").write_text(json.dumps(told))


def row(name: str, times: int) -> str:
    """Do one fault so many times; return its row of the table."""
    found = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            found.append(FAULTS[name](Path(folder)))
    seconds = [one.seconds for one in found]
    until = (FAULTS[name].__doc__ or "").split(";")[0]
    n_lost, n_orphans = sum(one.n_lost for one in found), sum(one.n_orphans for one in found)
    took = f"{statistics.median(seconds):.1f} / {max(seconds):.1f}"
    cells = (name, times, n_lost, n_orphans, took, until, found[-1].sentence)
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Do the faults that are asked for, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="NAME")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--kernel", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.kernel:
        run_kernel(**json.loads(asked.kernel))
        return
    print("| fault | times | lost | orphans | seconds, median / worst | until | what is said |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in asked.only:
        print(row(name, asked.times), flush=True)


if __name__ == "__main__":
    main()
