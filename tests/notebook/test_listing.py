"""The list of studies."""

from __future__ import annotations

from dataclasses import replace

from made_up_searches import a_search

from hpo_magic.core.records import StudyRecord
from hpo_magic.core.trial import Direction, Goal, Kind, State, Trial
from hpo_magic.notebook.listing import Listing
from hpo_magic.storage.sqlite import SqliteStorage


def a_storage() -> SqliteStorage:
    """Return two studies: one with a result in its second revision, one that never ran."""
    storage = SqliteStorage(None)
    for revision in (0, 0):
        record = storage.create(
            StudyRecord(0, "digits", revision, (Goal("f1<", Direction.MAXIMIZE),), 0, created=1e9)
        )
    for number, value in enumerate((0.71, 0.82)):
        trial = Trial(number, State.COMPLETE, {}, Kind.SEARCH, value=value)
        storage.save_trial(record.id, trial)
    storage.create(StudyRecord(0, "letters", 0, (), 0, created=1e9))
    return storage


def test_a_row_for_each_study() -> None:
    """Its latest revision, the latest used study last."""
    digits, letters = Listing.of(a_storage()).rows
    assert digits[:6] == ("digits", "2", "2", "maximize f1<", "0.82", "")
    assert letters[:6] == ("letters", "1", "0", "", "", "")
    assert digits[6].startswith("2001-09-")


def test_the_best_seen_stands_beside_what_to_expect() -> None:
    """Its head says that it is biased; the honest number is there where settings ran again."""
    storage, search = SqliteStorage(None), a_search(20, is_running=False)
    record = storage.create(StudyRecord(0, "digits", 0, search.goals, 0))
    storage.save_space(record.id, search.space)
    best = search.history.ranked[:2]
    again = [
        replace(t, number=100 + 2 * k + n, kind=Kind.RECHECK, seed=k + 1, used_seed=True, value=0.7)
        for k in range(3)
        for n, t in enumerate(best)
    ]
    for trial in (*search.trials, *again):
        storage.save_trial(record.id, trial)
    [row] = Listing.of(storage).rows
    assert float(row[4]) > 0.8
    assert row[5] == "0.7"


def test_as_text() -> None:
    """Columns under their heads."""
    head, digits, letters = repr(Listing.of(a_storage())).splitlines()
    assert head == ("study    revisions  trials  metric        best seen (biased)  honest  created")
    assert digits.startswith(f"digits   2          2       maximize f1<  0.82{' ' * 24}2001-09-")
    assert letters.startswith(f"letters  1          0{' ' * 50}2001-09-"[:40])


def test_as_html() -> None:
    """A table; what users named is escaped."""
    html = Listing.of(a_storage())._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td>maximize f1&lt;</td>" in html


def test_no_studies_yet() -> None:
    """It says how to begin."""
    listing = Listing.of(SqliteStorage(None))
    assert repr(listing) == (
        "No studies here yet. Put %%hpo NAME on top of a cell that trains a model."
    )
    assert listing._repr_html_() == repr(listing)
