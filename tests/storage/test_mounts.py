"""Network file systems are told from local ones by the system's mounts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from hpo_magic.storage.mounts import is_on_network

MOUNTS = [
    ("/", "overlay", "rw"),
    ("/home", "nfs4", "rw"),
    ("/home/ada/local", "ext4", "rw"),
    ("/home/ada/cloud", "fuse.sshfs", "rw"),
    ("/mnt/my share", "cifs", "rw"),
    ("/drive", "NTFS", "rw,remote"),
    ("/twice", "ext4", "rw"),
    ("/twice", "nfs", "rw"),
]


@pytest.mark.parametrize(
    ("folder", "is_network"),
    [
        ("/data/hpo_studies", False),
        ("/home/ada/hpo_studies", True),
        ("/homestead", False),
        ("/home/ada/local/hpo_studies", False),
        ("/home/ada/cloud", True),
        ("/mnt/my share/hpo_studies", True),
        ("/drive/hpo_studies", True),
        ("/twice", True),
    ],
)
def test_the_nearest_mount_counts(
    folder: str, is_network: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest, and of equal ones the latest; remote drives of Windows are marked as such."""
    mounts = [SimpleNamespace(mountpoint=m, fstype=t, opts=o) for m, t, o in MOUNTS]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert is_on_network(Path(folder)) is is_network


def test_where_the_system_does_not_tell_a_folder_counts_as_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own check has to do there."""

    def refuse(**_: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "disk_partitions", refuse)
    assert is_on_network(tmp_path) is False
