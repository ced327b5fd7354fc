"""One option of a search: its spelling, its help, and the values that it takes."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo_magic.errors import OptionError, did_you_mean

# Seconds by unit; each is also spelled out: "min", "minutes".
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(
    r"(\d+\.?\d*|\.\d+)\s*(s(?:ec|ecs|econd|econds)?|m(?:in|ins|inute|inutes)?"
    r"|h(?:r|rs|our|ours)?|d(?:ay|ays)?)\.?(?![a-z])(?:\s*(?:,|and)\s)?"
)


class Text:
    """Any text. The base of the kinds of values."""

    @property
    def values(self) -> tuple[str, ...]:
        """The words it takes, for the help and for Tab; empty where they cannot be listed."""
        return ()

    def read(self, text: str) -> Any:
        """Return the value that is written on a line of `%%hpo`.

        Raises
        ------
        OptionError
            If the text cannot be read as a value.
        """
        return text

    def check(self, value: Any) -> None:
        """Check a value.

        Raises
        ------
        OptionError
            If the option does not take it.
        """


class Metric(Text):
    """The name of a metric; the option may be given several times, and without a name."""


class Switch(Text):
    """True where the flag is given, with no value after it."""


class Folder(Text):
    """A folder; `~` is the user's home."""

    def read(self, text: str) -> Path:
        """Return the path."""
        return Path(text).expanduser()


NO_STUDY = "none"


class Studies(Text):
    """Names of studies, with commas between them; the option may be given several times."""

    @property
    def values(self) -> tuple[str, ...]:
        """The word for none."""
        return (NO_STUDY,)

    def read(self, text: str) -> tuple[str, ...]:
        """Return the names."""
        return tuple(filter(None, (name.strip() for name in text.split(","))))

    def check(self, value: Any) -> None:
        """Check that the value is the name of a study, several, or `NO_STUDY` alone."""
        studies(value)


def studies(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of studies in the value of an option, each once; empty for `NO_STUDY`.

    Raises
    ------
    OptionError
        If there is none, or `NO_STUDY` is not alone.

    >>> studies("digits,letters"), studies("none")
    (('digits', 'letters'), ())
    """
    names = Studies().read(value) if isinstance(value, str) else tuple(value)
    if not names or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise OptionError(f"expected names of studies such as digits,letters, got {value!r}.")
    if NO_STUDY in names and set(names) != {NO_STUDY}:
        raise OptionError(f"{NO_STUDY} stands alone: then no study guides the search.")
    return () if NO_STUDY in names else tuple(dict.fromkeys(names))


class OneOf(Text):
    """One of these words; those of a registry are read each time."""

    def __init__(self, words: Collection[str]) -> None:
        self.words = words

    @property
    def values(self) -> tuple[str, ...]:
        """The words."""
        return tuple(self.words)

    def read(self, text: str) -> str:
        """Return the word, also where it is written in other letters: `Random`."""
        return next((word for word in self.values if word == text.lower()), text)

    def check(self, value: Any) -> None:
        """Check that the value is one of `values`."""
        if value not in self.values:
            hint = did_you_mean(str(value), self.values)
            raise OptionError(f"{value!r} is not one of {', '.join(self.values)}.{hint}")


@dataclass(frozen=True)
class Whole(Text):
    """A whole number between two bounds, both included; `most` None: no upper bound."""

    least: int
    most: int | None = None

    def read(self, text: str) -> int:
        """Return the number."""
        # 1,000 has a comma, 1e3 and 20.0 are whole as well.
        plain = text.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+", text) else text
        try:
            return int(plain) if re.fullmatch(r"[+-]?[\d_]+", plain) else _whole(float(plain))
        except ValueError:
            raise OptionError(f"expected a whole number, got {text!r}.") from None

    def check(self, value: Any) -> None:
        """Check that the value is an `int` within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int) or value < self.least:
            raise OptionError(f"must be a whole number from {self.least} up, got {value!r}.")
        if self.most is not None and value > self.most:
            raise OptionError(f"must be at most {self.most}, got {value}.")


def _whole(number: float) -> int:
    """Return a whole number as an `int`.

    Raises
    ------
    ValueError
        If it is not whole.
    """
    if not number.is_integer():
        raise ValueError(number)
    return int(number)


class Seconds(Text):
    """A length of time: a number of seconds, or a text such as 90s, 10m or 2h."""

    def read(self, text: str) -> float:
        """Return the seconds."""
        return seconds(text)

    def check(self, value: Any) -> None:
        """Check that the value is a positive, finite length of time."""
        length_s = seconds(value)
        if not (length_s > 0 and math.isfinite(length_s)):
            raise OptionError(f"must be above 0 seconds, got {value!r}.")


@dataclass(frozen=True)
class Checked(Text):
    """What `function` accepts; it raises an `OptionError` for anything else.

    `words` are those of the values that can be listed.
    """

    function: Callable[[Any], object]
    words: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The words."""
        return self.words

    def check(self, value: Any) -> None:
        """Call the function."""
        self.function(value)


def seconds(text: str | float) -> float:
    """Return a length of time in seconds, from a number of them or a text.

    Raises
    ------
    OptionError
        If the text is no length of time, or may be two: "1:30".

    >>> seconds("1h30m"), seconds("10 minutes"), seconds("1:30:00")
    (5400.0, 600.0, 5400.0)
    """
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    written = str(text).strip().lower()
    if clock := re.fullmatch(r"(\d+):(\d\d)(?::(\d\d))?", written):
        return _seconds_of_clock(*clock.groups())
    parts = _PART.findall(written)
    try:
        if parts and not _PART.sub("", written).strip():
            return sum(float(number) * UNITS_S[unit[0]] for number, unit in parts)
        return float(text)
    except (TypeError, ValueError):
        raise OptionError(
            f"expected a length of time such as 90s, 10m or 2h, got {text!r}."
        ) from None


def _seconds_of_clock(first: str, second: str, third: str | None) -> float:
    if third is None:
        raise OptionError(
            f"{first}:{second} may be {first}h{second}m or {first}m{second}s. Write one of these."
        )
    return int(first) * 3600.0 + int(second) * 60.0 + int(third)


@dataclass(frozen=True)
class Option:
    """One option.

    Parameters
    ----------
    name
        Its keyword in `hpo_magic.search`.
    default
        Its value where it is not given.
    text
        Its line in the help.
    kind
        Which values it takes.
    placeholder
        What stands for its value in the help; "" for a switch.
    flag
        Its spelling on the line of `%%hpo`.
    short
        A second, short flag; "" for none.
    shown_default
        Its default in the help.
    """

    name: str
    default: Any
    text: str
    kind: Text
    placeholder: str
    flag: str
    short: str
    shown_default: str

    def check(self, value: Any) -> None:
        """Check a value; the default is always right.

        Raises
        ------
        OptionError
            If the option does not take it; names the option.
        """
        if value is None and self.default is None:
            return
        try:
            self.kind.check(value)
        except OptionError as error:
            raise OptionError(error.problem, self.name) from None


def option(
    default: Any,
    text: str,
    kind: Text | None = None,
    *,
    placeholder: str = "",
    flag: str = "",
    short: str = "",
    shown_default: str = "",
) -> Any:
    """Return the dataclass field that declares an option; its attributes are those of `Option`.

    What is left out follows from the field's name and default.
    """
    declared = {
        "text": text,
        "kind": kind or Text(),
        "placeholder": placeholder,
        "flag": flag,
        "short": short,
        "shown_default": shown_default or _shown(default),
    }
    return field(default=default, metadata={"option": declared})


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    return "off" if default is False else str(default)


def options_of(declaration: type) -> tuple[Option, ...]:
    """Return the options that the fields of a dataclass declare, in their order."""
    found = []
    for declared in dataclasses.fields(declaration):
        if "option" in declared.metadata:
            known = dict(declared.metadata["option"])
            known["flag"] = known["flag"] or f"--{declared.name}"
            found.append(Option(name=declared.name, default=declared.default, **known))
    return tuple(found)
