"""The list of studies."""

from __future__ import annotations

from hpo_magic.core.ports import StudyRecord
from hpo_magic.core.trial import Direction, Kind, State, Trial
from hpo_magic.notebook.listing import Listing
from hpo_magic.storage.memory import MemoryStorage


def a_storage() -> MemoryStorage:
    """Return two studies: one with a result in its second revision, one that never ran."""
    storage = MemoryStorage()
    for revision in (0, 0):
        record = storage.create(
            StudyRecord(0, "digits", revision, "f1<", Direction.MAXIMIZE, 0, created=1e9)
        )
    for number, value in enumerate((0.71, 0.82)):
        trial = Trial(number, State.COMPLETE, {}, Kind.SEARCH, value=value)
        storage.save_trial(record.id, trial)
    storage.create(StudyRecord(0, "letters", 0, None, Direction.MINIMIZE, 0, created=1e9))
    return storage


def test_a_row_for_each_study() -> None:
    """Its latest revision, the latest used study last."""
    digits, letters = Listing.of(a_storage()).rows
    assert digits[:5] == ("digits", "2", "2", "maximize f1<", "0.82")
    assert letters[:5] == ("letters", "1", "0", "", "")
    assert digits[5].startswith("2001-09-")


def test_as_text() -> None:
    """Columns under their heads."""
    head, digits, letters = repr(Listing.of(a_storage())).splitlines()
    assert head == "study    revisions  trials  metric        best seen  created"
    assert digits.startswith("digits   2          2       maximize f1<  0.82       2001-09-")
    assert letters.startswith("letters  1          0                                2001-09-")


def test_as_html() -> None:
    """A table; what users named is escaped."""
    html = Listing.of(a_storage())._repr_html_()
    assert html.count("<tr>") == 3
    assert "<td>maximize f1&lt;</td>" in html


def test_no_studies_yet() -> None:
    """It says how to begin."""
    listing = Listing.of(MemoryStorage())
    assert repr(listing) == (
        "No studies here yet. Put %%hpo NAME on top of a cell that trains a model."
    )
    assert listing._repr_html_() == repr(listing)
