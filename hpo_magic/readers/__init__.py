"""Searches that other tools left behind, one reader for each tool."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from hpo_magic.errors import HpoError, StudyNotFound
from hpo_magic.readers.found import Asked, Found

__all__ = ["Asked", "Found", "read"]

PICKLES = (".pkl", ".pickle", ".p", ".hyperopt")
PICKLE_MARK = b"\x80"  # with which pickles of protocol 2 and later begin
SQLITE_MARK, JOURNAL_MARK = b"SQLite format 3\0", b'{"op_code"'


def read(place: str | Path, asked: Asked) -> Found:
    """Return what a tool left at a place.

    Raises
    ------
    HpoError
        If it is of no known kind, or its reader finds no search in it.
    """
    name, where = _reader(place)
    found: Found = _module(name).read(where, asked)
    return found


def _reader(place: str | Path) -> tuple[str, str | Path]:
    """Return the name of the reader for a place, and the place as it takes it."""
    if "://" in str(place):
        return "optuna", str(place)
    path = Path(place)
    if path.is_dir():
        return "keras_tuner", path
    if not path.is_file():
        raise StudyNotFound(f"read_study: there is no file or folder {path}. Check the path.")
    with path.open("rb") as file:
        start = file.read(len(SQLITE_MARK))
    if start == SQLITE_MARK or start.startswith(JOURNAL_MARK):
        return "optuna", str(path)
    if start.startswith(PICKLE_MARK) or path.suffix in PICKLES:
        return "hyperopt", path
    if path.suffix.lower() == ".csv":
        return "table", path
    raise HpoError(
        f"read_study: {path} is no file that can be read. Those are: a storage of Optuna (URL, "
        f"SQLite or journal file), a project folder of KerasTuner, a pickle of Hyperopt's Trials, "
        f"a .csv of MLflow or W&B."
    )


def _module(name: str) -> Any:
    return importlib.import_module(f"hpo_magic.readers.{name}")
