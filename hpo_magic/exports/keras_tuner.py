"""The chosen setting as KerasTuner's `HyperParameters`, for `build_model(study.best_hp)`."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from hpo_magic.core.domains import Choice, Int
from hpo_magic.core.log import suppressed
from hpo_magic.core.space import Parameter, Params, Space
from hpo_magic.errors import HpoError

if TYPE_CHECKING:
    import keras_tuner


def to_hyperparameters(space: Space, params: Params) -> keras_tuner.HyperParameters:
    """Return hyperparameters whose values are `params`; a call for another name is its default.

    Ranges are there, too, where KerasTuner has such ones: not those of choices of several types.

    Raises
    ------
    HpoError
        If KerasTuner is not installed.
    """
    if find_spec("keras_tuner") is None:
        raise HpoError("best_hp needs KerasTuner, which is not installed: pip install keras-tuner")
    import keras_tuner

    made = keras_tuner.HyperParameters()
    for name, parameter in space.items():
        if name in params:
            with suppressed(f"KerasTuner has no range like that of {name}", ValueError, TypeError):
                _declare(made, name, parameter)
    made.values = dict(params)
    return made


def _declare(made: Any, name: str, parameter: Parameter) -> None:
    domain = parameter.domain
    if isinstance(domain, Choice):
        made.Choice(name, list(domain.values), ordered=domain.ordered or None)
        return
    sampling = "log" if domain.log else "reverse_log" if domain.reverse_log else "linear"
    declare = made.Int if isinstance(domain, Int) else made.Float
    declare(name, domain.low, domain.high, step=domain.step, sampling=sampling)
