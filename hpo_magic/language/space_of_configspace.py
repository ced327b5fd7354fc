"""The values of a `ConfigSpace.ConfigurationSpace`: parameters and the conditions between them."""

from __future__ import annotations

from typing import Any

from hpo_magic.core.describe import (
    Described,
    describe_choice,
    describe_fixed,
    describe_float,
    describe_int,
)
from hpo_magic.errors import SpaceError
from hpo_magic.language.asking import value_of
from hpo_magic.language.space_dimensions import root_of


def is_configuration_space(thing: Any) -> bool:
    """Return whether a value is a ConfigSpace's space."""
    return root_of(thing) == "ConfigSpace" and type(thing).__name__ == "ConfigurationSpace"


def configuration(space: Any) -> dict[str, Any]:
    """Return the trial's configuration: the values of the active parameters by name.

    Raises
    ------
    SpaceError
        If the space has forbidden combinations, or a kind of parameter that is not known.
    """
    if space.forbidden_clauses:
        raise SpaceError(
            f"hp.from_space: the space forbids {space.forbidden_clauses[0]}, which a range does "
            f"not say. Take the clause out of the space, and `raise ValueError` in the objective "
            f"where a setting is forbidden: the search then avoids it."
        )
    found: dict[str, Any] = {}
    for parameter in space.values():
        conditions = space.parent_conditions_of[parameter.name]
        if all(_is_met(condition, found) for condition in conditions):
            found[parameter.name] = value_of(parameter.name, _described(parameter))
    return found


def _is_met(condition: Any, found: dict[str, Any]) -> bool:
    """Return whether a condition, or a conjunction of some, holds for the values found so far."""
    if hasattr(condition, "components"):
        each = (_is_met(one, found) for one in condition.components)
        return any(each) if "Or" in type(condition).__name__ else all(each)
    parent = condition.parent.name
    return parent in found and bool(condition.satisfied_by_value({parent: found[parent]}))


def _described(parameter: Any) -> Described:
    kind = type(parameter).__name__
    if kind == "CategoricalHyperparameter":
        return describe_choice(
            list(parameter.choices), ordered=False, default=parameter.default_value
        )
    if kind == "OrdinalHyperparameter":
        return describe_choice(
            list(parameter.sequence), ordered=True, default=parameter.default_value
        )
    if kind == "Constant":
        return describe_fixed(parameter.value)
    if hasattr(parameter, "lower") and hasattr(parameter, "upper"):
        describe = describe_int if "Integer" in kind else describe_float
        sampling = "log" if getattr(parameter, "log", False) else "linear"
        default = parameter.default_value
        return describe(parameter.lower, parameter.upper, None, sampling, default)
    raise SpaceError(
        f"hp.from_space: {parameter.name} is a {kind}, which has no bounds. Give it "
        f"lower and upper."
    )
