"""A folder that a notebook service deletes is told, once for each study."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from hpo_magic import hp, search
from hpo_magic.core.notices import TemporaryFolder, TemporaryService
from hpo_magic.search.temporary import temporary_folder


@pytest.mark.parametrize(
    ("variable", "service"),
    [
        ("COLAB_RELEASE_TAG", TemporaryService.COLAB),
        ("COLAB_GPU", TemporaryService.COLAB),
        ("KAGGLE_KERNEL_RUN_TYPE", TemporaryService.KAGGLE),
        ("BINDER_SERVICE_HOST", TemporaryService.BINDER),
    ],
)
def test_each_service_is_known_by_its_variables(
    variable: str, service: TemporaryService, tmp_path: Path
) -> None:
    """Their kernels have them, whatever the folder is called."""
    assert temporary_folder(tmp_path, {variable: ""}) == TemporaryFolder(service, str(tmp_path))


def test_elsewhere_nothing_is_temporary(tmp_path: Path) -> None:
    """No sentence where no known service runs the kernel."""
    assert temporary_folder(tmp_path, {"HOME": "/root", "JPY_PARENT_PID": "1"}) is None


def test_a_mounted_drive_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Colab mounts Google Drive by FUSE."""
    drive = SimpleNamespace(mountpoint=str(tmp_path), fstype="fuse.drive", opts="rw")
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [drive])
    assert temporary_folder(tmp_path / "MyDrive", {"COLAB_GPU": ""}) is None


def test_it_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the study's first search, not again when the search continues."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101")

    def objective() -> float:
        return hp.Float(0.0, 1.0, name="x")

    for n_trials, is_told in ((2, True), (4, False)):
        search(objective, "once", n_trials, minimize="value", storage=tmp_path, ui="text")
        assert ("which Colab deletes" in capsys.readouterr().out) is is_told


def test_a_study_in_memory_is_in_no_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its user knows that it is not kept."""
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20261101")
    search(lambda: hp.Float(0.0, 1.0, name="x"), trials=2, minimize="value", ui="text")
    assert "Colab" not in capsys.readouterr().out
