"""The script that does faults on purpose: what it counts as lost is what is lost."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.faults import FAULTS, Kernel, row
from hpo_magic.core.records import StudyRecord
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.storage.sqlite import SqliteStorage


def stored(folder: Path, numbers: tuple[int, ...]) -> Kernel:
    """Return a kernel with these complete trials on disk; the setting of trial 3 is 0.3."""
    record = StudyRecord(0, "faulty", 1, (), 0)
    with closing(SqliteStorage(folder)) as storage:
        study = storage.create(record).id
        for number in numbers:
            params = {"x": number / 10}
            storage.save_trial(study, Trial(number, State.COMPLETE, params, Kind.SEARCH, value=1.0))
    return Kernel(folder, "")


@pytest.mark.parametrize(
    ("numbers", "marks", "n_lost"),
    [
        ((0, 1), "5.0 ended 7 0.0\n6.0 ended 8 0.1\n", 0),
        ((0, 1), "5.0 ended 7 0.0\n6.0 ended 8 0.1\n7.0 began 8 0.2\n", 0),
        ((0, 1), "5.0 ended 7 0.0\n6.0 ended 8 0.1\n7.0 ended 8 0.2\n", 1),
        ((0, 2), "5.0 ended 7 0.0\n6.0 ended 8 0.2\n", 1),
        ((0, 1), "5.0 ended 7 0.0\n9.9 ended 8 0.2\n", 0),  # on its way when the fault was done
    ],
)
def test_what_ended_and_is_not_on_disk_is_lost(
    tmp_path: Path, numbers: tuple[int, ...], marks: str, n_lost: int
) -> None:
    """A value that is missing, and a number that vanished."""
    kernel = stored(tmp_path, numbers)
    (tmp_path / "marks").write_text(marks)
    assert kernel.n_lost(fault_at=10.0) == n_lost


@pytest.mark.slow
def test_a_fault_is_done_to_a_real_search() -> None:
    """And its row has what came of it."""
    assert set(FAULTS) >= {"worker killed", "scheduler gone", "kernel killed"}
    cells = row("interrupt", 1).split(" | ")
    assert cells[:4] == ["| interrupt", "1", "0", "0"]
    assert cells[-1] == "The search ended: stopped by the user. |"
