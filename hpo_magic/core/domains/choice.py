"""A choice among given values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from hpo_magic.core.domains.plain import FloatArray, Plain, identity
from hpo_magic.errors import SpaceError


@dataclass(frozen=True)
class Choice:
    """One of the given values.

    Attributes
    ----------
    values
        Plain values, each once.
    ordered
        Whether neighbours in `values` are alike.
    objects
        Which of `values` are labels of objects rather than the user's own values; None where that
        is not known, as in studies of version 0.1.0. Not compared.

    >>> Choice(("relu", "tanh")).middle
    'relu'
    """

    values: tuple[Plain, ...]
    ordered: bool = False
    objects: tuple[Plain, ...] | None = field(default=None, compare=False)
    kind: ClassVar[str] = "choice"
    low: ClassVar[None] = None

    def __post_init__(self) -> None:
        if not self.values:
            raise SpaceError("there is nothing to choose from: the list of values is empty.")
        if len({identity(v) for v in self.values}) < len(self.values):
            raise SpaceError(f"the same value stands twice among the choices {self.values!r}.")

    def __contains__(self, value: object) -> bool:
        try:
            return identity(value) in self._positions
        except TypeError:  # unhashable, so none of ours
            return False

    @cached_property
    def _positions(self) -> dict[tuple[Any, ...], int]:
        return {identity(value): k for k, value in enumerate(self.values)}

    @property
    def n_levels(self) -> int:
        """The number of values."""
        return len(self.values)

    @property
    def middle(self) -> Plain:
        """The first value: the default where none is given."""
        return self.values[0]

    def index(self, value: Any) -> int:
        """Return the position of `value`; True and 1, or 1 and 1.0, are different values.

        Raises
        ------
        ValueError
            If it is not among the choices.
        """
        position = self._positions.get(identity(value))
        if position is None:
            raise ValueError(f"{value!r} is not among the choices {self.values!r}.")
        return position

    def unit(self, value: Any) -> float:
        """Return the position of `value` in [0, 1]."""
        return (self.index(value) + 0.5) / len(self.values)

    def value(self, unit: float) -> Plain:
        """Return the value at `unit` in [0, 1]."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def nearest(self, value: Any) -> Plain:
        """Return `value` if it is among the choices, else the first."""
        return self.values[self.index(value)] if value in self else self.values[0]

    def snap(self, units: FloatArray) -> FloatArray:
        """Return `units`, in [0, 1] and of any shape, rounded to positions of values."""
        n = len(self.values)
        return (np.minimum(np.floor(np.clip(units, 0.0, 1.0) * n), n - 1) + 0.5) / n

    def to_json(self) -> dict[str, Any]:
        """Return the domain as values that JSON can hold; `domain_from_json` reads them."""
        told = {"kind": self.kind, "values": list(self.values), "ordered": self.ordered}
        return told if self.objects is None else {**told, "objects": list(self.objects)}
