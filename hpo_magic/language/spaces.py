"""`hp.from_space`: the values of another tool's search space, by the names that the space has.

The libraries are not imported: their objects are known by the module of their type. What a branch
has is asked for only where the branch is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from hpo_magic.core.describe import describe_choice
from hpo_magic.errors import SpaceError
from hpo_magic.language.asking import value_of
from hpo_magic.language.hyperopt_space import expression_value, is_expression
from hpo_magic.language.space_dimensions import described_dimension, is_dimension
from hpo_magic.language.space_of_configspace import configuration, is_configuration_space

# What a tuple in a dict means to a tool: gets the name and the tuple, returns the value.
TupleValue = Callable[[str, tuple[Any, ...]], Any]


def value_from(space: Any, tuples: TupleValue | None = None, name: str = "") -> Any:
    """Return the trial's value of a search space, in the form of the space.

    Parameters
    ----------
    space
        A dict of lists, distributions, expressions or dicts; a list of dimensions; a list of
        dicts, of which one is chosen; an expression of Hyperopt's; a `ConfigurationSpace`.
    tuples
        Returns the value of a tuple in a dict; None: a tuple is refused, as tools differ in it.
    name
        Of the parameter, where the space is a part of another one.

    Raises
    ------
    SpaceError
        If a part of it is no space that is known.
    """
    if is_configuration_space(space):
        return configuration(space)
    if is_expression(space):
        return expression_value(space)
    if is_dimension(space):
        return value_of(_named(space, name), described_dimension(space))
    if isinstance(space, Mapping):
        return _dict_value(space, tuples, name)
    if isinstance(space, list | tuple) or type(space).__name__ == "Space":
        return _list_value(space, tuples, name)
    if not name:
        raise SpaceError(
            f"hp.from_space: {_short(space)} is no search space that is known. It takes a dict of "
            f"lists, scipy distributions, dimensions of skopt, expressions of Hyperopt, and a "
            f"ConfigurationSpace."
        )
    return space  # a constant


def _dict_value(space: Mapping[Any, Any], tuples: TupleValue | None, name: str) -> dict[Any, Any]:
    prefix = f"{name}/" if name else ""
    return {key: _entry(f"{prefix}{key}", part, tuples) for key, part in space.items()}


def _entry(name: str, part: Any, tuples: TupleValue | None) -> Any:
    """Return the value of an entry of a dict: a list there has the values to choose from."""
    if isinstance(part, tuple):
        return _tuple_value(name, part, tuples)
    is_list = isinstance(part, list) or type(part).__name__ in ("ndarray", "range")
    if is_list and not _has_spaces(part):
        return value_of(name, describe_choice(list(part)))
    return value_from(part, tuples, name)


def _tuple_value(name: str, part: tuple[Any, ...], tuples: TupleValue | None) -> Any:
    if _has_spaces(part):
        return tuple(value_from(one, tuples, f"{name}/{k}") for k, one in enumerate(part))
    if tuples is None:
        raise SpaceError(
            f"hp.from_space: {name} is {part!r}. Tools differ in what a tuple is: write a list for "
            f"the values to choose from, or skopt.space.Real(low, high) for a range."
        )
    return tuples(name, part)


def _list_value(space: Any, tuples: TupleValue | None, name: str) -> Any:
    parts = list(space)
    if parts and all(isinstance(part, Mapping) for part in parts) and not name:
        return _one_of(parts, tuples)
    found = []
    for own, part in zip(names_of_parts(parts, name), parts, strict=True):
        if is_dimension(part):
            found.append(value_of(own, described_dimension(part)))
        elif isinstance(part, list | tuple) and not _has_spaces(part):
            found.append(dimension_value(own, part))  # as skopt writes a dimension
        else:
            found.append(value_from(part, tuples, own))
    return found


def names_of_parts(parts: Sequence[Any], name: str = "") -> list[str]:
    """Return the names of a list's parameters: the dimensions' own, else their places.

    Of several dimensions with one name the later ones are numbered, since each has its own value.
    """
    found: list[str] = []
    for position, part in enumerate(parts):
        place = f"{name}/{position}" if name else f"x{position}"
        base = _named(part, place) if is_dimension(part) else place
        numbered = (base if k == 1 else f"{base}_{k}" for k in count(1))
        found.append(next(one for one in numbered if one not in found))
    return found


def _one_of(grids: list[Any], tuples: TupleValue | None) -> Any:
    """Return the values of one of several dicts, as scikit-learn has them."""
    if len(grids) == 1:
        return value_from(grids[0], tuples)
    chosen = value_of("grid", describe_choice(range(len(grids)), ordered=False))
    return {
        key: _entry(f"grid{chosen}/{key}" if _differs(key, part, grids) else str(key), part, tuples)
        for key, part in grids[chosen].items()
    }


def _differs(key: Any, part: Any, grids: list[Any]) -> bool:
    """Return whether another of the dicts has other values for this key: a name has one range."""
    return any(key in grid and repr(grid[key]) != repr(part) for grid in grids)


def dimension_value(name: str, part: Any) -> Any:
    """Return the value of a dimension that is written as in scikit-optimize.

    (low, high) and (low, high, prior) are ranges, whole where both bounds are; a list of values,
    or a tuple of texts, is a choice.

    Raises
    ------
    SpaceError
        If it is empty, or the range is.
    """
    return value_of(name, described_dimension(part))


def _has_spaces(part: Any) -> bool:
    """Return whether a list or a tuple holds a space, and so is a structure, not a choice."""
    return any(
        is_expression(one)
        or is_dimension(one)
        or (isinstance(one, Mapping) and _has_spaces(one.values()))
        or (isinstance(one, list | tuple) and _has_spaces(one))
        for one in part
    )


def _named(dimension: Any, name: str) -> str:
    """Return the dimension's own name, else the one of its place."""
    return str(getattr(dimension, "name", None) or name or type(dimension).__name__.lower())


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
