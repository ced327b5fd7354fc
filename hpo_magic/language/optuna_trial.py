"""`hp.trial`: the running trial with the methods of Optuna's `Trial`.

A function `objective(trial)` that was written for Optuna runs unchanged. Each call gives its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hpo_magic.core.describe import Described, describe_choice, describe_float, describe_int
from hpo_magic.core.domains import Choice, Domain, Int
from hpo_magic.core.trial import Direction
from hpo_magic.errors import HpoError, NotCovered, SpaceError
from hpo_magic.language.asking import value_of
from hpo_magic.language.call import note_refused
from hpo_magic.language.space_dimensions import described_dimension
from hpo_magic.language.trial_context import current_trial

_WAYS_OUT = {
    "storage": "--storage on the %%hpo line says where the study is kept",
}


class OptunaTrial:
    """The running trial with the methods of Optuna's `Trial`; the user has it as `hp.trial`.

    >>> from hpo_magic import hp
    >>> hp.trial.suggest_float("lr", 1e-4, 1e-2, log=True)
    0.001
    """

    @property
    def number(self) -> int:
        """The trial's number, from 0; 0 outside a trial."""
        trial = current_trial()
        return 0 if trial is None else trial.run.number

    @property
    def params(self) -> dict[str, Any]:
        """The values suggested so far, by name; empty outside a trial."""
        trial = current_trial()
        return {} if trial is None else dict(trial.objects)

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What `set_user_attr` has noted in this trial."""
        trial = current_trial()
        return {} if trial is None else dict(trial.noted)

    @property
    def system_attrs(self) -> dict[str, Any]:
        """What `set_system_attr` has noted in this trial."""
        trial = current_trial()
        return {} if trial is None else dict(trial.system_noted)

    @property
    def constraints(self) -> dict[str, float]:
        """What `set_constraint` has noted in this trial; above 0 the trial is infeasible."""
        trial = current_trial()
        return {} if trial is None else dict(trial.constraints)

    @property
    def datetime_start(self) -> datetime | None:
        """When the trial began; None outside a trial."""
        trial = current_trial()
        return None if trial is None else trial.started

    @property
    def distributions(self) -> dict[str, Any]:
        """The ranges suggested so far, by name, as Optuna's distributions."""
        trial = current_trial()
        asked = {} if trial is None else trial.asked
        return {name: _distribution(parameter.domain) for name, parameter in asked.items()}

    @property
    def study(self) -> Any:
        """What is known of the study while it runs: its directions and its user attributes."""
        return StudyOfTrial()

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None = None, log: bool = False
    ) -> float:
        """Return a real number of a range, both ends included; `hp.Float`."""
        options = {"step": step, "sampling": "log" if log else "linear"}
        value: float = self._ask("suggest_float", describe_float, name, (low, high), options)
        return value

    def suggest_int(self, name: str, low: int, high: int, step: int = 1, log: bool = False) -> int:
        """Return a whole number of a range, both ends included; `hp.Int`."""
        options = {"step": None if step == 1 else step, "sampling": "log" if log else "linear"}
        value: int = self._ask("suggest_int", describe_int, name, (low, high), options)
        return value

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices; `hp.Choice`."""
        return self._ask("suggest_categorical", describe_choice, name, (choices,), {})

    def suggest_uniform(self, name: str, low: float, high: float) -> float:
        """Return a real number of a range; `suggest_float` of Optuna 1."""
        return self.suggest_float(name, low, high)

    def suggest_loguniform(self, name: str, low: float, high: float) -> float:
        """Return a real number of a range, on a log scale; `suggest_float` of Optuna 1."""
        return self.suggest_float(name, low, high, log=True)

    def suggest_discrete_uniform(self, name: str, low: float, high: float, q: float) -> float:
        """Return a real number of a range, in steps of `q`; `suggest_float` of Optuna 1."""
        return self.suggest_float(name, low, high, step=q)

    def report(self, value: float, step: int) -> None:
        """Report an intermediate value of the study's metric, for the learning curve.

        `step` counts from 0, as in Optuna; the curve counts epochs from 1. A trial that
        is stopped or pruned ends in this call.
        """
        trial = current_trial()
        if trial is not None:
            trial.report(int(step) + 1, {trial.metric or "value": value})

    def should_prune(self) -> bool:
        """Return False: `report` has already ended a trial that is pruned."""
        return False

    def set_user_attr(self, key: str, value: Any) -> None:
        """Store a value with the trial: a number as a metric, anything else in its output."""
        trial = current_trial()
        if trial is not None:
            trial.noted[key] = value
            if not isinstance(value, int | float):
                print(f"{key}: {value!r}")  # noqa: T201  (into the trial's output)

    def set_system_attr(self, key: str, value: Any) -> None:
        """Note a value for integrations of Optuna's; `system_attrs` has it until the trial ends."""
        trial = current_trial()
        if trial is not None:
            trial.system_noted[key] = value

    def set_constraint(self, key: str, value: float) -> None:
        """Note a constraint: above 0 the trial is infeasible, and ends as pruned."""
        trial = current_trial()
        if trial is not None:
            trial.constraints[key] = float(value)

    def _suggest(self, name: str, distribution: Any) -> Any:
        """Return the value of a distribution of Optuna's; its integrations call this."""
        method = f"suggest({type(distribution).__name__})"
        return self._ask(method, described_dimension, name, (distribution,), {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        there = [word for word in dir(type(self)) if not word.startswith("_")]
        way_out = _WAYS_OUT.get(name, f"There are: {', '.join(there)}")
        raise NotCovered(f"hp.trial on line {_line()} has no {name}. {way_out}.")

    def _ask(
        self,
        method: str,
        describe: Callable[..., Described],
        name: str,
        args: tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> Any:
        try:
            if not isinstance(name, str) or not name.strip():
                raise SpaceError(f"the name must be a string that is not empty, got {name!r}.")
            return value_of(name, describe(*args, **options))
        except HpoError as error:
            told = type(error)(f'trial.{method}("{name}", …) on line {_line()}: {error}')
            note_refused(told)
            raise told from None


class StudyOfTrial:
    """`hp.trial.study`: the study while it runs, as far as a trial may know it."""

    @property
    def direction(self) -> Any:
        """Optuna's `StudyDirection`, or its name where Optuna is not loaded."""
        return self.directions[0]

    @property
    def directions(self) -> list[Any]:
        """The direction of each objective."""
        trial = current_trial()
        known = (Direction.MINIMIZE,) if trial is None else trial.directions
        return [_direction(one) for one in known]

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What `set_user_attr` of the study has noted in this trial."""
        trial = current_trial()
        return {} if trial is None else dict(trial.noted_of_study)

    def set_user_attr(self, key: str, value: Any) -> None:
        """Note a value for the rest of this trial."""
        trial = current_trial()
        if trial is not None:
            trial.noted_of_study[key] = value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotCovered(
            f"hp.trial.study on line {_line()} has no {name}: a trial knows the directions alone. "
            f"Write study.optimize(objective, n_trials=…) under %%hpo, and the trial has the study."
        )


def _direction(direction: Direction) -> Any:
    optuna = sys.modules.get("optuna")
    name = direction.value.upper()
    return name.lower() if optuna is None else optuna.study.StudyDirection[name]


def _distribution(domain: Domain) -> Any:
    """Return a domain as Optuna's distribution.

    Raises
    ------
    NotCovered
        If Optuna is not imported.
    """
    if "optuna" not in sys.modules:
        raise NotCovered("trial.distributions are Optuna's objects. Run `import optuna` first.")
    distributions = sys.modules["optuna"].distributions
    if isinstance(domain, Choice):
        return distributions.CategoricalDistribution(list(domain.values))
    kind = distributions.IntDistribution if isinstance(domain, Int) else None
    kind = kind or distributions.FloatDistribution
    step = domain.step or (1 if isinstance(domain, Int) else None)
    return kind(domain.low, domain.high, log=domain.log, step=step)


def _line() -> int:
    """Return the line of the user's code that is being run."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_lineno
