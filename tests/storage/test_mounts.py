"""Network file systems are told from local ones by the table of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo_magic.storage import mounts
from hpo_magic.storage.mounts import file_system, is_on_network

TABLE = """\
overlay / overlay rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/ada/local ext4 rw 0 0
ada@host: /home/ada/cloud fuse.sshfs rw 0 0
//server/share /mnt/my\\040share cifs rw 0 0
/dev/sdc1 /twice ext4 rw 0 0
server:/twice /twice nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind", "is_network"),
    [
        ("/data/hpo_studies", "overlay", False),
        ("/home/ada/hpo_studies", "nfs4", True),
        ("/homestead", "overlay", False),
        ("/home/ada/local/hpo_studies", "ext4", False),
        ("/home/ada/cloud", "fuse.sshfs", True),
        ("/mnt/my share/hpo_studies", "cifs", True),
        ("/twice", "nfs", True),
    ],
)
def test_the_nearest_mount_counts(
    folder: str, kind: str, is_network: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest, and of equal ones the latest."""
    table = tmp_path / "mounts"
    table.write_text(TABLE)
    monkeypatch.setattr(mounts, "MOUNTS", table)
    assert file_system(Path(folder), TABLE) == kind
    assert is_on_network(Path(folder)) is is_network


def test_without_a_table_a_folder_counts_as_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none on macOS and Windows; SQLite's own check has to do there."""
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert is_on_network(tmp_path) is False
