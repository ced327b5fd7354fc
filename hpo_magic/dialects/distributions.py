"""Write Hyperopt's distributions as `hp` calls.

Whole steps and bounds give whole numbers, where Hyperopt gives floats. Normal distributions have no
bounds; the range is three standard deviations to either side, which has 99.7% of the values.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from hpo_magic.errors import SpaceError, did_you_mean
from hpo_magic.source.spelling import grouped
from hpo_magic.source.syntax import dotted

TextOf = Callable[[ast.expr], str]
Number = int | float

# Beyond them lie 0.3% of a normal distribution.
N_DEVIATIONS = 3
# Bounds that come from exp() are written with these many digits.
N_DIGITS = 6


def call_text(call: ast.Call, text_of: TextOf) -> str:
    """Return the `hp` call for a distribution: "hp.Float(0, 1)" for `uniform(0, 1)`.

    Parameters
    ----------
    call
        What stands between the braces of a template.
    text_of
        Gives the text of an expression.

    Raises
    ------
    SpaceError
        If there is no such distribution, or it has no counterpart, or its arguments do not fit.
    """
    name = (dotted(call.func) or ("",))[-1]
    if name == "pchoice":
        raise SpaceError(
            "the search finds out itself which choice is good, so pchoice has no counterpart. "
            "Write choice([…]) with the values alone."
        )
    if name not in _DISTRIBUTIONS:
        hint = did_you_mean(name, _DISTRIBUTIONS)
        known = ", ".join(_DISTRIBUTIONS)
        raise SpaceError(f"there is no distribution {name!r}.{hint} Known: {known}.")
    parameters, written = _DISTRIBUTIONS[name]
    return written(**_arguments(call, name, parameters, text_of))


class _Given:
    """An argument: its text, and its number where that is written out."""

    def __init__(self, node: ast.expr, text: str) -> None:
        self.node, self.text = node, text
        try:
            value = ast.literal_eval(node)
        except ValueError:
            value = None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        self.number: Number | None = value if is_number else None

    @property
    def exponential(self) -> tuple[str, float | None]:
        """The text and the number of exp(this): `0.1` for `np.log(0.1)`."""
        if isinstance(self.node, ast.Call) and len(self.node.args) == 1:
            chain = dotted(self.node.func) or ("",)
            if chain[-1] == "log":
                inner = _Given(self.node.args[0], ast.unparse(self.node.args[0]))
                return inner.text, inner.number
        if self.number is None:
            return f"{math.e!r} ** {grouped(self.text)}", None
        value = _short(math.exp(self.number))
        return repr(value), value


def _arguments(
    call: ast.Call, name: str, parameters: tuple[str, ...], text_of: TextOf
) -> dict[str, Any]:
    given = {k.arg: k.value for k in call.keywords if k.arg}
    if len(call.args) > len(parameters) or any(isinstance(a, ast.Starred) for a in call.args):
        raise SpaceError(f"{name} takes {', '.join(parameters)}.")
    given |= dict(zip(parameters, call.args, strict=False))
    if name == "randint" and set(given) == {"low"}:
        given = {"low": ast.Constant(0), "high": given["low"]}
    if set(given) != set(parameters):
        raise SpaceError(f"{name} takes {', '.join(parameters)}.")
    return {
        word: _Given(node, text_of(node) if hasattr(node, "lineno") else ast.unparse(node))
        for word, node in given.items()
    }


def _choice(options: _Given) -> str:
    return f"hp.Choice({options.text})"


def _randint(low: _Given, high: _Given) -> str:
    last = f"{grouped(high.text)} - 1" if high.number is None else repr(high.number - 1)
    return f"hp.Int({low.text}, {last})"


def _uniform(low: _Given, high: _Given) -> str:
    return f"hp.Float({low.text}, {high.text})"


def _uniformint(low: _Given, high: _Given) -> str:
    return f"hp.Int({low.text}, {high.text})"


def _quniform(low: _Given, high: _Given, q: _Given) -> str:
    if low.number is None or high.number is None or q.number is None:
        return f"hp.Float({low.text}, {high.text}, step={q.text})"
    return _stepped(low.number, high.number, q.number)


def _loguniform(low: _Given, high: _Given) -> str:
    return f'hp.Float({low.exponential[0]}, {high.exponential[0]}, sampling="log")'


def _qloguniform(low: _Given, high: _Given, q: _Given) -> str:
    first, last = low.exponential[1], high.exponential[1]
    if q.number != 1 or first is None or last is None:
        return _rounded(_loguniform(low, high), q)
    return f'hp.Int({max(1, _first(first, 1))}, {_last(last, 1)}, sampling="log")'


def _normal(mu: _Given, sigma: _Given) -> str:
    low, high = _reach(*_numbers("normal", mu, sigma))
    return f"hp.Float({low!r}, {high!r}, default={mu.text})"


def _qnormal(mu: _Given, sigma: _Given, q: _Given) -> str:
    center, deviation, step = _numbers("qnormal", mu, sigma, q)
    return _stepped(*_reach(center, deviation), step, default=round(center / step) * step)


def _lognormal(mu: _Given, sigma: _Given) -> str:
    center, deviation = _numbers("lognormal", mu, sigma)
    low, high = (repr(_short(math.exp(bound))) for bound in _reach(center, deviation))
    return f'hp.Float({low}, {high}, sampling="log", default={_short(math.exp(center))!r})'


def _qlognormal(mu: _Given, sigma: _Given, q: _Given) -> str:
    return _rounded(_lognormal(mu, sigma), q)


_DISTRIBUTIONS: Mapping[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "choice": (("options",), _choice),
    "randint": (("low", "high"), _randint),
    "uniform": (("low", "high"), _uniform),
    "uniformint": (("low", "high"), _uniformint),
    "quniform": (("low", "high", "q"), _quniform),
    "loguniform": (("low", "high"), _loguniform),
    "qloguniform": (("low", "high", "q"), _qloguniform),
    "normal": (("mu", "sigma"), _normal),
    "qnormal": (("mu", "sigma", "q"), _qnormal),
    "lognormal": (("mu", "sigma"), _lognormal),
    "qlognormal": (("mu", "sigma", "q"), _qlognormal),
}


def _numbers(name: str, *given: _Given) -> list[Number]:
    numbers = [one.number for one in given if one.number is not None]
    if len(numbers) < len(given) or any(number <= 0 for number in numbers[1:]):
        raise SpaceError(
            f"{name} needs numbers that are written out, with a spread above 0. "
            f"Or give the range itself: uniform(low, high)."
        )
    return numbers


def _reach(center: Number, deviation: Number) -> tuple[Number, Number]:
    low, high = center - N_DEVIATIONS * deviation, center + N_DEVIATIONS * deviation
    return _clean(low), _clean(high)


def _stepped(low: Number, high: Number, q: Number, default: Number | None = None) -> str:
    """Return the multiples of `q` that rounding gives between the bounds."""
    if q <= 0:
        raise SpaceError(f"the step q must be above 0, got {q!r}.")
    first, last = _clean(_first(low, q) * q), _clean(_last(high, q) * q)
    start = "" if default is None else f", default={_clean(default)!r}"
    method = "Int" if all(isinstance(n, int) for n in (first, last, q)) else "Float"
    return f"hp.{method}({first!r}, {last!r}, step={q!r}{start})"


def _first(low: Number, q: Number) -> int:
    """Return the lowest multiple of `q` to which something above `low` is rounded."""
    return math.floor(_clean(low / q + 0.5))


def _last(high: Number, q: Number) -> int:
    return math.ceil(_clean(high / q - 0.5))


def _rounded(call: str, q: _Given) -> str:
    """Return a call whose value is rounded where it is used: a log scale has no even steps."""
    return f"round({call} / {grouped(q.text)}) * {grouped(q.text)}"


def _clean(number: Number) -> Number:
    """Return a number without the noise of floating point: 0.3 for 3 * 0.1."""
    return number if isinstance(number, int) else float(f"{number:.12g}")


def _short(number: float) -> float:
    return float(f"{number:.{N_DIGITS}g}")
