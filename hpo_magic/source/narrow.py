"""Write narrower ranges into a cell's `hp` calls.

The text is edited in place, so comments and formatting stay. Choices are not changed, nor are
bounds that are not plain numbers in the text.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from hpo_magic.source.call_names import Namespace
from hpo_magic.source.freeze import names_of_text
from hpo_magic.source.hp_calls import read_source
from hpo_magic.source.matching import Matching
from hpo_magic.source.rewriting import Rewriting
from hpo_magic.source.spelling import arguments_of


@dataclass(frozen=True)
class NewRange:
    """A narrower range of a parameter, and its default; `low` < `high`."""

    low: float
    high: float
    default: float


def narrow(
    source: str,
    ranges: Mapping[str, NewRange],
    names: Mapping[str, str] | None = None,
    namespace: Namespace | None = None,
    *,
    first_line: int = 1,
) -> str:
    """Return the text of a cell with `ranges` in the place of its own.

    Parameters
    ----------
    source, names, namespace, first_line
        As in `freeze`.
    ranges
        By the parameters' names; a call that gives several gets the range that holds theirs.

    Examples
    --------
    >>> narrow("lr = hp.Float(1e-4, 1e-1)  # rate", {"lr": NewRange(0.001, 0.01, 0.003)})
    'lr = hp.Float(0.001, 0.01)  # rate'
    """
    recorded = None if names is None else names_of_text(names, first_line)
    matching = Matching(read_source(source), ranges, recorded, namespace or {})
    rewriting = Rewriting(matching.source)
    for call, method in matching.calls:
        if method not in ("Int", "Float"):
            continue
        hp_call = matching.hp_call_of(call)
        found = [ranges[name] for name in matching.values_of(hp_call)]
        arguments = arguments_of(call, method, hp_call.given)
        bounds = [_number(arguments.get(name)) for name in ("min_value", "max_value")]
        if not found or None in bounds:
            continue
        low, high = min(each.low for each in found), max(each.high for each in found)
        rewriting.replace(arguments["min_value"], repr(low))
        rewriting.replace(arguments["max_value"], repr(high))
        default = _number(arguments.get("default"))
        if default is not None and not low <= default <= high:
            rewriting.replace(arguments["default"], repr(found[0].default))
    return rewriting.text()


def _number(node: ast.expr | None) -> float | None:
    """Return the number that stands there; None if it is none, or has to be computed."""
    try:
        value = None if node is None else ast.literal_eval(node)
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
