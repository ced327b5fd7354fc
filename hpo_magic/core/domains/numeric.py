"""Ranges of numbers, with or without a step, on a linear or a log scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any, ClassVar, Self

import numpy as np

from hpo_magic.core.domains.plain import FloatArray, Plain
from hpo_magic.errors import SpaceError

# A step of 0.1 over [0, 1] must give eleven levels although 1 / 0.1 is not quite 10.
STEP_TOLERANCE = 1e-9
# Twice the digits of a float; the user's own context may have fewer.
DECIMAL = Context(prec=34)


@dataclass(frozen=True)
class _Numeric:
    """The base of `Int` and `Float`.

    Attributes
    ----------
    low, high
        Bounds, both included.
    step
        Difference between neighbouring values, from `low` up; on a log scale their ratio. As in
        KerasTuner `high` is a value only if the steps reach it. None: no step.
    log
        Whether the scale is logarithmic: each order of magnitude is equally likely.
    reverse_log
        Whether the log scale begins at `high`: values near `high` lie the closest together.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    reverse_log: bool = False
    kind: ClassVar[str] = "number"

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            self._check_number(name, getattr(self, name))
        if self.low > self.high:
            raise SpaceError(
                f"the lower bound {self.low!r} is above the upper bound {self.high!r}. Swap them."
            )
        if not _is_finite(self.high - self.low):
            raise SpaceError(f"the range from {self.low!r} to {self.high!r} is too wide.")
        if (self.log or self.reverse_log) and self.low <= 0:
            hint = "1" if self.kind == "int" else "1e-6"
            raise SpaceError(
                f"a log scale needs a lower bound above 0, got {self.low!r}. Try {hint}."
            )
        if self.step is not None:
            self._check_step(self.step)
        if self.reverse_log and (self.log or self.step is not None):
            raise SpaceError("a reverse log scale takes no step. Leave it out.")

    def _check_number(self, name: str, number: Any) -> None:
        label = {"low": "the lower bound", "high": "the upper bound", "step": "the step"}[name]
        if name == "step" and number is None:
            return
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise SpaceError(f"{label} must be a number, got {number!r}.")
        if not _is_finite(number):
            raise SpaceError(f"{label} must be finite, got {number!r}.")

    def _check_step(self, step: float) -> None:
        least = 1 if self.log else 0
        if step <= least:
            on = " on a log scale, where it multiplies" if self.log else ""
            raise SpaceError(f"the step must be above {least}{on}, got {step!r}.")
        reach = self.high / self.low if self.log else self.high - self.low
        if reach < step * (1 - STEP_TOLERANCE) and self.low != self.high:
            raise SpaceError(
                f"the step {step!r} does not fit between {self.low!r} and {self.high!r}: "
                f"only {self.low!r} would be left. Use a smaller step."
            )

    @property
    def n_levels(self) -> int | None:
        """The number of values; None for a continuous range."""
        if self.step is None:
            return 1 if self.low == self.high else None
        if self.log:
            return int(math.log(self.high / self.low, self.step) + STEP_TOLERANCE) + 1
        return int((self.high - self.low) / self.step + STEP_TOLERANCE) + 1

    @property
    def middle(self) -> Plain:
        """The value in the middle of the range; the geometric middle on a log scale.

        Rounded to twelve digits: it is written into the user's code.
        """
        if self.reverse_log:
            return self.value(0.5)
        if self.log:
            middle = math.sqrt(self.low) * math.sqrt(self.high)
        else:
            middle = self.low + (self.high - self.low) / 2
        return self.nearest(float(f"{middle:.12g}"))

    def unit(self, value: Any) -> float:
        """Return the position of `value` in [0, 1].

        A value outside the domain has the position of the nearest value inside.
        """
        if self.reverse_log:
            return 1.0 - self._from_the_end.unit(self._mirrored(value))
        n = self.n_levels
        inside = min(max(value, self.low), self.high)
        if n is not None:
            return (self._level(inside) + 0.5) / n
        low, high = self._edges()
        place = (self._scaled(inside) - low) / (high - low)
        return min(max(place, 0.0), 1.0)

    def value(self, unit: float) -> Plain:
        """Return the value at `unit` in [0, 1]."""
        if self.reverse_log:
            return self.nearest(self._mirrored(self._from_the_end.value(1.0 - unit)))
        n = self.n_levels
        if n is not None:
            return self._at_level(min(int(unit * n), n - 1))
        low, high = self._edges()
        scaled = low + float(unit) * (high - low)
        return self.nearest(math.exp(scaled) if self._is_log_scale() else scaled)

    def nearest(self, value: Any) -> Plain:
        """Return the value of the domain that is closest; the middle if `value` is no number."""
        if not _is_number(value):
            return self.middle
        inside = min(max(value, self.low), self.high)
        if self.n_levels is not None:
            return self._at_level(self._level(inside))
        return self._typed(inside)

    def snap(self, units: FloatArray) -> FloatArray:
        """Return `units`, in [0, 1] and of any shape, rounded to positions of values."""
        if self.reverse_log:
            return 1.0 - self._from_the_end.snap(1.0 - units)
        n = self.n_levels
        if n is None:
            return np.clip(units, 0.0, 1.0)
        return (np.minimum(np.floor(np.clip(units, 0.0, 1.0) * n), n - 1) + 0.5) / n

    @property
    def _from_the_end(self) -> Self:
        """The same domain on a log scale that begins at `low`."""
        return replace(self, log=True, reverse_log=False)

    def _mirrored(self, value: Any) -> Any:
        return self.low + self.high - value

    def _level(self, value: float) -> int:
        if self.step is None:
            return 0
        if self.log:
            level = round(math.log(max(value, self.low) / self.low, self.step))
        else:
            level = round((value - self.low) / self.step)
        return min(max(level, 0), (self.n_levels or 1) - 1)

    def _at_level(self, level: int) -> Plain:
        if self.step is None:
            return self._typed(self.low)
        if self.log:
            return self._typed(self.low * self.step**level)
        return self._typed(self.low + self.step * level)

    def _edges(self) -> tuple[float, float]:
        return self._scaled(self.low), self._scaled(self.high)

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._is_log_scale() else float(value)

    def _is_log_scale(self) -> bool:
        # Within a billionth of itself a range is as good as linear, and its logarithms are equal.
        return self.log and self.step is None and self.high - self.low > 1e-9 * self.low

    def _typed(self, value: float) -> Plain:
        return float(value)

    def to_json(self) -> dict[str, Any]:
        """Return the domain as values that JSON can hold; `domain_from_json` reads them."""
        step, log = self.step, "reverse" if self.reverse_log else self.log
        return {"kind": self.kind, "low": self.low, "high": self.high, "step": step, "log": log}


@dataclass(frozen=True)
class Float(_Numeric):
    """Real numbers from `low` to `high`.

    >>> Float(1e-3, 1e3, log=True).middle
    1.0
    """

    kind: ClassVar[str] = "float"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if self.step is None:
            return self.low <= value <= self.high
        if not _is_finite(value):
            return False
        grid = self._grid(self._level(value))
        # Rounding errors count as equal: 3 * 0.1 is not exactly 0.3.
        slack = STEP_TOLERANCE * (grid if self.log else self.step) + 4 * math.ulp(grid)
        return abs(grid - value) <= slack

    def _at_level(self, level: int) -> Plain:
        return self._grid(level)

    def _grid(self, level: int) -> float:
        """Return the value at a level, in the decimals that the user wrote: 0.3, not 3 * 0.1."""
        if self.step is None:
            return self.low
        low, step = Decimal(repr(self.low)), Decimal(repr(self.step))
        if self.log:
            return float(DECIMAL.multiply(low, DECIMAL.power(step, level)))
        return float(DECIMAL.add(low, DECIMAL.multiply(step, level)))


@dataclass(frozen=True)
class Int(_Numeric):
    """Whole numbers from `low` to `high`, both included.

    >>> Int(32, 512, step=32).n_levels
    16
    """

    low: int
    high: int
    step: int | None = None
    log: bool = False
    reverse_log: bool = False
    kind: ClassVar[str] = "int"

    def _check_number(self, name: str, number: Any) -> None:
        super()._check_number(name, number)
        if number is not None and not isinstance(number, int):
            label = {"low": "the lower bound", "high": "the upper bound", "step": "the step"}[name]
            raise SpaceError(f"{label} must be a whole number, got {number!r}. Or use hp.Float.")

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return self.low <= value <= self.high and self.nearest(value) == value

    @property
    def n_levels(self) -> int:
        """The number of values."""
        if self.step is None:
            return self.high - self.low + 1
        return super().n_levels or 1

    def unit(self, value: Any) -> float:
        """Return the position of `value` in [0, 1]."""
        if not self._is_log_scale():
            return super().unit(value)
        low, high = self._edges()
        inside = min(max(int(value), self.low), self.high)
        return (math.log(inside) - low) / (high - low)

    def value(self, unit: float) -> Plain:
        """Return the value at `unit` in [0, 1]."""
        if not self._is_log_scale():
            return super().value(unit)
        low, high = self._edges()
        return self.nearest(round(math.exp(low + float(unit) * (high - low))))

    def snap(self, units: FloatArray) -> FloatArray:
        """Return `units`, in [0, 1] and of any shape, rounded to positions of values."""
        if not self._is_log_scale():
            return super().snap(units)
        low, high = self._edges()
        values = np.clip(np.rint(np.exp(low + units * (high - low))), self.low, self.high)
        snapped: FloatArray = (np.log(values) - low) / (high - low)
        return snapped

    def nearest(self, value: Any) -> Plain:
        """Return the whole number that is closest; the middle if `value` is no number."""
        if not _is_number(value):
            return self.middle
        inside = min(max(value, self.low), self.high)
        return round(inside) if self.step is None else self._at_level(self._level(inside))

    def _level(self, value: float) -> int:
        return round(value - self.low) if self.step is None else super()._level(value)

    def _at_level(self, level: int) -> Plain:
        return self.low + level if self.step is None else super()._at_level(level)

    def _edges(self) -> tuple[float, float]:
        # Half a unit beyond the bounds: the first and the last number are as likely as the others.
        return math.log(self.low - 0.5), math.log(self.high + 0.5)

    def _typed(self, value: float) -> Plain:
        return round(value)


def _is_number(value: Any) -> bool:
    try:
        return not math.isnan(value)
    except TypeError:
        return False
    except OverflowError:  # a whole number beyond the reach of float
        return True


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
