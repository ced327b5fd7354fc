"""What a value of the user's code is: a number, metrics by name, a `History`, several numbers.

Numbers and Keras's `History` are recognized by their methods and attributes, not by their class, so
that no training library is imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final


class Nothing(Enum):
    """The type of `NOTHING`."""

    NOTHING = "nothing"


# The last expression of a cell that does not end in an expression.
NOTHING: Final = Nothing.NOTHING
MOST_NAMES = 5  # of a dict in a message


def with_names(value: Any) -> Any:
    """Return a pandas Series with names, or a table of one row, as a dict; else `value`."""
    if not hasattr(value, "to_dict") or isinstance(value, Mapping):
        return value
    if hasattr(value, "columns"):
        if len(value) != 1:
            return value
        names, numbers = list(value.columns), value.to_numpy()[0]
    else:
        names, numbers = list(getattr(value, "index", ())), value
    is_named = bool(names) and all(isinstance(name, str) for name in names)
    return dict(zip(names, numbers, strict=False)) if is_named else value


def number(value: Any) -> float | None:
    """Return `value` as a float if it is one number; None for anything else.

    NumPy scalars, 0-d arrays and tensors are numbers; booleans, strings and arrays of one are not.
    A number beyond the largest float is infinite.
    """
    if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
        return None
    if _shape(value) or _is_unreal(getattr(value, "dtype", None)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):  # a symbolic tensor has the method and no number
        return None


def only_element(value: Any) -> Any:
    """Return the element of an array of one, such as Keras's F1 of one class; else `value`."""
    shape = _shape(value)
    return value[(0,) * len(shape)] if shape and math.prod(shape) == 1 else value


def numbers_in(values: Any) -> dict[str, float]:
    """Return the numbers of a dict of metrics, by name; an empty dict for anything else."""
    if not isinstance(values, Mapping):
        return {}
    found = {str(name): number(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def is_history(last: Any) -> bool:
    """Return whether a value is a Keras `History`."""
    return isinstance(getattr(last, "history", None), dict) and hasattr(last, "epoch")


def is_several(value: Any) -> bool:
    """Whether `value` is an array or a list with something in it; a named tuple has names."""
    if hasattr(value, "_fields"):
        return False
    if shape := _shape(value):
        return 0 not in shape
    return isinstance(value, list | tuple) and any(number(item) is not None for item in value)


def in_words(value: Any) -> str:
    """Return what a value is that is no number, for a message."""
    if shape := _shape(value):
        return f"an array of shape {shape}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of length {len(value)}"
    if isinstance(value, Mapping):
        names = [str(name) for name in value]
        more = ", …" if len(names) > MOST_NAMES else ""
        return f"a dict of {', '.join(names[:MOST_NAMES])}{more}" if names else "an empty dict"
    if value is None or isinstance(value, bool | str):
        return repr(value)
    return f"an object of type {type(value).__name__}"


def how_to_choose(value: Any) -> str:
    """Return how one number is made of several, with a space before; "" of anything else."""
    if isinstance(value, Mapping):
        return " Take the number that is the score out of it." if value else ""
    if isinstance(value, str) and _is_text_of_number(value):
        return " Leave out what makes a text of the number."
    if isinstance(value, bool):
        return " Take the number that it is made of."
    if not is_several(value):
        return ""
    shape = _shape(value) or (len(value),)
    if math.prod(shape) == 1:
        return " Take its only element."
    if len(shape) > 1 or isinstance(value, tuple):
        return " Take the element that is the score."
    if isinstance(value, list):
        return " Take its mean, or the element that is the score."
    return " Take its mean?"


def _is_text_of_number(text: str) -> bool:
    try:
        float(text.strip().rstrip("%"))
    except ValueError:
        return False
    return True


def _shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an array or a tensor; () for anything else."""
    try:
        return tuple(getattr(value, "shape", ()))
    except (TypeError, ValueError):  # not a shape, or that of a tensor of unknown rank
        return ()


def _is_unreal(dtype: Any) -> bool:
    """Whether numbers of this type (NumPy's, TensorFlow's, PyTorch's) are booleans or complex."""
    return any(word in str(dtype) for word in ("bool", "complex"))
