"""The values of Hyperopt's expressions: `hp.choice` of dicts, `scope.int(hp.quniform(…))`.

An expression is a graph of calls. Its parameters become ours by their labels, and everything around
them (`scope.int`, arithmetic, dicts) is computed as Hyperopt does, by its own functions.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hpo_magic.core.describe import Described, describe_choice, describe_float, describe_int
from hpo_magic.errors import SpaceError
from hpo_magic.language.asking import value_of
from hpo_magic.language.space_dimensions import root_of

# Hyperopt's distributions without bounds get the range of three deviations to either side.
N_DEVIATIONS = 3
N_DIGITS = 6


def is_expression(thing: Any) -> bool:
    """Return whether a value is an expression of Hyperopt's."""
    return root_of(thing) == "hyperopt" and type(thing).__name__ in ("Apply", "Literal")


def expression_value(expression: Any, raw: dict[str, Any] | None = None) -> Any:
    """Return the trial's value of an expression.

    Parameters
    ----------
    expression
        An `Apply` of Hyperopt's.
    raw
        Gets the values as Hyperopt stores them, by label: the position of a choice, the number of
        a range.

    Raises
    ------
    SpaceError
        If it has a distribution that is not known.
    """
    return _Evaluation(raw if raw is not None else {}).value(expression)


class _Evaluation:
    """One evaluation of an expression; every part of it has one value."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self._raw = raw
        self._known: dict[int, Any] = {}

    def value(self, node: Any) -> Any:
        """Return the value of a part of the expression."""
        if id(node) not in self._known:
            self._known[id(node)] = self._computed(node)
        return self._known[id(node)]

    def _computed(self, node: Any) -> Any:
        if type(node).__name__ == "Literal":
            return node.obj
        if node.name == "switch":
            return self._chosen(node)
        if node.name == "hyperopt_param":
            return self._parameter(node)
        args = [self.value(one) for one in node.pos_args]
        named = {key: self.value(one) for key, one in node.named_args}
        if node.name == "dict":
            return dict(*args, **named)
        if node.name == "pos_args":
            return tuple(args)
        return _function(node.name)(*args, **named)

    def _chosen(self, node: Any) -> Any:
        """Return the option of a `choice` or `pchoice` that the trial has; evaluate it alone."""
        parameter, *options = node.pos_args
        if getattr(parameter, "name", "") != "hyperopt_param":
            return self.value(options[int(self.value(parameter))])
        label = parameter.pos_args[0].obj
        labels = _labels(options)
        start = _likeliest(parameter.pos_args[1])
        wanted = value_of(label, describe_choice(labels, ordered=None, default=labels[start]))
        position = next(k for k, one in enumerate(labels) if one is wanted or one == wanted)
        self._raw[label] = position
        return self.value(options[position])

    def _parameter(self, node: Any) -> Any:
        label, distribution = node.pos_args[0].obj, node.pos_args[1]
        value = value_of(label, described_distribution(label, distribution))
        self._raw[label] = value
        return value


def _labels(options: list[Any]) -> list[Any]:
    """Return what the options are called: themselves if they are plain, else a text of each."""
    if all(type(one).__name__ == "Literal" for one in options):
        values = [_plain(one.obj) for one in options]
        if all(isinstance(v, bool | int | float | str | None | tuple) for v in values):
            return values if len({repr(v) for v in values}) == len(values) else _numbers(options)
    texts = [_text_in(one) for one in options]
    is_clear = None not in texts and len(set(texts)) == len(texts)
    return texts if is_clear else _numbers(options)


def _plain(value: Any) -> Any:
    """Return a number of NumPy's, as in `np.arange(1, 9)`, as Python's; others as they are."""
    return value.item() if isinstance(value, np.generic) else value


def _numbers(options: list[Any]) -> list[Any]:
    return [f"option {position}" for position in range(len(options))]


def _text_in(option: Any) -> str | None:
    """Return the first text that an option has as it stands: "svm" of {"type": "svm", "C": …}."""
    if type(option).__name__ == "Literal":
        return str(option.obj) if option.obj is None or isinstance(option.obj, str | int) else None
    parts = [*option.pos_args, *(one for _, one in option.named_args)]
    texts = (p.obj for p in parts if type(p).__name__ == "Literal" and isinstance(p.obj, str))
    return next(texts, None) if option.name in ("dict", "pos_args") else None


def _likeliest(distribution: Any) -> int:
    """Return the position of the most probable option, the first one of equals."""
    if distribution.name != "categorical":
        return 0
    weights = [one.obj for one in distribution.pos_args[0].pos_args]
    return weights.index(max(weights))


def described_distribution(label: str, distribution: Any) -> Described:
    """Return the parameter of one of Hyperopt's distributions.

    Raises
    ------
    SpaceError
        If it is not known, or its arguments are expressions.
    """
    given = [*distribution.pos_args, *(one for _, one in distribution.named_args)]
    if distribution.name not in _DISTRIBUTIONS or not all(hasattr(one, "obj") for one in given):
        raise SpaceError(
            f"hp.from_space: {label!r} is {distribution.name}(…) with bounds that are no numbers, "
            f"or a distribution that is not known. Known: {', '.join(_DISTRIBUTIONS)}."
        )
    return _DISTRIBUTIONS[distribution.name](*(one.obj for one in given))


def _uniform(low: float, high: float) -> Described:
    return describe_float(float(low), float(high))


def _loguniform(low: float, high: float) -> Described:
    return describe_float(_short(math.exp(low)), _short(math.exp(high)), None, "log")


def _quniform(low: float, high: float, q: float) -> Described:
    first, last = math.floor(_clean(low / q + 0.5)) * q, math.ceil(_clean(high / q - 0.5)) * q
    return describe_float(_clean(float(first)), _clean(float(last)), float(q))


def _qloguniform(low: float, high: float, q: float) -> Described:
    first = max(q, round(math.exp(low) / q) * q)
    return describe_float(_clean(float(first)), _clean(round(math.exp(high) / q) * q), float(q))


def _normal(mu: float, sigma: float) -> Described:
    reach = N_DEVIATIONS * sigma
    return describe_float(_clean(mu - reach), _clean(mu + reach), default=float(mu))


def _qnormal(mu: float, sigma: float, q: float) -> Described:
    low, high = mu - N_DEVIATIONS * sigma, mu + N_DEVIATIONS * sigma
    start = _clean(float(round(mu / q) * q))
    found = _quniform(low, high, q)
    return Described(found.domain, found.domain.nearest(start))


def _lognormal(mu: float, sigma: float) -> Described:
    low, high = (_short(math.exp(mu + side * N_DEVIATIONS * sigma)) for side in (-1, 1))
    return describe_float(low, high, None, "log", _short(math.exp(mu)))


def _qlognormal(mu: float, sigma: float, q: float) -> Described:
    return _qloguniform(mu - N_DEVIATIONS * sigma, mu + N_DEVIATIONS * sigma, q)


def _randint(low: int, high: int | None = None) -> Described:
    return describe_int(0, low - 1) if high is None else describe_int(low, high - 1)


_DISTRIBUTIONS: Mapping[str, Callable[..., Described]] = {
    "uniform": _uniform,
    "loguniform": _loguniform,
    "quniform": _quniform,
    "qloguniform": _qloguniform,
    "normal": _normal,
    "qnormal": _qnormal,
    "lognormal": _lognormal,
    "qlognormal": _qlognormal,
    "randint": _randint,
    "uniformint": lambda low, high, q=1.0: describe_int(round(low), round(high)),
    "categorical": lambda p: describe_int(0, len(p) - 1),
}


def _function(name: str) -> Callable[..., Any]:
    """Return Hyperopt's function of that name in expressions: `int`, `pow`, the user's own."""
    scope = sys.modules["hyperopt.pyll.base"].scope
    function: Callable[..., Any] = scope._impls[name]
    return function


def _clean(number: float) -> float:
    return float(f"{number:.12g}")


def _short(number: float) -> float:
    return float(f"{number:.{N_DIGITS}g}")


def _label(parameter: Any) -> str:
    label: str = parameter.pos_args[0].obj
    return label


def option_of(expression: Any, label: str, value: Any) -> Any:
    """Return a value of Hyperopt's as ours: of a choice, which it has by position, the option.

    Parameters
    ----------
    expression
        The space.
    label
        Of the parameter.
    value
        As Hyperopt stores it.
    """
    waiting, seen = [expression], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not hasattr(node, "pos_args"):
            continue
        seen.add(id(node))
        chosen = node.pos_args[0] if node.name == "switch" else None
        if chosen is not None and chosen.name == "hyperopt_param" and _label(chosen) == label:
            return _labels(node.pos_args[1:])[int(value)]
        waiting += [*node.pos_args, *(one for _, one in node.named_args)]
    return value
