"""The value of a parameter that other tools' spaces and trials describe, by a given name."""

from __future__ import annotations

from typing import Any

from hpo_magic.core.describe import Described
from hpo_magic.core.space import Parameter
from hpo_magic.language.trial_context import current_trial


def value_of(name: str, described: Described) -> Any:
    """Return the trial's value of a parameter, as the user's object; outside a trial the default.

    Raises
    ------
    SpaceError
        If the name was asked for with another range before.
    """
    trial = current_trial()
    parameter = Parameter(name, described.domain, described.default)
    if trial is None:
        return described.object_of(parameter.default)
    value = described.object_of(trial.ask(parameter))
    trial.objects[name] = value
    return value
