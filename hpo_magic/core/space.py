"""The search space: the parameters that trials have reached so far.

The space is define-by-run: a cell declares a parameter when it runs the `hp` call. The space is the
union of the declared parameters, and grows when a trial runs a new branch of the code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NewType

from hpo_magic.core.domains import Choice, Domain, Plain, domain_from_json, plain
from hpo_magic.errors import SpaceError

Params = Mapping[str, Plain]
Ranges = Mapping[str, tuple[Plain, Plain]]  # low and high end, by parameter
SettingKey = NewType("SettingKey", str)


def setting_key(params: Params) -> SettingKey:
    """Return the identity of a setting: equal for equal settings, whatever the parameters' order.

    Floats count with all their digits, strings in full, and `True`, `1`, `1.0` and `"1"` are
    different values. It is a key, not a text to show; `wording.setting` is the text.

    >>> setting_key({"lr": 0.1, "layers": 2})
    '{"layers": 2, "lr": 0.1}'
    """
    return SettingKey(json.dumps(dict(params), sort_keys=True))


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Attributes
    ----------
    name
        Unique in the space.
    domain
        The values that it can take.
    default
        Its value in the first trial, and outside a trial.
    scopes
        The `hp.conditional_scope`s around the call, outermost first, each as the parent's name and
        values. The parameter is active only if each parent has one of its values. Conditions of an
        `if` or a loop are not declared; `core.activity` learns them from the trials.
    """

    name: str
    domain: Domain
    default: Plain
    scopes: tuple[tuple[str, tuple[Plain, ...]], ...] = ()

    def __post_init__(self) -> None:
        if self.default not in self.domain:
            raise SpaceError(
                f"the default {self.default!r} is not among the values: "
                f"{describe(self.domain)}.{_nearest(self.default, self.domain)}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the parameter as values that JSON can hold."""
        scopes = [[parent, list(values)] for parent, values in self.scopes]
        domain = self.domain.to_json()
        return {"name": self.name, "domain": domain, "default": self.default, "scopes": scopes}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Parameter:
        """Return the parameter that `to_json` described."""
        scopes = tuple((parent, tuple(map(plain, values))) for parent, values in data["scopes"])
        domain = domain_from_json(data["domain"])
        return cls(data["name"], domain, plain(data["default"]), scopes)


@dataclass(frozen=True)
class Space(Mapping[str, Parameter]):
    """An immutable search space, by parameter name, in the order in which they were reached.

    >>> from hpo_magic.core.domains import Int
    >>> space = Space().declare(Parameter("units", Int(16, 512), 64))
    >>> space.defaults()
    {'units': 64}
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __hash__(self) -> int:
        return hash(tuple(self.parameters.values()))

    def declare(self, parameter: Parameter) -> Space:
        """Return the space with `parameter` in it, in place of one of the same name."""
        return Space({**self.parameters, parameter.name: parameter})

    def widen(self, parameter: Parameter) -> Space:
        """Return the space with `parameter`; its domain also contains the one declared before.

        A range may depend on another parameter, as in `hp.Int("units", 1, 10 * layers)`, and differ
        between trials. The space holds the smallest domain that contains all of them.
        """
        old = self.parameters.get(parameter.name)
        if old == parameter:
            return self
        if old is not None:
            domain = hull(old.domain, parameter.domain)
            # Declared under two conditions, it is active under either.
            scopes = tuple(scope for scope in parameter.scopes if scope in old.scopes)
            parameter = replace(parameter, domain=domain, scopes=scopes)
        return self.declare(parameter)

    def defaults(self) -> dict[str, Plain]:
        """Return the default of each parameter: the setting of the first trial."""
        return {name: parameter.default for name, parameter in self.items()}

    def fits(self, params: Params) -> bool:
        """Return whether every value of `params` is one that the space allows."""
        return all(n in self and value in self[n].domain for n, value in params.items())

    @property
    def size(self) -> float:
        """The number of settings when all parameters are active; may be infinite."""
        levels = (p.domain.n_levels for p in self.values())
        return math.prod(math.inf if n is None else n for n in levels)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the space as values that JSON can hold."""
        return [parameter.to_json() for parameter in self.values()]

    @classmethod
    def from_json(cls, data: list[dict[str, Any]]) -> Space:
        """Return the space that `to_json` described."""
        return cls({p.name: p for p in map(Parameter.from_json, data)})


def describe(domain: Domain) -> str:
    """Return a domain as text: "1 to 3", "0.0001 to 0.1, log", "'relu', 'tanh'"."""
    if isinstance(domain, Choice):
        return ", ".join(map(repr, domain.values))
    step = f", step {_digits(domain.step)}" if domain.step is not None else ""
    log = ", log" if domain.log else ", reverse log" if domain.reverse_log else ""
    return f"{_digits(domain.low)} to {_digits(domain.high)}{step}{log}"


def hull(old: Domain, new: Domain) -> Domain:
    """Return a domain with every value of both; `new` if they differ in kind or scale.

    The result has no step if the steps of the two do not fall on the same values.
    """
    if old == new:
        return new
    if isinstance(old, Choice) and isinstance(new, Choice):
        values = old.values + tuple(v for v in new.values if v not in old)
        are_numbers = all(type(value) in (int, float) for value in values)
        known = old.objects is not None and new.objects is not None
        objects = tuple(dict.fromkeys((*old.objects, *new.objects))) if known else None  # type: ignore[misc]
        by_size = new.ordered and are_numbers
        return Choice(_by_size(values) if by_size else values, new.ordered, objects)
    if isinstance(old, Choice) or isinstance(new, Choice):
        return new
    if (old.kind, old.log, old.reverse_log) != (new.kind, new.log, new.reverse_log):
        return new
    bounds: dict[str, Any] = {"low": min(old.low, new.low), "high": max(old.high, new.high)}
    wide = replace(new, **bounds)
    meet = old.step == new.step and old.low in wide and new.low in wide
    return wide if meet else replace(wide, step=None)


def _nearest(value: Plain, domain: Domain) -> str:
    """Return which value of a range is nearest, in a sentence; "" for choices, which have none."""
    return "" if isinstance(domain, Choice) else f" The nearest one is {domain.nearest(value)!r}."


def _by_size(numbers: tuple[Plain, ...]) -> tuple[Plain, ...]:
    return tuple(sorted(numbers))  # type: ignore[type-var]


def _digits(number: float) -> str:
    """Return a bound as the user would write it: all digits of a whole number."""
    return str(number) if isinstance(number, int) else f"{number:g}"
