"""Samplers: functions from space, history and seed to the next setting."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from hpo_magic.core.ports import Sampler
from hpo_magic.core.registry import load
from hpo_magic.errors import OptionError, did_you_mean

__all__ = ["LIBRARIES", "SAMPLERS", "make_sampler", "require_library"]

# Where each sampler is: its module is imported when it is made, as some load large libraries.
SAMPLERS = {
    "bayes": "hpo_magic.samplers.bayes:BayesSampler",
    "tpe": "hpo_magic.samplers.tpe:TpeSampler",
    "genetic": "hpo_magic.samplers.genetic:GeneticSampler",
    "random": "hpo_magic.samplers.random:RandomSampler",
    "sobol": "hpo_magic.samplers.sobol:SobolSampler",
    "grid": "hpo_magic.samplers.grid:GridSampler",
}
# What those need that is not installed with the package; the extra is named like the sampler.
LIBRARIES = {"tpe": "Hyperopt", "genetic": "pymoo"}


# Those that learn from one number for each trial; the others do not care, or know several.
OF_ONE_NUMBER = frozenset({"bayes", "tpe"})


def make_sampler(name: str, *, several: bool = False) -> Sampler:
    """Return a new sampler of that name; with `several`, for several objectives.

    Raises
    ------
    OptionError
        If there is none, or its library is not installed.

    >>> from hpo_magic.core.domains import Int
    >>> from hpo_magic.core.space import Parameter, Space
    >>> from hpo_magic.core.trial import History
    >>> space = Space().declare(Parameter("units", Int(16, 512), 64))
    >>> make_sampler("random").suggest(space, History(number=1), seed=0)
    {'units': 458}
    """
    if name not in SAMPLERS:
        known = ", ".join(SAMPLERS)
        raise OptionError(f'no sampler "{name}".{did_you_mean(name, SAMPLERS)} There are: {known}.')
    require_library(name)
    try:
        made: Callable[..., Sampler] = load(SAMPLERS[name])
    except ImportError as error:
        if name not in LIBRARIES:
            raise
        raise _missing(name, f", and it cannot be imported: {error}") from None
    # Imported here, as they load SciPy.
    from hpo_magic.samplers.guided import Guided
    from hpo_magic.samplers.scalarized import Scalarized

    sampler = made()
    return Guided(Scalarized(sampler) if several and name in OF_ONE_NUMBER else sampler)


def require_library(name: str) -> None:
    """Check that the library of a sampler is installed, without loading it.

    Raises
    ------
    OptionError
        If it is not.
    """
    if name in LIBRARIES and find_spec(LIBRARIES[name].lower()) is None:
        raise _missing(name, ", which is not here")


def _missing(name: str, why: str) -> OptionError:
    install = f'Install it with: pip install "hpo_magic[{name}]"'
    return OptionError(f"the sampler {name} needs {LIBRARIES[name]}{why}. {install}")
