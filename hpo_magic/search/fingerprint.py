"""The fingerprint of a search's code and data, and how it compares with a stored one.

A stored fingerprint may have been made by an older version of the package. Code and ranges are then
compared by the stored source. Data cannot be: then it is not compared, and the user is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo_magic.core.records import StudyRecord
from hpo_magic.inputs.state import changed_variables, has_variables
from hpo_magic.source.fingerprint import CodeFingerprint, code_fingerprint, format_of


@dataclass(frozen=True)
class Fingerprint:
    """What tells one cell from another; an empty part is not compared.

    Attributes
    ----------
    source
        The cell's text.
    code
        Of the text without its ranges.
    ranges
        Of the ranges, choices and defaults.
    data
        Of what the code reads from outside.
    """

    source: str = ""
    code: str = ""
    ranges: str = ""
    data: str = ""


@dataclass(frozen=True)
class Comparison:
    """What changed since a study was stored.

    Attributes
    ----------
    code, ranges, data
        Whether that changed.
    variables
        Those whose values changed; none where the stored fingerprint does not tell them apart.
    not_compared
        What could not be compared since its stored fingerprint has an older format: "code", "data".
    """

    code: bool
    ranges: bool
    data: bool
    variables: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()


def compare(stored: StudyRecord, now: Fingerprint) -> Comparison:
    """Return what changed between the stored revision of a study and now."""
    before = _code_as_now(stored, now)
    pairs = {
        "code": (before.code, now.code),
        "ranges": (before.ranges, now.ranges),
        "data": (stored.data, now.data),
    }
    not_compared = tuple(
        part
        for part, (one, other) in pairs.items()
        if part != "ranges" and one and other and format_of(one) != format_of(other)
    )
    changed = {
        part: bool(one and other) and one != other and part not in not_compared
        for part, (one, other) in pairs.items()
    }
    variables: list[str] = []
    if changed["data"] and has_variables(now.data):
        variables = changed_variables(stored.data, now.data)
        changed["data"] = bool(variables)  # else they differ in what is not compared
    return Comparison(**changed, variables=tuple(variables), not_compared=not_compared)


def _code_as_now(stored: StudyRecord, now: Fingerprint) -> CodeFingerprint:
    """Return the stored fingerprints of code and ranges, made again if their format is older."""
    is_older = format_of(stored.code) != format_of(now.code)
    if is_older and stored.source and now.source:
        return code_fingerprint(stored.source)
    return CodeFingerprint(stored.code, stored.ranges)
