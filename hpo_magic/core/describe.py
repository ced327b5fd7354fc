"""From the arguments of an `hp` call to a domain, a default, and the user's objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpo_magic.core.domains import Choice, Domain, Float, Int, Plain, identity
from hpo_magic.core.labels import label_of, labels, python_number, stands_for_itself
from hpo_magic.errors import SpaceError

# Iterables that are refused as a list of choices: they have no order, or are one value.
NO_LISTS = (str, bytes, Mapping, set, frozenset)


class _FirstChoice:
    """Stands for the default of `hp.Choice` where none is given."""

    def __repr__(self) -> str:
        return "values[0]"


NOT_GIVEN: Any = _FirstChoice()


class Described:
    """The parameter that an `hp` call describes.

    Parameters
    ----------
    domain
        The values that the parameter can take, as plain values.
    default
        Its default, as a plain value.
    objects
        Pairs of a label and the user's object that it stands for; empty for numbers.
    """

    def __init__(
        self, domain: Domain, default: Plain, objects: Sequence[tuple[Plain, Any]] = ()
    ) -> None:
        self.domain = domain
        self.default = default
        self._objects = objects

    @property
    def objects(self) -> list[Any]:
        """The user's own objects that the call chooses among."""
        return [thing for _, thing in self._objects]

    def object_of(self, value: Plain) -> Any:
        """Return the user's object that a plain value stands for."""
        same = (thing for label, thing in self._objects if identity(label) == identity(value))
        return next(same, value)


def describe_int(
    min_value: int,
    max_value: int,
    step: int | None = None,
    sampling: str | None = "linear",
    default: int | None = None,
) -> Described:
    """Return the parameter that the arguments of `hp.Int` describe."""
    low, high = whole_number(min_value), whole_number(max_value)
    domain = Int(low, high, whole_number(step), *_scale(sampling))
    return Described(domain, domain.middle if default is None else whole_number(default))


def describe_float(
    min_value: float,
    max_value: float,
    step: float | None = None,
    sampling: str | None = "linear",
    default: float | None = None,
) -> Described:
    """Return the parameter that the arguments of `hp.Float` describe."""
    low, high = python_number(min_value), python_number(max_value)
    domain = Float(low, high, python_number(step), *_scale(sampling))
    if default is None:
        return Described(domain, domain.middle)
    default = python_number(default)
    return Described(domain, float(default) if type(default) is int else default)


def describe_choice(
    values: Iterable[Any], ordered: bool | None = None, default: Any = NOT_GIVEN
) -> Described:
    """Return the parameter that the arguments of `hp.Choice` describe.

    `default=None` is the choice None, if there is one, else the first choice.
    """
    is_list = isinstance(values, Iterable) and not isinstance(values, NO_LISTS)
    if not is_list:
        raise SpaceError(_no_list(values))
    objects = list(values)
    names = labels(objects)
    are_numbers = all(type(name) in (int, float) for name in names)
    is_ordered = are_numbers if ordered is None else bool(ordered)
    # Sorted, so that neighbours are alike; the default remains the first one given.
    listed = tuple(sorted(names)) if is_ordered and are_numbers else names  # type: ignore[type-var]
    of_objects = tuple(n for n, o in zip(names, objects, strict=True) if not stands_for_itself(o))
    domain = Choice(listed, is_ordered, of_objects)
    pairs = list(zip(names, objects, strict=True))
    is_first = default is NOT_GIVEN or (default is None and None not in names)
    return Described(domain, names[0] if is_first else _label_among(default, pairs), pairs)


def _no_list(values: Any) -> str:
    """Return what is wrong with values that are no list, and how to write them."""
    told = f"the values must be a list, got {values!r}."
    if isinstance(values, set | frozenset):
        return f"{told} A set has no order that stays the same: write hp.Choice(sorted(…))."
    if isinstance(values, Mapping):
        return f"{told} Write hp.Choice(list(…)) for its keys."
    return f"{told} Write hp.Choice([…])."


def describe_boolean(default: bool = False) -> Described:
    """Return the parameter that the arguments of `hp.Boolean` describe."""
    default = python_number(default)
    if not isinstance(default, bool):
        raise SpaceError(f"the default must be True or False, got {default!r}.")
    return Described(Choice((False, True)), default)


def describe_fixed(value: Any) -> Described:
    """Return the parameter that the arguments of `hp.Fixed` describe."""
    (label,) = labels([value])
    of_objects = () if stands_for_itself(value) else (label,)
    return Described(Choice((label,), objects=of_objects), label, [(label, value)])


def whole_number(number: Any) -> Any:
    """Return a float without a fraction (1e3) as an int; anything else as `python_number` does."""
    number = python_number(number)
    return int(number) if type(number) is float and number.is_integer() else number


def _scale(sampling: str | None) -> tuple[bool, bool]:
    """Return `log` and `reverse_log` of the domain."""
    if sampling not in (None, "linear", "log", "reverse_log"):
        raise SpaceError(f'sampling must be "linear", "log" or "reverse_log", got {sampling!r}.')
    return sampling == "log", sampling == "reverse_log"


def _label_among(default: Any, pairs: Sequence[tuple[Plain, Any]]) -> Plain:
    """Return the label of `default`: that of the choice if it is one of the choices."""
    return next((label for label, thing in pairs if thing is default), label_of(default))
