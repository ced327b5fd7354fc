"""Saves the models of all frameworks; the folder of each model names its framework."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo_magic.core.ports import Framework, ModelKeeper
from hpo_magic.errors import HpoError, StorageError

# A file in the folder of a model, with the name of the framework that saved it. Version 0.1.0 saved
# models of Keras only, without this file.
KEPT_BY = "framework.txt"
BEFORE = "keras"


class KeptModels:
    """Keeps each model by the framework that it belongs to.

    Parameters
    ----------
    frameworks
        The first one whose `models` takes a model keeps it.
    """

    def __init__(self, frameworks: Sequence[Framework]) -> None:
        self._keepers = {f.name: f.models for f in frameworks if f.models is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the frameworks that keep models."""
        return tuple(self._keepers)

    def is_model(self, value: Any) -> bool:
        """Return whether some framework keeps `value`."""
        return any(keeper.is_model(value) for keeper in self._keepers.values())

    def save(self, model: Any, place: Path) -> None:
        """Save a model in the folder `place`, in place of what is there.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        found = ((name, k) for name, k in self._keepers.items() if k.is_model(model))
        name, keeper = next(found)
        if _kept_by(place) not in ("", name):
            shutil.rmtree(place, ignore_errors=True)
        keeper.save(model, place)
        try:
            (place / KEPT_BY).write_text(name, encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"The model could not be kept in {place}: {error}. "
                f"Make room, or give --storage a folder that can be written."
            ) from error

    def is_kept(self, place: Path) -> bool:
        """Return whether a whole model is in the folder, and its framework is here."""
        keeper = self._keeper_at(place)
        return keeper is not None and keeper.is_kept(place)

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder; see `core.ports.ModelKeeper`.

        Raises
        ------
        HpoError
            If it cannot be loaded, or its framework is not here.
        """
        keeper = self._keeper_at(place)
        if keeper is None:
            raise HpoError(
                f"The model in {place} was kept by the framework {_kept_by(place)!r}, which this "
                f"process does not have; it has {', '.join(self._keepers)}. Add it to "
                f"hpo_magic.frameworks.FRAMEWORKS."
            )
        return keeper.load(place, namespace)

    def restore(self, place: Path, model: Any) -> bool:
        """Put the kept weights into a model that was built again; return whether there were any."""
        keeper = self._keeper_at(place)
        return keeper is not None and keeper.is_model(model) and keeper.restore(place, model)

    def _keeper_at(self, place: Path) -> ModelKeeper | None:
        return self._keepers.get(_kept_by(place) or BEFORE)


def _kept_by(place: Path) -> str:
    """Return the name of the framework that wrote the folder; "" if the folder does not say."""
    try:
        return (place / KEPT_BY).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
