"""One setting that a training can make for the whole process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

UNKNOWN: Any = object()  # a state that cannot be told: nothing is compared, nothing is put back


@dataclass(frozen=True, eq=False)
class Setting:
    """One thing that is set for the whole process.

    Attributes
    ----------
    name
        In the user's words, for a message: "NumPy's error state".
    read
        Returns the state now, a value that later changes do not touch. Gets the library's module.
    put
        Puts a state back; None where that cannot be done, and a change can only be named.
    module
        The library that must be loaded, by its import name; "sys" for Python's own settings.
    is_set_by_imports
        Importing a library changes it too. It is left alone after a training that imported one:
        the library is not imported a second time, and may need what it set.
    fresh
        Returns the state after the library's import, for one that a training loaded itself;
        `UNKNOWN` where that is not known.
    is_of_thread
        Each thread has its own, or the main thread alone.
    """

    name: str
    read: Callable[[ModuleType], Any]
    put: Callable[[ModuleType, Any], None] | None
    module: str = "sys"
    is_set_by_imports: bool = False
    fresh: Callable[[ModuleType], Any] = lambda module: UNKNOWN
    is_of_thread: bool = False
