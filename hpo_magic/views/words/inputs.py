"""What a cell reads, in words: what it changed, what changed since, what could not be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpo_magic.inputs.changes import Change
from hpo_magic.inputs.reading import Kind

MOST_LISTED = 5


def changes_text(changes: Sequence[Change]) -> str:
    """Return the notice that the cell changes what it reads; "" if it does not."""
    if not changes:
        return ""
    what = listed([change_text(change) for change in changes])
    return (
        f"The cell changes data that it reads, in place: {what}. Each trial starts from what the "
        f"one before left. Work on a copy in the cell, or make it there."
    )


def change_text(change: Change) -> str:
    """Return what changed, in words.

    >>> change_text(Change("cv.random_state", Kind.RANDOM, "cv"))
    'the random state cv.random_state moved'
    """
    match change.kind:
        case Kind.WEIGHTS:
            return f"{change.path}'s weights changed"
        case Kind.RANDOM:
            return f"the random state {change.path} moved"
        case Kind.ITERATOR:
            return f"the iterator {change.path} was consumed"
        case Kind.ESTIMATOR:
            return f"{change.path} was fitted further"
    return f"{change.path} changed"


def unseen_text(unseen: Mapping[str, str]) -> str:
    """Return what a search cannot see of what the cell reads; "" if it sees everything.

    >>> unseen_text({"batches": "its position"})
    'Not compared between trials and runs: batches (its position).'
    """
    if not unseen:
        return ""
    what = listed([f"{path} ({part})" for path, part in unseen.items()])
    return f"Not compared between trials and runs: {what}."


def data_changed_text(variables: Sequence[str]) -> str:
    """Return why a new revision begins, where data or functions changed since the last run."""
    which = f" ({listed(variables)})" if variables else ""
    return f"What the cell reads changed{which}"


def not_checked_text(variables: Sequence[str]) -> str:
    """Return which variables of a test cell have rows that could not be compared; "" if none."""
    if not variables:
        return ""
    return (
        f"Not checked for rows that the search used: {listed(variables)}. Their rows are not in an "
        f"array that could be read"
    )


def listed(names: Sequence[str]) -> str:
    """Return names with commas, the first ones of many."""
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
