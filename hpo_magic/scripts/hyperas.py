"""`optim.minimize(model=…, data=…, …)` of Hyperas, which need not be installed.

The model's function is translated as a cell with templates is, and searched as that cell.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from hpo_magic.core.domains import Choice
from hpo_magic.core.log import suppressed
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.errors import HpoError
from hpo_magic.scripts.tool_search import CannotTakeOver, ToolSearch, arguments_of
from hpo_magic.study.study import Study
from hpo_magic.tools.interception import Call

_NO_SOURCE = (
    "optim.minimize: the text of {name} is not there, and its templates stand in it. Define it in "
    "a cell of this notebook."
)


def read_minimize(call: Call) -> ToolSearch:
    """Return the search that `optim.minimize(…)` asks for.

    Raises
    ------
    CannotTakeOver
        If the text of the model's function is not there, or the space is asked for.
    """
    given = arguments_of(call)
    if given.get("return_space"):
        raise CannotTakeOver(
            "optim.minimize: return_space=True asks for Hyperopt's space, which is not made here. "
            "Write eval_space=True for the values themselves."
        )
    model, data = given["model"], given["data"]
    return ToolSearch(
        model,
        (Goal("loss", Direction.MINIMIZE),),
        trials=given["max_evals"],
        cell=_cell_of(model, data),
        result=lambda study: (_best_run(study, given), _best_model(study)),
    )


def _best_model(study: Study) -> Any:
    """Return the best model; None, with a warning, where the trials leave none, as Hyperas."""
    try:
        return study.best_model()
    except HpoError as error:
        warnings.warn(f"best_model is None: {error}", stacklevel=2)
        return None


def _best_run(study: Study, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the best setting as Hyperas: a choice by its position, unless values are asked for."""
    best = study.best_params
    if given.get("eval_space"):
        return best
    domains = {name: study.space[name].domain for name in best if name in study.space}
    return {
        name: domain.index(value) if isinstance(domain := domains.get(name), Choice) else value
        for name, value in best.items()
    }


def _cell_of(model: Callable[..., Any], data: Callable[..., Any]) -> str:
    """Return the text of both functions, the model's on its lines, and of Hyperas's call.

    The data's is left out where it is not there.
    """
    text = _text_of(model)
    if text is None:
        raise CannotTakeOver(_NO_SOURCE.format(name=model.__name__))
    loading = _text_of(data) or ""
    return f"{text}\n\n{loading}\n\noptim.minimize(model={model.__name__}, data={data.__name__})"


def _text_of(function: Callable[..., Any]) -> str | None:
    """Return the text of a function; None where it is not there, or it is a `lambda`."""
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return None
    return text if text.startswith(("def ", "@")) else None


def _minimize(
    model: Any,
    data: Any,
    algo: Any,
    max_evals: int,
    trials: Any,
    functions: Any = None,
    rseed: int = 1337,
    notebook_name: str | None = None,
    verbose: bool = True,
    eval_space: bool = False,
    return_space: bool = False,
    keep_temp: bool = False,
    data_args: Any = None,
) -> Any:
    """Stand where Hyperas's function is, with its parameters; a search takes the call over."""
    raise RuntimeError("Hyperas is not installed; under %%hpo its searches run without it.")


@contextmanager
def importable() -> Iterator[None]:
    """Have `from hyperas import optim` work while this is open, also without Hyperas.

    Hyperas's last version cannot be imported with Keras 3, so an installed one is tried first.
    """
    if _is_there():
        yield
        return
    names = ("hyperas", "hyperas.optim", "hyperas.distributions", "hyperas.utils")
    made = {name: ModuleType(name) for name in names}
    vars(made["hyperas.optim"])["minimize"] = _minimize
    distributions = ("choice", "uniform", "loguniform", "quniform", "normal", "randint")
    for name in (*distributions, "conditional", "lognormal", "qloguniform", "qnormal"):
        vars(made["hyperas.distributions"])[name] = _in_templates_alone
    vars(made["hyperas.utils"])["eval_hyperopt_space"] = _in_templates_alone
    for name in names[1:]:
        setattr(made["hyperas"], name.partition(".")[2], made[name])
    sys.modules.update(made)
    try:
        yield
    finally:
        for name in names:
            sys.modules.pop(name, None)


def _is_there() -> bool:
    if "hyperas.optim" in sys.modules:
        return True
    if find_spec("hyperas") is None:
        return False
    with suppressed("the installed Hyperas cannot be imported"):
        importlib.import_module("hyperas.optim")
        return True
    return False


def _in_templates_alone(*args: Any, **options: Any) -> Any:
    """Stand where Hyperas's distributions are; they have a meaning in templates alone."""
    raise RuntimeError("Hyperas's distributions have a value in {{…}} templates alone.")
