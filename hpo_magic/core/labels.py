"""Labels: plain values that stand for a user's objects in the search space and on disk."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import chain, count
from typing import Any

import numpy as np

from hpo_magic.core.domains import Plain

# Parts of a `repr` that differ between trials: the address of an object, and the number that Keras
# gives to a layer, as in `<Dropout name=dropout_2, built=False>`.
_PASSING = re.compile(r" at 0x[0-9a-fA-F]+|(?<=\w)_\d+(?=, built=)")


def labels(objects: Sequence[Any]) -> tuple[Plain, ...]:
    """Return the label of each object: a plain value that is stored and shown in its place.

    The label of a number, a string, None or a tuple of them is the value itself; that of a function
    or class is its name; that of any other object is its `repr`, without memory addresses and
    without the numbers that Keras gives to layers. Of two equal labels the second gets "#2".

    >>> labels([32, "relu", (64, 32), max])
    (32, 'relu', (64, 32), 'max')
    """
    made: list[Plain] = []
    taken = {label_of(thing) for thing in objects if stands_for_itself(thing)}
    for thing in objects:
        label = label_of(thing)
        if not stands_for_itself(thing):
            numbered = (f"{label}#{n}" for n in count(2))
            label = next(name for name in chain([label], numbered) if name not in taken)
            taken.add(label)
        made.append(label)
    return tuple(made)


def label_of(thing: Any) -> Plain:
    """Return the label of one object, without a number such as "#2"."""
    thing = python_number(thing)
    if isinstance(thing, list | tuple):
        return tuple(map(label_of, thing))
    if stands_for_itself(thing):
        return thing  # type: ignore[no-any-return]  # None, bool, int, float or str
    name = getattr(thing, "__name__", None)
    return name if isinstance(name, str) else _PASSING.sub("", repr(thing))


def python_number(number: Any) -> Any:
    """Return a NumPy scalar as Python's own number; anything else as it is."""
    return number.item() if isinstance(number, np.generic) else number


def stands_for_itself(thing: Any) -> bool:
    """Return whether an object is a plain value, and so its own label."""
    thing = python_number(thing)
    if isinstance(thing, list | tuple):
        return all(map(stands_for_itself, thing))
    if type(thing) is float:
        return math.isfinite(thing)  # JSON has no NaN
    # Exactly these types: JSON would not give back a member of an enumeration.
    return thing is None or type(thing) in (bool, int, str)
