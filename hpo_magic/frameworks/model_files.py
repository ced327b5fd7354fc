"""The files of a kept model: written whole or not at all, and read back."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hpo_magic.errors import HpoError, StorageError


class ModelFiles(ABC):
    """What keepers share whose models are files of fixed names; they add `write` and `load`.

    Attributes
    ----------
    library
        Its name in sentences.
    files
        The names of the files that a whole model has.
    """

    library: str
    files: tuple[str, ...]

    def save(self, model: Any, place: Path) -> None:
        """Save a model in the folder `place`, in place of what is there.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name in self.files:
                (place / name).unlink(missing_ok=True)
            self.write(model, place)
        except OSError as error:
            raise StorageError(
                f"The model could not be kept in {place}: {error}. "
                f"Make room, or give --storage a folder that can be written."
            ) from error

    @abstractmethod
    def write(self, model: Any, place: Path) -> None:
        """Write the files of a model into a folder that has none of them."""

    def is_kept(self, place: Path) -> bool:
        """Return whether a whole model is in the folder."""
        return all((place / name).is_file() for name in self.files)

    def require_kept(self, place: Path) -> None:
        """Check that a whole model is in the folder.

        Raises
        ------
        HpoError
            If it is not whole.
        """
        if not self.is_kept(place):
            raise HpoError(f"No whole model of {self.library} is in {place}. Run its cell again.")

    def restore(self, place: Path, model: Any) -> bool:
        """Return False: what is trained again has values of its own, such as its trees."""
        return False


def is_of(value: Any, package: str, *names: str) -> bool:
    """Return whether a value is of one of a package's classes; the package is not imported."""
    library = sys.modules.get(package)
    kinds = tuple(kind for name in names if (kind := getattr(library, name, None)) is not None)
    return isinstance(value, kinds)


def kept_class(name: str, place: Path, *scopes: Mapping[str, Any]) -> Any:
    """Return the class of a kept model, from the first of the scopes that has one of this name.

    Raises
    ------
    HpoError
        If none has.
    """
    for scope in scopes:
        if isinstance(kind := scope.get(name), type):
            return kind
    raise HpoError(
        f"The model in {place} is of the class {name}, which is not defined now. Run the cell that "
        f"defines it again."
    )


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
