"""Single dimensions of other tools' search spaces as parameters: a range or a choice.

scikit-optimize, SciPy, Optuna and Ray Tune; scikit-optimize's short forms, (1, 9, "log-uniform"),
too. A distribution without bounds becomes the range that has 99.7% of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo_magic.core.describe import Described, describe_choice, describe_float, describe_int
from hpo_magic.errors import SpaceError

# Outside of these quantiles lie 0.3% of a distribution: three deviations of a normal one.
LOWEST, HIGHEST = 0.00135, 0.99865
_LOG = ("log-uniform", "loguniform", "reciprocal", "lognorm")


def root_of(thing: Any) -> str:
    """Return the package of a value's type: "skopt" for a `skopt.space.Real`."""
    return type(thing).__module__.partition(".")[0]


def is_dimension(thing: Any) -> bool:
    """Return whether a value is one dimension of another tool's search space."""
    return _reader(thing) is not None


def described_dimension(thing: Any) -> Described:
    """Return the parameter of a dimension.

    Raises
    ------
    SpaceError
        If it is not known, or its range is empty.
    """
    reader = _reader(thing)
    if reader is not None:
        return reader(thing)
    if isinstance(thing, Sequence) and not isinstance(thing, str) and len(thing):
        return _short_form(thing)
    raise SpaceError(
        f"{thing!r} is no dimension. Write (low, high), (low, high, 'log-uniform') or [values, …]."
    )


def _reader(thing: Any) -> Callable[[Any], Described] | None:
    kind, root = type(thing).__name__, root_of(thing)
    if root == "scipy":
        return _of_scipy if hasattr(thing, "ppf") and hasattr(thing, "dist") else None
    return _READERS.get(({"ray": "ray", "optuna": "optuna", "skopt": "skopt"}.get(root, ""), kind))


def _of_skopt_range(thing: Any) -> Described:
    return range_of(thing.low, thing.high, is_log=thing.prior == "log-uniform", kind=thing)


def _of_categories(thing: Any) -> Described:
    values = list(getattr(thing, "categories", None) or thing.choices)
    return describe_choice(values, ordered=False)


def _of_optuna(thing: Any) -> Described:
    sampling = "log" if thing.log else "linear"
    describe = describe_int if type(thing).__name__.startswith("Int") else describe_float
    step = None if thing.step in (None, 1) and describe is describe_int else thing.step
    return describe(thing.low, thing.high, step, sampling)


def _of_ray(thing: Any) -> Described:
    sampler = thing.sampler
    step = getattr(sampler, "q", None)
    inner = getattr(sampler, "sampler", sampler)
    is_log = "Log" in type(inner).__name__
    if type(thing).__name__ == "Integer":
        high = thing.upper if step else thing.upper - 1  # Ray's upper bound is excluded
        return describe_int(thing.lower, high, step, "log" if is_log else "linear")
    if is_log:
        step = None
    return describe_float(thing.lower, thing.upper, step, "log" if is_log else "linear")


def _of_scipy(thing: Any) -> Described:
    name = thing.dist.name
    low, high = (float(bound) for bound in thing.support())
    if low == float("-inf") or high == float("inf"):
        low = float(thing.ppf(LOWEST)) if low == float("-inf") or name in _LOG else low
        high = float(thing.ppf(HIGHEST)) if high == float("inf") else high
    if hasattr(thing.dist, "pmf"):
        return describe_int(round(low), round(high))
    return range_of(_short(low), _short(high), is_log=name in _LOG, kind=0.0)


def _short_form(given: Sequence[Any]) -> Described:
    """Return the parameter of scikit-optimize's `(1, 9)`, `(1e-6, 1, "log-uniform")`, `["a"]`."""
    bounds = [one for one in given if isinstance(one, int | float) and not isinstance(one, bool)]
    is_range = isinstance(given, tuple) and len(bounds) == 2 and list(given[:2]) == bounds
    if is_range and (len(given) == 2 or given[2] in ("uniform", "log-uniform")):
        whole = all(isinstance(bound, int) for bound in bounds)
        kind = 0 if whole else 0.0
        return range_of(bounds[0], bounds[1], is_log="log-uniform" in given[2:], kind=kind)
    return describe_choice(list(given), ordered=None)


def range_of(low: Any, high: Any, *, is_log: bool, kind: Any) -> Described:
    """Return the parameter of a range; `kind` is whole, or named Integer, for whole numbers."""
    whole = isinstance(kind, int) or type(kind).__name__ == "Integer"
    describe = describe_int if whole else describe_float
    return describe(low, high, None, "log" if is_log else "linear")


def _short(number: float) -> float:
    return float(f"{number:.12g}")


_READERS: Mapping[tuple[str, str], Callable[[Any], Described]] = {
    ("skopt", "Real"): _of_skopt_range,
    ("skopt", "Integer"): _of_skopt_range,
    ("skopt", "Categorical"): _of_categories,
    ("optuna", "FloatDistribution"): _of_optuna,
    ("optuna", "IntDistribution"): _of_optuna,
    ("optuna", "CategoricalDistribution"): _of_categories,
    ("ray", "Float"): _of_ray,
    ("ray", "Integer"): _of_ray,
    ("ray", "Categorical"): _of_categories,
}
