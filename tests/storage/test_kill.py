"""Real processes on one study: numbers are handed out once, and a kill loses no finished trial."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from hpo_magic.core.trial import State
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.storages import a_record, a_trial

# Each line is written after the call has returned, so that what the parent has read has happened.
SEARCH = """
import sys, time
from hpo_magic.core.trial import State
from hpo_magic.storage.sqlite import SqliteStorage
from hpo_magic.testing.storages import a_record, a_trial

path, study, n_trials, epoch_s = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
storage = SqliteStorage(path)
for _ in range(n_trials):
    number = storage.claim(study)
    print("claimed", number, flush=True)
    storage.save_trial(study, a_trial(number, State.RUNNING))
    print("running", number, flush=True)
    time.sleep(epoch_s)
    storage.save_trial(study, a_trial(number))
    print("finished", number, flush=True)
storage.close()
"""


def start(path: Path, study: int, n_trials: int, epoch_s: float) -> subprocess.Popen[str]:
    """Start a process that runs trials, and tells."""
    arguments = [str(path), str(study), str(n_trials), str(epoch_s)]
    return subprocess.Popen(
        [sys.executable, "-c", SEARCH, *arguments], stdout=subprocess.PIPE, text=True
    )


def parsed(output: str) -> dict[str, list[int]]:
    """Return the numbers by what was said of them; a line cut short by the kill counts for none."""
    said: dict[str, list[int]] = {"claimed": [], "running": [], "finished": []}
    for line in output.splitlines(keepends=True):
        if line.endswith("\n"):
            what, number = line.split()
            said[what].append(int(number))
    return said


def a_study(path: Path) -> int:
    """Return the id of a new study, stored in `path`."""
    with closing(SqliteStorage(path)) as storage:
        return storage.create(a_record()).id


def test_processes_claim_numbers_at_once(tmp_path: Path) -> None:
    """Four processes, forty trials each: every number once, every trial there."""
    study = a_study(tmp_path)
    searches = [start(tmp_path, study, 40, 0.0) for _ in range(4)]
    said = [parsed(search.communicate(timeout=60)[0]) for search in searches]
    assert [search.returncode for search in searches] == [0] * 4
    claimed = [number for one in said for number in one["claimed"]]
    assert sorted(claimed) == list(range(160))
    with closing(SqliteStorage(tmp_path)) as storage:
        assert storage.trials(study) == [a_trial(number) for number in range(160)]


OPEN = """
import sys, time
from hpo_magic.storage.sqlite import SqliteStorage

path, begin = sys.argv[1], float(sys.argv[2])
for k in range(20):
    time.sleep(max(0.0, begin + 0.1 * k - time.time()))
    print(SqliteStorage(f"{path}/{k}").names())
"""


def test_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    """One makes the tables, the others wait; twenty times, because chance decides what meets."""
    command = [sys.executable, "-c", OPEN, str(tmp_path), str(time.time() + 1.5)]
    opening = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[0] for process in opening] == ["[]\n" * 20] * 4


@pytest.mark.parametrize(
    ("epoch_s", "after"),
    [(0.0, "finished"), (30.0, "running")],
    ids=["anywhere", "in mid-trial"],
)
def test_ten_kills(tmp_path: Path, epoch_s: float, after: str) -> None:
    """Every finished trial is there, no number comes twice, what ran is stopped."""
    chance = random.Random(0)
    study = a_study(tmp_path)
    claimed: list[int] = []
    finished: list[int] = []
    for _ in range(10):
        search = start(tmp_path, study, 10_000, epoch_s)
        assert search.stdout is not None
        output = ""
        while after not in output:
            output += search.stdout.readline()
        time.sleep(chance.uniform(0, 0.03))
        search.kill()
        # Not `communicate`: it loses what `readline` has read ahead.
        said = parsed(output + search.stdout.read())
        search.stdout.close()
        search.wait()
        claimed += said["claimed"]
        finished += said["finished"]
    assert max(Counter(claimed).values()) == 1
    with closing(SqliteStorage(tmp_path)) as storage:
        storage.changes(study, 0)
        trials = {trial.number: trial for trial in storage.trials(study)}
        assert [trials[number] for number in finished] == [a_trial(n) for n in finished]
        # A kill may have come between a call's return and the line that tells of it: up to one
        # trial of each process ran or finished unheard.
        assert len(trials) - len(finished) <= 10
        assert {trial.state for trial in trials.values()} <= {State.COMPLETE, State.STOPPED}
        assert storage.claim(study) > max([*claimed, *trials])
    with closing(sqlite3.connect(tmp_path / "studies.sqlite")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
