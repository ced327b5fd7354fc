"""Whether the studies are in a folder that a notebook service deletes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hpo_magic.core.notices import TemporaryFolder, TemporaryService
from hpo_magic.storage.mounts import is_on_network

# Variables that each service sets in every kernel; one of them suffices.
VARIABLES = {
    TemporaryService.COLAB: ("COLAB_RELEASE_TAG", "COLAB_GPU", "COLAB_JUPYTER_IP"),
    TemporaryService.KAGGLE: ("KAGGLE_KERNEL_RUN_TYPE", "KAGGLE_URL_BASE"),
    TemporaryService.BINDER: ("BINDER_SERVICE_HOST", "BINDER_LAUNCH_HOST"),
}


def temporary_folder(folder: Path, environment: Mapping[str, str]) -> TemporaryFolder | None:
    """Return which service deletes the folder; None if no known service does.

    A folder on a mounted drive stays.

    Parameters
    ----------
    folder
        Of the studies.
    environment
        The variables of this process.
    """
    for service, variables in VARIABLES.items():
        if any(variable in environment for variable in variables):
            if is_on_network(folder):
                return None
            return TemporaryFolder(service, str(folder.resolve()))
    return None
