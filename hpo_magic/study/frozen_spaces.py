"""Write a trial's values in the place of `hp.from_space(…)`: a dict of values, as it returned it.

The cell's text has the space as a variable. It is built again: from the notebook's variables, and
from the imports and assignments of the cell that it needs.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from hpo_magic.core.events import Run
from hpo_magic.core.log import caught
from hpo_magic.core.trial import Trial
from hpo_magic.errors import HpoError
from hpo_magic.language.spaces import value_from
from hpo_magic.language.trial_context import TrialContext, running
from hpo_magic.source.hp_calls import Source, read_source
from hpo_magic.source.rewriting import Rewriting


def without_spaces(
    text: str, trial: Trial, namespace: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return a cell with values in the place of `hp.from_space(…)`, and the other parameters.

    Parameters
    ----------
    text
        The cell. The lines of the result are its lines.
    trial
        Has the values.
    namespace
        The notebook's variables.

    Raises
    ------
    HpoError
        If the space cannot be built again, or a value cannot be written as text.
    """
    source = read_source(text)
    calls = [node for node in source.parents if isinstance(node, ast.Call) and _is_of_space(node)]
    rewriting = Rewriting(source)
    taken: set[str] = set()
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        value, names = _value(source, call, trial, namespace)
        taken |= names
        written = _written(call, value)
        n_missing = rewriting.text_of(call).count("\n")
        rewriting.replace(call, f"({written}{chr(10) * n_missing})" if n_missing else written)
    params = {name: value for name, value in trial.params.items() if name not in taken}
    return (rewriting.text() if calls else text), params


def _is_of_space(call: ast.Call) -> bool:
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr == "from_space"
    return is_method and len(call.args) == 1


def _value(
    source: Source, call: Any, trial: Trial, namespace: Mapping[str, Any]
) -> tuple[Any, set[str]]:
    """Return what a call returned in a trial, and the names of the parameters that it asked for."""
    space = _space(source, call, namespace)
    run = Run(trial.number, trial.params, trial.kind, trial.seed)
    context = TrialContext(run, _unreported)
    with running(context):
        value = value_from(space)
    return value, set(context.asked)


def _unreported(step: int, metrics: Mapping[str, float], n_steps: int | None = None) -> None:
    """Take a report and do nothing: no training runs."""


def _space(source: Source, call: Any, namespace: Mapping[str, Any]) -> Any:
    argument = call.args[0]
    variables = dict(namespace)
    try:
        for statement in _needed(source, argument, call.lineno):
            exec(compile(ast.Module([statement], []), "<space>", "exec"), variables)  # noqa: S102
        return eval(compile(ast.Expression(argument), "<space>", "eval"), variables)  # noqa: S307
    except Exception as error:  # noqa: BLE001  (code of the user's)
        caught("a space could not be built again")
        raise HpoError(
            f"The cell cannot be frozen: the space of hp.from_space on line {call.lineno + 1} "
            f"cannot be built again ({type(error).__name__}: {error}). Put it into a variable of "
            f"the notebook, or write study.best_params."
        ) from None


def _needed(source: Source, argument: ast.expr, line: int) -> list[ast.stmt]:
    """Return the cell's imports and assignments that an expression needs, in their order."""
    wanted = {node.id for node in ast.walk(argument) if isinstance(node, ast.Name)}
    found: list[ast.stmt] = []
    for statement in reversed([s for s in source.tree.body if s.lineno < line]):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found.append(statement)
        elif isinstance(statement, ast.Assign) and wanted & set(_bound(statement)):
            found.append(statement)
            wanted |= {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
    return found[::-1]


def _bound(statement: ast.Assign) -> list[str]:
    return [n.id for t in statement.targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def _written(call: Any, value: Any) -> str:
    """Return the text of a value.

    Raises
    ------
    HpoError
        If it holds an object that no text gives back.
    """
    text = repr(value)
    try:
        is_same = repr(ast.literal_eval(text)) == text
    except (ValueError, SyntaxError):
        is_same = False
    if not is_same:
        raise HpoError(
            f"The cell cannot be frozen: hp.from_space on line {call.lineno + 1} gave an object "
            f"that no text gives back ({text[:60]}). Choose among texts or numbers, or take "
            f"study.best_params."
        )
    return text
