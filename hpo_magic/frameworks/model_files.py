"""Writing the files of a kept model, whole or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hpo_magic.errors import HpoError, StorageError


@contextlib.contextmanager
def written(place: Path, names: Sequence[str]) -> Iterator[None]:
    """Write into the folder `place`; files of these names that are there are deleted first.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            (place / name).unlink(missing_ok=True)
        yield
    except OSError as error:
        raise StorageError(
            f"The model could not be kept in {place}: {error}. "
            f"Make room, or give --storage a folder that can be written."
        ) from error


def replaced(path: Path, data: bytes) -> None:
    """Write a file at once: another process reads the old one or the new one."""
    saved_by(lambda half: half.write_bytes(data), path)


def saved_by(save: Callable[[Path], Any], path: Path) -> None:
    """Have `save` write a file, whose name ends as that of `path` does, and put it at `path`."""
    half = path.with_name(f"half-{path.name}")
    try:
        save(half)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """Return what is in a file.

    Raises
    ------
    HpoError
        If it is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HpoError(f"{path} is damaged. Run the cell again.") from error
