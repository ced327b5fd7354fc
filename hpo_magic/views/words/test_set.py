"""A test evaluation in words: rows that the search used, the interval, earlier evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from hpo_magic.core.ledger import N_SHOWN, LedgerFault, Tampering
from hpo_magic.honesty.intervals import N_DRAWS
from hpo_magic.honesty.leaks import Overlap
from hpo_magic.honesty.measured import Basis, Measured
from hpo_magic.views.words.numbers import counted, number


def names_text(names: Sequence[str]) -> str:
    """Return the warning before a search whose cell reads these names; "" if there are none."""
    if not names:
        return ""
    one = len(names) == 1
    listed, which, them = (
        ", ".join(names),
        "which is" if one else "which are",
        "it" if one else "them",
    )
    return (
        f"The cell reads {listed}, {which} test data by name. A score on data that the search uses "
        f"is no test: tune on validation data, and read {them} in %%hpo_test only."
    )


def leak_text(leak: Overlap, *, is_fitted: bool) -> str:
    """Return how many test rows the search used, or only read; `leak` is one.

    >>> leak_text(Overlap(412, 450, 0.0), is_fitted=True)
    '412 of 450 test rows were used in the search, so this is not a valid test'
    """
    how = "used in the search" if is_fitted else "in the data that the search read"
    rows = counted(leak.n_rows, "test row")
    return f"{leak.n_found:,} of {rows} were {how}, so this is not a valid test"


def whole_text(name: str) -> str:
    """Return that a test cell reads an array of the search, which does not count as test data.

    >>> whole_text("x_rest")
    'x_rest is data of the search: not counted among the test rows'
    """
    return f"{name} is data of the search: not counted among the test rows"


def basis_text(found: Measured) -> str:
    """Return what the interval of a test value is based on, or why there is none."""
    rows = counted(found.n_rows or 0, "row")
    match found.basis:
        case Basis.SHARE:
            return f"a share of {rows}"
        case Basis.MEAN:
            return f"the mean of {rows}"
        case Basis.BOOTSTRAP:
            return f"{N_DRAWS:,} bootstrap samples of the {rows}"
        case Basis.BARE_NUMBER:
            return (
                "no interval: the rows behind the number are not known. End the cell with "
                'hp.score("accuracy", y_test, predictions), or another metric'
            )
        case Basis.UNDEFINED:
            return "no interval: the score is undefined on most bootstrap samples of these rows"
        case Basis.ONE_ROW:
            return "no interval: one row has no spread"


def repeated_text(
    evaluation: int, used_on: date, before: float | None, value: float | None, study: str = ""
) -> str:
    """Return what a second or later evaluation of the same rows is worth.

    Parameters
    ----------
    evaluation
        Its number, from 2.
    used_on, before
        Day and value of the first evaluation; the value is None if it had none.
    value
        The value of this one; None if the cell gave none.
    study
        The study of the first evaluation, where it is another one.

    >>> repeated_text(2, date(2026, 3, 1), 0.91, 0.92)
    'evaluation 2: this test set was used on 2026-03-01 (0.9100); treat 0.9200 as validation'
    """
    if evaluation < 2:
        raise ValueError(f"only a second or later evaluation follows one, got {evaluation}")
    was = "" if before is None else f" ({number(before)})"
    by = f" by study {study}" if study else ""
    now = "its result" if value is None else number(value)
    day = used_on.isoformat()
    return (
        f"evaluation {evaluation}: this test set was used on {day}{by}{was}; treat {now} as "
        f"validation"
    )


def ledger_text(number: int, head: str) -> str:
    """Return where a test evaluation is in the ledger, and the head that it has there.

    >>> ledger_text(3, "5d41402abc4b2a76b9719d911017c592")
    'ledger entry 3, hash 5d41402abc4b'
    """
    return f"ledger entry {number:,}, hash {head[:N_SHOWN]}"


def fault_text(fault: LedgerFault) -> str:
    """Return what was changed in the ledger after it was written, and what that means.

    >>> fault_text(LedgerFault(Tampering.EDITED, 3, entry=2)).partition(": ")[2]
    'entry 2 of 3 does not match its hash, so how often a test set was used is not known'
    """
    n = "1 entry" if fault.n_entries == 1 else f"{fault.n_entries:,} entries"
    match fault.what:
        case Tampering.EDITED:
            how = f"entry {fault.entry:,} of {fault.n_entries:,} does not match its hash"
        case Tampering.SHORTENED:
            how = f"it has {n}, and the latest evaluation of study {fault.study} is not among them"
    return (
        f"the ledger of test evaluations was changed: {how}, so how often a test set was used is "
        f"not known"
    )
