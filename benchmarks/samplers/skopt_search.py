"""scikit-optimize's own `Optimizer`, with its defaults."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from skopt import Optimizer
from skopt.space import Categorical, Integer, Real

from benchmarks.problems import Outcome, Problem
from hpo_magic.core.domains import Choice, Domain
from hpo_magic.core.space import Params

__all__ = ["SkoptSearch"]


class SkoptSearch:
    """A search in a flat space: scikit-optimize knows no conditions."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._space = problem.conditions
        self._optimizer = Optimizer([_dimension(p.domain) for p in self._space.values()], "GP",
                                    random_state=seed)  # fmt: skip
        self._points: dict[int, list[Any]] = {}

    def ask(self, number: int) -> dict[str, Any]:
        """Return a value for every parameter."""
        if number == 0:
            point = self._point(self._space.defaults())
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "the objective has been evaluated at this point"
                point = self._optimizer.ask()
        self._points[number] = point
        pairs = zip(self._space.items(), point, strict=True)
        return {name: _value(p.domain, v) for (name, p), v in pairs}

    def tell(self, number: int, params: Params, outcome: Outcome) -> None:
        """Take the outcome of that trial."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit reports lengths at their bounds
            self._optimizer.tell(self._points.pop(number), outcome.loss)

    def fill(self, settings: Sequence[Params], row_scores: Sequence[Outcome]) -> None:
        """Begin with these trials; the model is fitted once, to all of them."""
        points = [self._point(params) for params in settings]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._optimizer.tell(points, [outcome.loss for outcome in row_scores])

    def _point(self, params: Params) -> list[Any]:
        return [_native(p.domain, params[n]) for n, p in self._space.items()]


def _dimension(domain: Domain) -> Any:
    if isinstance(domain, Choice):
        # By position: scikit-optimize would turn values into NumPy scalars.
        return Categorical([str(i) for i in range(domain.n_levels)])
    prior = "log-uniform" if domain.log else "uniform"
    made = Integer if domain.kind == "int" else Real
    return made(domain.low, domain.high, prior=prior)


def _native(domain: Domain, value: Any) -> Any:
    return str(domain.index(value)) if isinstance(domain, Choice) else value


def _value(domain: Domain, native: Any) -> Any:
    if isinstance(domain, Choice):
        return domain.values[int(native)]
    return domain.nearest(int(native) if domain.kind == "int" else float(native))
