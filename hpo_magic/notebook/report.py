"""`%hpo --report`: a text file for a bug report, without data and values of the user's."""

from __future__ import annotations

import itertools
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from hpo_magic.core.log import EVENTS, RECENT
from hpo_magic.frameworks import all_frameworks
from hpo_magic.notebook.panel.clicks import way_of_clicks

FILE = "hpo_report"
PACKAGES = (
    *("hpo_magic", "ipython", "ipykernel", "ipywidgets", "jupyter_client", "jupyterlab"),
    *("notebook", "nbclient", "papermill", "matplotlib", "scipy", "scikit-optimize", "psutil"),
    *("threadpoolctl", "distributed", "dask", "cloudpickle", "hyperopt", "pymoo", "optuna"),
    *("tensorboard", "mlflow-skinny", "mlflow", "pandas"),
)
# Set by frontends for the kernels that they start.
FRONTENDS = {
    "VSCODE_PID": "VS Code",
    "COLAB_RELEASE_TAG": "Colab",
    "KAGGLE_KERNEL_RUN_TYPE": "Kaggle",
    "JPY_SESSION_NAME": "Jupyter Server",
}


def write_report(shell: Any, folder: Path) -> Path:
    """Write the report into a new file of the folder; return its path."""
    names = itertools.chain([FILE], (f"{FILE}_{number}" for number in itertools.count(2)))
    paths = (folder / f"{name}.txt" for name in names)
    path = next(path for path in paths if not path.exists())
    path.write_text(report(shell), encoding="utf-8")
    return path


def report(shell: Any) -> str:
    """Return versions, the frontend, the way of clicks, and the last events and errors."""
    parts = {
        "System": _system(),
        "Packages": _versions(),
        "Frontend": _frontend(shell),
        "Last events, with the options of each search": EVENTS,
        "Last errors that were caught": RECENT,
    }
    return "\n".join(_part(title, lines) for title, lines in parts.items())


def _part(title: str, lines: Iterable[str]) -> str:
    listed = "".join(f"  {line}\n" for line in lines) or "  none\n"
    return f"{title}\n{listed}"


def _system() -> Iterator[str]:
    yield f"Python {platform.python_version()} ({platform.python_implementation()})"
    yield f"{platform.system()} {platform.release()} {platform.machine()}"
    yield f"{os.cpu_count()} cores"


def _versions() -> Iterator[str]:
    of_frameworks = (name for framework in all_frameworks() for name in framework.packages)
    for name in dict.fromkeys((*PACKAGES, *of_frameworks)):
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            yield f"{name} is not installed"
    loaded = [framework.name for framework in all_frameworks() if framework.is_loaded()]
    yield f"loaded frameworks: {', '.join(loaded)}"


def _frontend(shell: Any) -> Iterator[str]:
    found = [name for variable, name in FRONTENDS.items() if variable in os.environ]
    yield f"started by: {', '.join(found) or 'unknown'}"
    yield f"shell: {type(shell).__module__}.{type(shell).__name__}"
    yield f"clicks: {way_of_clicks(getattr(shell, 'kernel', None))}"
    yield f"debugger: {'pydevd' in sys.modules}"
