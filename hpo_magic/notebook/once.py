"""A function of the cell that is called once per search, such as one that loads the data.

All trials get its result. The random streams are restored after the call, so that the trial that
called it trains as it would without the call.
"""

from __future__ import annotations

from typing import Any

from hpo_magic.frameworks import kept_random_state
from hpo_magic.inputs.changes import Change
from hpo_magic.inputs.watch import InputsWatch
from hpo_magic.language.trial_context import current_trial


class Once:
    """Replaces a function without arguments by one that returns its first result.

    A function that asks `hp` for a value or a seed has another result in each trial, so it is
    called in each.

    Parameters
    ----------
    name
        The function's name in the cell; "" for no function.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._result: list[Any] = []  # one, once it is there
        self._watch: InputsWatch | None = None

    def stand_in(self, namespace: dict[str, Any]) -> None:
        """Replace the function in a namespace that has it."""
        function = namespace.get(self._name)
        if callable(function):
            namespace[self._name] = lambda: self._result_of(function)

    def changes(self) -> list[Change]:
        """Return what trials changed of the result since the last call: the next start from it."""
        return [] if self._watch is None else self._watch.changes()

    def _result_of(self, function: Any) -> Any:
        if self._result:
            return self._result[0]
        with kept_random_state():
            result, has_asked = _called(function)
        if not has_asked:
            self._result.append(result)
            self._watch = InputsWatch(lambda: {f"the result of {self._name}()": result})
        return result


def _called(function: Any) -> tuple[Any, bool]:
    """Return a function's result, and whether the function asked `hp` for a value or a seed."""
    trial = current_trial()
    if trial is None:
        return function(), False
    n_asked, used_seed = len(trial.asked), trial.used_seed
    trial.used_seed = False
    try:
        result = function()
        return result, trial.used_seed or len(trial.asked) > n_asked
    finally:
        trial.used_seed |= used_seed
