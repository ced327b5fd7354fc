"""Plain values: what a hyperparameter can be, so that it can be compared and stored as JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Plain = None | bool | int | float | str | tuple["Plain", ...]
FloatArray = npt.NDArray[np.float64]


def plain(value: Any) -> Plain:
    """Return a value read from JSON as a plain one: its lists were tuples."""
    return tuple(plain(v) for v in value) if isinstance(value, list | tuple) else value


def identity(value: Any) -> tuple[Any, ...]:
    """Return what tells plain values apart, where == would take True, 1 and 1.0 for the same."""
    if isinstance(value, tuple):
        return (tuple, *map(identity, value))
    return (type(value), value)
