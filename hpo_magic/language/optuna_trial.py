"""`hp.trial`: the running trial with the methods of Optuna's `Trial`.

A function `objective(trial)` that was written for Optuna runs unchanged. Each call gives its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpo_magic.core.describe import Described, describe_choice, describe_float, describe_int
from hpo_magic.core.space import Parameter
from hpo_magic.errors import HpoError, NotCovered, SpaceError
from hpo_magic.language.trial_context import current_trial

_WAYS_OUT = {
    "study": "The study is the variable named on the %%hpo line, once the search has ended",
    "storage": "--storage on the %%hpo line says where the study is kept",
    "set_system_attr": "Use set_user_attr",
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
        trial = current_trial()
        try:
            if not isinstance(name, str) or not name.strip():
                raise SpaceError(f"the name must be a string that is not empty, got {name!r}.")
            described = describe(*args, **options)
            parameter = Parameter(name, described.domain, described.default)
            if trial is None:
                return described.object_of(parameter.default)
            value = described.object_of(trial.ask(parameter))
            trial.objects[name] = value
            return value
        except HpoError as error:
            raise type(error)(f'trial.{method}("{name}", …) on line {_line()}: {error}') from None


def _line() -> int:
    """Return the line of the user's code that is being run."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_lineno
