"""What changed between two states of what a cell reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpo_magic.inputs.reading import Kind, Role
from hpo_magic.inputs.state import State


@dataclass(frozen=True)
class Change:
    """A part of a variable that changed.

    Attributes
    ----------
    path
        Which part: "cv.random_state".
    kind
        What it is.
    variable
        The variable, or the part of it that the code reads.
    """

    path: str
    kind: Kind
    variable: str


def changes(before: State, after: State, *, is_refitted_from_scratch: bool = True) -> list[Change]:
    """Return what the code changed of what it reads, the outermost object of each change alone.

    Not a change: a result that `lru_cache` keeps from now on; and what the `fit` of an estimator
    left, if the next `fit` overwrites it.

    Parameters
    ----------
    is_refitted_from_scratch
        False if the code calls `partial_fit`, which goes on from what was fitted.
    """
    found: dict[str, Change] = {}
    for path in sorted(_differing(before, after, is_refitted_from_scratch), key=len):
        part = after.parts.get(path) or before.parts[path]
        change = _outermost(Change(path, part.kind, part.root), after)
        found.setdefault(change.path, change)
    return [change for change in found.values() if not _is_within(change, found)]


def refitted(before: State, after: State) -> set[str]:
    """Return the variables with estimators that the code fitted, from scratch."""
    both = before.parts.keys() | after.parts.keys()
    parts = [(before.parts.get(path), after.parts.get(path)) for path in both]
    return {
        (one or other).root  # type: ignore[union-attr]
        for one, other in parts
        if one != other and Role.FITTED in {part.role for part in (one, other) if part}
    }


def _differing(before: State, after: State, is_refitted: bool) -> Iterator[str]:
    for path in before.parts.keys() | after.parts.keys():
        one, other = before.parts.get(path), after.parts.get(path)
        if one is not None and other is not None and one.digest == other.digest:
            continue
        role = (one or other).role  # type: ignore[union-attr]
        if role is Role.FITTED and is_refitted:
            continue
        if role is Role.CACHED and (one is None or other is None):
            continue
        yield path


def _outermost(change: Change, state: State) -> Change:
    """Return a change inside a model, random state, iterator or table as one of the whole."""
    path = change.path
    for end in range(len(change.variable), len(path)):
        part = state.parts.get(path[:end])
        if part is not None and _is_one_thing(part.kind, path[end:]):
            return Change(path[:end], part.kind, change.variable)
    return change


def _is_one_thing(kind: Kind, inside: str) -> bool:
    """Return whether what lies inside an object is no part that a user would name."""
    if kind is Kind.WEIGHTS:
        return inside.startswith((".state", ".optimizer"))
    if kind is Kind.ESTIMATOR:
        attribute = inside[1:].partition(".")[0].partition("[")[0]
        return attribute.startswith("_") or attribute.endswith("_")
    return kind in (Kind.ARRAY, Kind.RANDOM, Kind.ITERATOR, Kind.TABLE)


def _is_within(change: Change, found: dict[str, Change]) -> bool:
    """Return whether another change is of an object that holds this one."""
    return any(
        change.path != other and change.path.startswith(other) and change.path[len(other)] in ".[("
        for other in found
    )
