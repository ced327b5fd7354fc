"""What is read of one object: its own content, and the parts that are read in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hpo_magic.core.log import caught

Content = bytes | str | npt.NDArray[Any]


class Kind(Enum):
    """What an object is, for the sentence that says it changed."""

    ARRAY = "array"
    TABLE = "table"
    WEIGHTS = "weights"
    ESTIMATOR = "estimator"
    RANDOM = "random state"
    ITERATOR = "iterator"
    COLLECTION = "collection"
    CODE = "code"
    VALUE = "value"
    OBJECT = "object"
    SELECTION = "selection"


class Role(Enum):
    """What a part is to the object that has it.

    `FITTED`: an estimator's `fit` overwrites it. `CACHED`: it may be added without a change.
    """

    OWN = "own"
    FITTED = "fitted"
    CACHED = "cached"


class Part(NamedTuple):
    """A part of an object.

    Attributes
    ----------
    step
        How one gets there: ".x", "[0]"; with "=" in front it is a path of its own.
    value
        What is there.
    role
        What it is to the object.
    """

    step: str
    value: Any
    role: Role = Role.OWN

    def path_from(self, path: str) -> str:
        """Return the path of the part, from that of the object."""
        return self.step[1:] if self.step.startswith("=") else path + self.step


class Reading(NamedTuple):
    """What is read of one object.

    Attributes
    ----------
    kind
        What it is.
    content
        What tells it from others, apart from its parts.
    parts
        What is read in turn.
    unseen
        What of it cannot be read, in words; "" if nothing.
    same_as
        The path of the same object, if it was read before; "" if not.
    rows
        The object as something with rows (array, table, sparse matrix), for the leak guard; None if
        it has none. Of a selection from a dataset it is a list of the selected arrays, or None if
        only running it would show which rows it gives.
    """

    kind: Kind
    content: tuple[Content, ...] = ()
    parts: Iterable[Part] = ()
    unseen: str = ""
    same_as: str = ""
    rows: Any = None


Reader = Callable[[Any], Reading]


def parts_of(values: Iterable[tuple[str, Any]]) -> list[Part]:
    """Return parts by attribute name."""
    return [Part(f".{name}", value) for name, value in values]


def as_array(value: Any) -> npt.NDArray[Any] | None:
    """Return what has `__array__` as an array; None if it cannot be one (a tensor on a GPU).

    The result has the shape of the value.
    """
    try:
        return np.asarray(value)
    except Exception:  # noqa: BLE001  (a library's `__array__` may raise anything)
        caught("an object could not be read")
        return None
