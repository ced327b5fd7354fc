"""Hyperopt's tree-structured Parzen estimator, with its defaults, on nested choices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hyperopt import (  # type: ignore[import-untyped]
    JOB_STATE_DONE,
    STATUS_OK,
    Trials,
    hp,
    tpe,
)
from hyperopt.base import Domain as HyperoptDomain  # type: ignore[import-untyped]

from benchmarks.problems import Outcome, Problem, active_names
from hpo_magic.core.domains import Choice
from hpo_magic.core.space import Parameter, Params, Space

__all__ = ["HyperoptSearch", "nested"]


class HyperoptSearch:
    """A search in which a parameter with conditions stands inside its parent's choice."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self._space = problem.conditions
        self._parents = {p.scopes[-1][0] for p in self._space.values() if p.scopes}
        self._domain = HyperoptDomain(lambda _: 0.0, nested(self._space))
        self._trials = Trials()
        self._seed = seed

    def ask(self, number: int) -> dict[str, Any]:
        """Return the active values."""
        if number == 0:
            docs = [self._doc(0, self._space.defaults())]
        else:
            seed = self._seed * 100_003 + number
            docs = tpe.suggest([number], self._domain, self._trials, seed, verbose=False)
        self._trials.insert_trial_docs(docs)
        self._trials.refresh()
        drawn = {name: v[0] for name, v in docs[0]["misc"]["vals"].items() if len(v)}
        return {n: self._value(p, drawn[n]) for n, p in self._space.items() if n in drawn}

    def tell(self, number: int, params: Params, outcome: Outcome) -> None:
        """Take the outcome of that trial."""
        doc = next(doc for doc in reversed(self._trials._dynamic_trials) if doc["tid"] == number)
        doc["state"] = JOB_STATE_DONE
        doc["result"] = {"loss": outcome.loss, "status": STATUS_OK}
        self._trials.refresh()

    def fill(self, settings: Sequence[Params], row_scores: Sequence[Outcome]) -> None:
        """Begin with these trials."""
        for number, (params, outcome) in enumerate(zip(settings, row_scores, strict=True)):
            self._trials.insert_trial_docs([self._doc(number, params)])
            self._trials.refresh()
            self.tell(number, params, outcome)

    def _doc(self, number: int, params: Params) -> Any:
        """Return the trial of a given setting, as Hyperopt stores it."""
        active = active_names(self._space, params)
        vals = {n: [self._drawn(p, params[n])] if n in active else []
                for n, p in self._space.items()}  # fmt: skip
        misc = {
            "tid": number,
            "cmd": self._domain.cmd,
            "workdir": None,
            "idxs": {name: [number] * len(v) for name, v in vals.items()},
            "vals": vals,
        }
        result = self._domain.new_result()
        return self._trials.new_trial_docs([number], [None], [result], [misc])[0]

    def _value(self, parameter: Parameter, drawn: Any) -> Any:
        if isinstance(parameter.domain, Choice):
            return parameter.domain.values[int(drawn)]
        if parameter.name in self._parents:
            return parameter.domain.value((int(drawn) + 0.5) / (parameter.domain.n_levels or 1))
        return parameter.domain.nearest(float(drawn))

    def _drawn(self, parameter: Parameter, value: Any) -> Any:
        if isinstance(parameter.domain, Choice):
            return parameter.domain.index(value)
        if parameter.name in self._parents:
            return value - parameter.domain.low
        return value


def nested(space: Space) -> dict[str, Any]:
    """Return `space` as Hyperopt's: what has conditions is a part of its last parent's choice.

    A parameter of several branches is one node in all of them.
    """
    children: dict[str, list[str]] = {}
    for name, parameter in space.items():
        if parameter.scopes:
            children.setdefault(parameter.scopes[-1][0], []).append(name)
    nodes: dict[str, Any] = {}
    for name in reversed(list(space)):  # children first
        nodes[name] = _node(space, name, children.get(name, []), nodes)
    return {name: nodes[name] for name, p in space.items() if not p.scopes}


def _node(space: Space, name: str, children: list[str], nodes: dict[str, Any]) -> Any:
    domain = space[name].domain
    if isinstance(domain, Choice) or children:
        n = domain.n_levels or 1
        values = [domain.value((i + 0.5) / n) for i in range(n)]
        held = {child: space[child].scopes[-1][1] for child in children}
        return hp.choice(
            name, [{"": i} | {c: nodes[c] for c in children if v in held[c]}
                   for i, v in enumerate(values)]
        )  # fmt: skip
    if domain.log:
        low, high = math.log(domain.low), math.log(domain.high)
        if domain.kind == "int":
            return hp.qloguniform(name, low, high, 1)
        return hp.loguniform(name, low, high)
    if domain.kind == "int":
        return hp.uniformint(name, domain.low, domain.high)
    return hp.uniform(name, domain.low, domain.high)
