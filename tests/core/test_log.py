"""Errors that are caught are logged, and kept for a bug report without what they say."""

from __future__ import annotations

import logging

import pytest

from hpo_magic.core.log import EVENTS, MOST_FRAMES, RECENT, caught, note_event, suppressed


def test_a_suppressed_error_is_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """At debug level, on the logger `hpo_magic`."""
    with caplog.at_level(logging.DEBUG, logger="hpo_magic"), suppressed("drawing"):
        raise ValueError("secret")
    (record,) = caplog.records
    assert (record.name, record.levelname, record.message) == ("hpo_magic", "DEBUG", "drawing")
    assert record.exc_info is not None
    assert "ValueError: secret" in caplog.text


def test_nothing_is_shown_unless_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    """A notebook that has set up logging gets no line of ours."""
    with suppressed("drawing"):
        raise ValueError("secret")
    assert caplog.records == []


def test_the_kept_line_has_places_and_no_words_of_the_error() -> None:
    """What an error says may hold the user's data."""
    try:
        raise KeyError("secret")
    except KeyError:
        caught("a look-up")
    assert "a look-up: KeyError at " in RECENT[-1]
    assert "test_the_kept_line_has_places_and_no_words_of_the_error" in RECENT[-1]
    assert "secret" not in RECENT[-1]


def test_a_deep_traceback_is_cut_at_the_outer_end() -> None:
    """The innermost frames say where it happened."""

    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise RuntimeError

    with suppressed("recursion"):
        deep(30)
    assert RECENT[-1].count(" deep") == MOST_FRAMES


def test_other_errors_pass() -> None:
    """Where kinds are named."""
    with pytest.raises(KeyError, match="x"), suppressed("a file", OSError):
        raise KeyError("x")


def test_only_the_latest_lines_are_kept() -> None:
    """A search of thousands of reports costs no memory."""
    for number in range(1000):
        note_event("Reported", number)
    assert len(EVENTS) == EVENTS.maxlen
    assert EVENTS[-1].endswith(" Reported of trial 999")
