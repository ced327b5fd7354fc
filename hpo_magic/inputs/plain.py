"""Plain values: what Python's own notation says everything about."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import pathlib
import re
import uuid
from functools import lru_cache
from typing import Any

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes, range, type(...), slice})
# Of these the notation is the same in every process, too.
_ALSO_PLAIN = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    pathlib.PurePath,
    re.Pattern,
    uuid.UUID,
)
_SEQUENCES = frozenset({list, tuple})
MOST_DEPTH = 6


def is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether `repr` says everything about a value; also of nested lists and tuples."""
    kind = type(value)
    if kind in PLAIN:
        return True
    if kind not in _SEQUENCES:
        return isinstance(value, _ALSO_PLAIN)
    kinds = set(map(type, value)) - PLAIN
    if not kinds:
        return True
    is_nested = kinds <= _SEQUENCES and depth < MOST_DEPTH
    return is_nested and all(is_plain(item, depth + 1) for item in value)


def plain_text(value: Any) -> str | None:
    """Return a plain value or a member of an Enum as text; None for other values."""
    kind: Any = type(value)
    if kind in PLAIN:
        return f"{kind.__qualname__} {value!r}"
    base = _plain_base(kind)
    if base is None:
        return None
    if base is enum.Enum:
        return f"{kind.__qualname__}.{value.name}={value.value!r}"
    return f"{kind.__qualname__} {base.__repr__(value)}"


@lru_cache(maxsize=1024)
def _plain_base(kind: Any) -> Any:
    """Return the plain class that a class is or inherits from; None if it is not plain."""
    if issubclass(kind, enum.Enum):
        return enum.Enum
    if issubclass(kind, _ALSO_PLAIN):
        return kind
    is_number = issubclass(kind, int | float | complex | str | bytes)
    if not is_number or hasattr(kind, "__array__"):
        return None
    return next(base for base in kind.__mro__ if base in PLAIN)
