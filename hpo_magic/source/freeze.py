"""Write a trial's values into its cell: each `hp` call is replaced by the value it returned.

The text is edited in place, so comments and formatting stay. A call that the trial did not reach is
replaced by the value it returns outside a trial. A cell is refused where code outside of it asked
for values that cannot be given to that code.
"""

from __future__ import annotations

from collections.abc import Mapping

from hpo_magic.core.domains import Choice
from hpo_magic.source.call_names import Namespace
from hpo_magic.source.call_replacement import CallReplacement
from hpo_magic.source.cannot_freeze import refusal_of, refuse_elsewhere
from hpo_magic.source.hp_calls import read_source
from hpo_magic.source.matching import Matching


def freeze(
    source: str,
    params: Mapping[str, object],
    names: Mapping[str, str] | None = None,
    namespace: Namespace | None = None,
    *,
    domains: Mapping[str, Choice] | None = None,
    seed: int = 0,
    first_line: int = 1,
) -> str:
    """Return the text of a cell with `params` in the place of its `hp` calls.

    Parameters
    ----------
    source
        The cell as it was typed, IPython's own lines included.
    params
        The values by name; "units[2]" is that of the third pass.
    names
        `CallNames.names` of the trials of this cell. Without them names are read off the text,
        which needs the functions and classes that calls are passed to: see `namespace`.
    namespace
        Where names in the cell are looked up: signatures, objects among the choices.
    domains
        The choices by parameter: their labels in the order of the text, for objects that nothing in
        the text tells apart (`[L2(0.1), L2(0.2)]`), and which of them are objects.
    seed
        What `hp.seed()` returned.
    first_line
        The number that `names` gives the first line of `source`.

    Raises
    ------
    CannotFreeze
        If the name of a call cannot be told, or it stands where nothing can be put in its place.
    SyntaxError
        If `source` is not Python.

    Examples
    --------
    >>> freeze("units = hp.Int(32, 512)  # wide", {"units": 64})
    'units = 64  # wide'
    >>> print(freeze("units = [hp.Int(1, 9) for _ in 'ab']", {"units[0]": 3, "units[1]": 5}))
    _units = iter([3, 5])
    units = [next(_units) for _ in 'ab']
    """
    matching = matched(source, params, names, namespace, first_line)
    frozen = CallReplacement(matching, domains or {}, seed).text()
    refuse_elsewhere(matching, set((names or {}).values()))
    return frozen


def matched(
    source: str,
    params: Mapping[str, object],
    names: Mapping[str, str] | None,
    namespace: Namespace | None,
    first_line: int,
) -> Matching:
    """Return which values belong to which calls; the arguments are those of `freeze`.

    Raises
    ------
    CannotFreeze
        If a value may belong to a call whose name cannot be told.
    """
    recorded = None if names is None else names_of_text(names, first_line)
    matching = Matching(read_source(source), params, recorded, namespace or {})
    elsewhere = matching.elsewhere
    for hp_call in matching.doubtful if elsewhere else ():
        told = ", ".join(elsewhere)
        reason = f"may be one of {told}. Import what it is passed to, and freeze again."
        raise refusal_of(hp_call.call, reason)
    return matching


def names_of_text(names: Mapping[str, str], first_line: int) -> dict[str, str]:
    """Return the names in the cell by place, with its first line as line 1."""
    numbered: dict[str, str] = {}
    for place, name in names.items():
        origin, _, column = place.rpartition(":")
        if origin.isdecimal():
            numbered[f"{int(origin) - first_line + 1}:{column}"] = name
    return numbered
