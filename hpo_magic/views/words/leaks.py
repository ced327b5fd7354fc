"""Leaks before a search, in one sentence each: what happened, where, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hpo_magic.honesty.early_leaks import Copies
from hpo_magic.source.flow import Finding, Kind, Place
from hpo_magic.views.words.numbers import counted

LONGEST_LINE = 70  # characters of a line of code in a sentence
_DONE: Mapping[Kind, str] = {
    Kind.FITTED: "{what} was fitted on rows that are validated on, too",
    Kind.STATISTIC: "the {what} of all rows, those that are validated on included, is in the "
    "features",
    Kind.GROUPS: "a statistic of groups was computed with the rows that are validated on, too",
    Kind.SELECTED: "columns were selected by rows that are validated on, too",
    Kind.COPIES: "copies of rows were made before the split, so some of them are in both parts",
    Kind.MODEL: "the model was fitted on the rows that it is scored on",
    Kind.TIME: "rows in the order of time are split at random, and trainings see the future",
}
_CURES: Mapping[Kind, str] = {
    Kind.FITTED: "Fit it on the training rows, or in a Pipeline in the cell",
    Kind.STATISTIC: "Compute it from the training rows",
    Kind.GROUPS: "Compute it from the training rows",
    Kind.SELECTED: "Select by the training rows, or in a Pipeline in the cell",
    Kind.COPIES: "Split first, and copy training rows alone",
    Kind.MODEL: "Score it on other rows",
    Kind.TIME: "Split in order: TimeSeriesSplit, or train_test_split(…, shuffle=False)",
}


def findings_texts(findings: Iterable[Finding]) -> list[str]:
    """Return a sentence for each kind of finding in a cell."""
    together: dict[tuple[Kind, int], list[Finding]] = {}
    for one in findings:
        together.setdefault((one.kind, one.place.cell), []).append(one)
    texts = []
    for several in together.values():
        what = " and ".join(dict.fromkeys(one.what for one in several))
        texts.append(finding_text(min(several, key=lambda one: one.place)._replace(what=what)))
    return texts


def finding_text(finding: Finding) -> str:
    """Return what was done with rows before they were split.

    >>> place, split = Place(3, 2, "X = scaler.fit_transform(X)"), Place(4, 1, "")
    >>> print(finding_text(Finding(Kind.FITTED, "StandardScaler", place, split)))
    Leak in cell [3], line 2 (X = scaler.fit_transform(X)): StandardScaler was fitted on rows that \
are validated on, too (split in cell [4], line 1), so the scores are too good. Fit it on the \
training rows, or in a Pipeline in the cell.
    """
    done = _DONE[finding.kind].format(what=finding.what)
    split = ""
    if finding.split is not None and finding.split[:2] != finding.place[:2]:
        split = f" (split in {place_text(finding.split, with_code=False)})"
    return (
        f"Leak in {place_text(finding.place)}: {done}{split}, so the scores are too good. "
        f"{_CURES[finding.kind]}."
    )


def place_text(place: Place, *, with_code: bool = True) -> str:
    """Return where a line stands: "cell [3], line 2", or "line 4 of this cell"."""
    where = f"cell [{place.cell}], line {place.line}"
    if not place.cell:
        where = f"line {place.line} of this cell"
    code = place.text if len(place.text) <= LONGEST_LINE else f"{place.text[:LONGEST_LINE]}…"
    return f"{where} ({code})" if with_code and code else where


def shared_rows_text(train: str, held_out: str, found: Copies, place: Place | None) -> str:
    """Return that validation rows are training rows.

    >>> print(shared_rows_text("x_train", "x_val", Copies(30, 90), None))
    Leak: 30 of 90 rows of x_val are in x_train, too, so the scores are too good. Validate on rows \
that are not trained on.
    """
    return (
        f"Leak{_where(place)}: {found.n_copies:,} of {counted(found.n_rows, 'row')} of {held_out} "
        f"are in {train}, too, so the scores are too good. Validate on rows that are not trained "
        f"on."
    )


def repeated_rows_text(name: str, found: Copies, place: Place | None) -> str:
    """Return that rows with copies are split.

    >>> print(repeated_rows_text("X", Copies(40, 300), None))
    Leak: 40 of 300 rows of X are copies of others, and the split puts some of them into both \
parts, so the scores are too good. Split first, and copy training rows alone.
    """
    return (
        f"Leak{_where(place)}: {found.n_copies:,} of {counted(found.n_rows, 'row')} of {name} are "
        f"copies of others, and the split puts some of them into both parts, so the scores are "
        f"too good. Split first, and copy training rows alone."
    )


def target_text(features: str, column: str, target: str, place: Place | None) -> str:
    """Return that a feature tells the target.

    >>> print(target_text("X", "'price'", "y", Place(2, 1, "")))
    Leak in cell [2], line 1: column 'price' of X is the target y, or tells it exactly, so the \
scores are too good. Leave it out.
    """
    return (
        f"Leak{_where(place)}: column {column} of {features} is the target {target}, or tells it "
        f"exactly, so the scores are too good. Leave it out."
    )


def scaled_text(name: str, place: Place | None) -> str:
    """Return that rows were standardized together before they were split.

    >>> print(scaled_text("X", None))
    Leak: X was standardized with the rows that are validated on, too, so the scores are too good. \
Scale with the mean of the training rows, or in a Pipeline in the cell.
    """
    return (
        f"Leak{_where(place)}: {name} was standardized with the rows that are validated on, too, "
        f"so the scores are too good. Scale with the mean of the training rows, or in a Pipeline "
        f"in the cell."
    )


def _where(place: Place | None) -> str:
    return "" if place is None else f" in {place_text(place)}"
