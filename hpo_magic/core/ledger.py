"""The ledger of test evaluations: entries chained by hashes, so that a later change is found.

The head of an entry is a hash of its text and of the head before it. Each study keeps the head of
its latest evaluation, and each test result prints one. So an entry that was edited, or removed from
any place, leaves a head that the ledger no longer has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from hpo_magic.core.records import TestEvaluation

N_SHOWN = 12  # characters of a head that are shown


class Tampering(Enum):
    """What was done to a ledger after it was written."""

    EDITED = "edited"  # an entry does not match its head: it, or one before it, was changed
    SHORTENED = "shortened"  # a study has the head of an entry that is gone


@dataclass(frozen=True)
class LedgerFault:
    """How a ledger differs from what was written.

    Attributes
    ----------
    what
        The kind of change that was found.
    entry
        The number of the first entry that does not match, from 1; 0 where entries are missing.
    study
        The study whose evaluation is missing; "" where an entry does not match.
    n_entries
        Entries that the ledger has.
    """

    what: Tampering
    n_entries: int
    entry: int = 0
    study: str = ""


@dataclass(frozen=True)
class Ledger:
    """All test evaluations of a folder of studies.

    Attributes
    ----------
    evaluations
        The entries, oldest first.
    heads
        The head of each entry: 32 hexadecimal digits.
    fault
        What was changed after it was written; None where nothing was found.
    """

    evaluations: tuple[TestEvaluation, ...] = ()
    heads: tuple[str, ...] = ()
    fault: LedgerFault | None = None

    @property
    def head(self) -> str:
        """The head of the last entry; "" of an empty ledger."""
        return self.heads[-1] if self.heads else ""


def next_head(head: str, text: str) -> str:
    """Return the head of an entry, from the head before it ("" for the first) and its text.

    >>> next_head("", "one") == next_head("", "two")
    False
    """
    return hashlib.blake2b(f"{head}\n{text}".encode(), digest_size=16).hexdigest()


def heads_of(texts: Iterable[str]) -> list[str]:
    """Return the heads that a ledger of these entries has."""
    heads: list[str] = []
    for text in texts:
        heads.append(next_head(heads[-1] if heads else "", text))
    return heads


def fault_of(
    texts: Sequence[str], stored: Sequence[str], kept: Iterable[tuple[str, str]]
) -> LedgerFault | None:
    """Return what was changed in a ledger after it was written; None if nothing was found.

    Parameters
    ----------
    texts
        The entries, oldest first.
    stored
        The head that was stored with each entry; "" for entries that were written before entries
        had heads. No such entry follows one that has a head.
    kept
        The names of studies, and the head that each keeps of its latest evaluation; "" is none.
    """
    heads = heads_of(texts)
    begun = False
    for number, (head, was) in enumerate(zip(heads, stored, strict=True), start=1):
        begun = begun or bool(was)
        if begun and was != head:
            return LedgerFault(Tampering.EDITED, len(texts), entry=number)
    gone = [study for study, head in kept if head and head not in heads]
    return LedgerFault(Tampering.SHORTENED, len(texts), study=gone[0]) if gone else None
