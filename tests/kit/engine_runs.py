"""Plans, spaces, trials and events for tests of the engine."""

from __future__ import annotations

from typing import Any

from hpo_magic.core.domains import Float, Int
from hpo_magic.core.engine import Engine
from hpo_magic.core.events import (
    Completed,
    Freed,
    Outcome,
    Run,
)
from hpo_magic.core.plan import Plan
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.core.trial import (
    Direction,
    Failure,
    Goal,
    Kind,
    State,
    Trial,
)
from hpo_magic.testing.fakes import FakeSampler

UNITS = Parameter("units", Int(1, 9), 5)
LR = Parameter("lr", Float(0.0, 1.0), 0.5)
BROKEN = Failure("ValueError", "no")


def a_plan(**options: Any) -> Plan:
    """Return a plan of minimizing a value."""
    asked: dict[str, Any] = {"goals": (Goal("value", Direction.MINIMIZE),), **options}
    return Plan("study", asked.pop("sampler", FakeSampler()), **asked)


def a_space(*parameters: Parameter) -> Space:
    """Return a space of these parameters."""
    return Space({parameter.name: parameter for parameter in parameters})


def an_outcome(
    params: Params, *parameters: Parameter, value: float | None = None, **options: Any
) -> Outcome:
    """Return what a training leaves that asked for `parameters`."""
    asked = {p.name: p.domain.nearest(params.get(p.name, p.default)) for p in parameters}
    return Outcome(asked, parameters, value, **options)


def a_trial(number: int, state: State = State.COMPLETE, **options: Any) -> Trial:
    """Return a trial of an earlier run; the first is the start."""
    kind = Kind.START if number == 0 else Kind.SEARCH
    value = float(number) if state is State.COMPLETE else None
    given_: dict[str, Any] = {"params": {"units": 5}, "kind": kind, "value": value, **options}
    return Trial(number, state, **given_)


def started(engine: Engine, number: int, at: float = 0.0) -> Run:
    """Offer a worker; return the training that it is given."""
    *_, run = engine.handle(Freed(number, at))
    assert isinstance(run, Run)
    return run


def completed(engine: Engine, run: Run, *parameters: Parameter, value: float = 1.0) -> Any:
    """Have a training end with a value; return the commands."""
    outcome = an_outcome(run.params, *parameters, value=value)
    return engine.handle(Completed(run.number, outcome, 1.0))
