"""How numbers, times and settings are written, everywhere the same.

All functions return plain text, which callers escape before they put it into HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from hpo_magic.core.domains import Plain
from hpo_magic.core.space import Params

# Four digits tell 0.9523 from 0.9524: one example in the validation sets of a notebook.
DIGITS = 4
MOST_DIGITS = 8
VALUE_LENGTH = 40  # characters; a longer choice would push the other columns off the screen


def number(value: float | None, digits: int = DIGITS) -> str:
    """Return a metric's value with `digits` significant digits, trailing zeros kept.

    >>> number(0.95), number(1234.5678), number(0.0000123), number(None)
    ('0.9500', '1235', '1.230e-05', '-')
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 10**digits <= abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:#.{digits}g}".rstrip(".")


def digits_for(values: Iterable[float]) -> int:
    """Return the significant digits that tell most of `values` apart.

    >>> digits_for([0.91, 0.93, 0.95]), digits_for([1000.101, 1000.102, 1000.104])
    (4, 8)
    """
    finite = sorted(v for v in values if math.isfinite(v))
    if not finite:
        return DIGITS
    # The middle half: a single wild value must not hide the differences of the others.
    spread = finite[(3 * len(finite)) // 4] - finite[len(finite) // 4]
    size = max(abs(finite[0]), abs(finite[-1]))
    middle = min(size, 2 * abs(finite[len(finite) // 2]) or size)
    if spread <= 0:
        return DIGITS
    return min(max(math.ceil(math.log10(max(middle / spread, 1))) + 2, DIGITS), MOST_DIGITS)


def shown(value: Plain) -> str:
    """Return a hyperparameter's value as it is shown.

    >>> shown(0.00123456), shown(64), shown("relu"), shown(True), shown((1, 2))
    ('0.001235', '64', 'relu', 'True', '(1, 2)')
    """
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str) and value.isprintable() and value.strip():
        return shortened(value)
    return shortened(repr(value))


def shortened(text: str, length: int = VALUE_LENGTH) -> str:
    """Return the first line of `text`, cut with an ellipsis at `length` characters."""
    line, _, rest = text.strip().partition("\n")
    if len(line) > length:
        return line[: length - 1] + "…"
    return f"{line} …" if rest else line


def setting(params: Params) -> str:
    """Return a setting in one line.

    >>> setting({"layers": 2, "lr": 0.001})
    'layers=2, lr=0.001'
    """
    return ", ".join(f"{name}={shown(value)}" for name, value in params.items())


def duration(seconds: float | None) -> str:
    """Return a time with two units at most.

    >>> duration(0.0421), duration(8.26), duration(151), duration(3725), duration(200000)
    ('42 ms', '8.3 s', '2 min 31 s', '1 h 02 min', '2 d 7 h')
    """
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def counted(n: int, noun: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "trial"), counted(1200, "trial")
    ('1 trial', '1,200 trials')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
