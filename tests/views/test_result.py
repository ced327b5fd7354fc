"""The result that stays, the texts of a terminal, and the texts of the panel."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from made_up_searches import a_search

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Goal
from hpo_magic.views.live import current_html, header_html, log_html, numbers_html
from hpo_magic.views.result import result_figure, result_html
from hpo_magic.views.text import current_text, progress_line, result_text, trial_lines

EVIL = '<img src=x onerror="alert(1)">'


@pytest.mark.parametrize("page", [result_html, header_html, numbers_html, current_html, log_html])
def test_everything_from_the_user_is_escaped(page: Callable[[Snapshot], str]) -> None:
    """Study, metric, choices, messages and exceptions: text, never markup."""
    shown = page(a_search(20, name=EVIL, goals=(Goal(EVIL, Direction.MAXIMIZE),), notices=(EVIL,)))
    assert "<img" not in shown
    assert "<script" not in shown


def test_result_has_the_three_numbers_and_the_trials() -> None:
    """Start, best seen and test, the best setting beside the start's, the cut table."""
    page = result_html(a_search(200, is_running=False))
    for part in (
        "start",
        "best seen",
        "biased upwards",
        "%%hpo_test digits",
        "all trials are done",
    ):
        assert part in page
    assert "20 of 200 trials" in page
    assert len(page) < 30_000


def test_result_never_speaks_of_a_best_score() -> None:
    """The best validation value is not called the result."""
    made = a_search(30, is_running=False)
    for text in (result_html(made), result_text(made)):
        assert "best score" not in text
        assert "best seen" in text


def test_result_of_nothing() -> None:
    """A search that was stopped before its first trial ended says so, without a picture."""
    made = a_search(0, is_running=False)
    assert "not run yet" in result_html(made)
    assert "not run yet" in result_text(made)
    assert result_figure(made) is None


def test_progress_is_one_line() -> None:
    """Counts, best, current trial and time."""
    line = progress_line(a_search(12))
    assert "\n" not in line
    for part in ("12 of 40 trials done", "best seen", "trial 12, epoch 1", "left"):
        assert part in line


def test_trial_lines_are_one_line_each() -> None:
    """Complete, failed and stopped trials; a message of two lines is cut."""
    made = a_search(20)
    lines = trial_lines(made, made.trials)
    assert not any("\n" in line for line in lines)
    assert lines[0].startswith("✓ trial 0 val_accuracy")
    assert lines[3].startswith("✗ trial 3 failed on line 8")
    assert sum("★ best seen so far" in line for line in lines) == 1


def test_current_text_without_a_running_trial() -> None:
    """Between trials there is nothing to say."""
    assert current_text(a_search(3, is_running=False)) == ""


def test_a_long_table_is_folded_away() -> None:
    """Beyond ten trials; a short one is seen."""
    assert "<details>" not in result_html(a_search(9, is_running=False))
    assert "<details>" in result_html(a_search(30, is_running=False))
