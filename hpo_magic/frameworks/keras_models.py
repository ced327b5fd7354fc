"""Saves Keras models: the whole model if Keras can write it, else its weights.

Each model has its own folder, with `model.keras` or `model.weights.h5`. Loading runs no code from
the file: of a model with a Python lambda only the weights are saved.
"""

from __future__ import annotations

import inspect
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hpo_magic.core.log import caught
from hpo_magic.errors import HpoError, StorageError

WHOLE = "model.keras"
WEIGHTS = "model.weights.h5"

# How a serialized lambda is marked in the configuration inside a `.keras` file.
_LAMBDA = b'"__lambda__"'


class KerasModels:
    """Saves Keras models; a loaded model predicts bit by bit what the saved one did."""

    def is_model(self, value: Any) -> bool:
        """Return whether `value` is a Keras model."""
        if sys.modules.get("keras") is None:
            return False
        import keras

        return isinstance(value, keras.Model)

    def save(self, model: Any, place: Path) -> None:
        """Save a model in the folder `place`; it replaces a model that is there.

        Raises
        ------
        StorageError
            If the files cannot be written; an older model stays.
        """
        try:
            place.mkdir(parents=True, exist_ok=True)
            if not _is_saved_whole(model, place):
                _write(model.save_weights, place / WEIGHTS)
                (place / WHOLE).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"The model could not be kept in {place}: {error}. "
                f"Make room, or give --storage a folder that can be written."
            ) from error

    def is_kept(self, place: Path) -> bool:
        """Return whether the folder `place` has a whole model."""
        return (place / WHOLE).is_file()

    def load(self, place: Path, namespace: Mapping[str, Any]) -> Any:
        """Return the model in the folder `place`.

        Parameters
        ----------
        place
            Where it was saved.
        namespace
            Variables, among them the user's classes and functions that the model needs. Those of
            the notebook are found without it.

        Raises
        ------
        HpoError
            If only its weights were saved, or a class that it needs is missing.
        """
        import keras

        if not self.is_kept(place):
            raise HpoError(
                f"No whole model is in {place}: Keras could not write it, because it has a lambda "
                f"in it or a layer without get_config. Run the cell that builds it again."
            )
        custom = {name: value for name, value in namespace.items() if _is_users(value)}
        try:
            return keras.saving.load_model(place / WHOLE, custom)
        except (TypeError, ValueError, AttributeError, KeyError, ImportError) as error:
            raise HpoError(
                f"The model in {place} needs a class or function that is not defined now. Run the "
                f"cell that defines it again. Keras says: {_reason(error)}"
            ) from error

    def restore(self, place: Path, model: Any) -> bool:
        """Load the saved weights into a model that was built again; return whether there are any.

        Raises
        ------
        HpoError
            If the weights do not fit the model.
        """
        found = [place / name for name in (WHOLE, WEIGHTS) if (place / name).is_file()]
        if not found:
            return False
        try:
            with warnings.catch_warnings():
                # The new model was not fitted, so its optimizer has no state to load.
                warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
                model.load_weights(found[0])
        except (ValueError, KeyError) as error:
            raise HpoError(
                f"The weights in {place} do not fit the model that the cell builds now. "
                f"Keras says: {_reason(error)}"
            ) from error
        return True


def _is_saved_whole(model: Any, place: Path) -> bool:
    """Save the whole model; return False if Keras cannot write it, or it has a lambda."""
    try:
        _write(model.save, place / WHOLE)
    except OSError:
        raise
    except Exception:  # noqa: BLE001  (whatever a `get_config` of the user's raises)
        caught("a Keras model could not be saved whole")
        return False
    with zipfile.ZipFile(place / WHOLE) as file:
        if _LAMBDA in file.read("config.json"):
            return False
    (place / WEIGHTS).unlink(missing_ok=True)
    return True


def _write(save: Callable[[Path], Any], path: Path) -> None:
    """Save to `path` atomically: another process reads the old file or the new one."""
    half = path.with_name(f"half-{path.name}")  # Keras goes by the ending, so it stays
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # on parts that cannot be saved; `load` says what is missing
            save(half)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def _is_users(value: Any) -> bool:
    """Return whether `value` is a class or function from outside Keras and TensorFlow."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return False
    return str(value.__module__).partition(".")[0] not in ("keras", "tensorflow", "builtins")


def _reason(error: BaseException) -> str:
    """Return the part of Keras's message that names the missing object, else its first line."""
    lines = str(error).strip().splitlines()
    found = (re.search(r"Could not locate \w+ '[^']*'", line) for line in lines)
    return next((match[0] for match in found if match), lines[0] if lines else "")
