"""Where studies are kept: in one SQLite file per folder, in memory, or in a storage of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpo_magic.core.ports import Storage
from hpo_magic.core.registry import load

__all__ = ["STORAGES", "open_storage", "storage_exists"]

# Where each storage is, by the word before the colon in `--storage WORD:PLACE`. A place without
# such a word is SQLite's.
STORAGES = {"sqlite": "hpo_magic.storage.sqlite:SqliteStorage"}


def open_storage(place: Path | str | None) -> Storage:
    """Return the storage at a place, which is created if it is not there; None: in memory.

    Raises
    ------
    StorageError
        If it cannot be opened.
    """
    kind, place = _kind(place)
    opened: Storage = kind(place)
    return opened


def storage_exists(place: Path | str) -> bool:
    """Return whether there are studies at a place; nothing is created."""
    kind, within = _kind(place)
    return bool(kind.exists(within))


def _kind(place: Path | str | None) -> tuple[Any, Path | str | None]:
    """Return the class of the storage, and the place without the word that names it."""
    word, colon, rest = str(place).partition(":")
    if colon and word in STORAGES:
        return load(STORAGES[word]), rest
    return load(STORAGES["sqlite"]), place
