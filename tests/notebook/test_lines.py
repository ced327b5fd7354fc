"""The search as text, and who gets which form of it."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from made_up_searches import a_search

from hpo_magic.core.events import Completed, Failed, Freed, Noted, Outcome, Reported
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Space
from hpo_magic.core.trial import Direction, Failure, Goal, Kind, State, Trial
from hpo_magic.notebook.lines import ProgressLine, TrialLog
from hpo_magic.notebook.listener import Silent, make_listener, ui_for
from hpo_magic.notebook.panel.panel import Panel
from hpo_magic.testing.fakes import FakeClock

NAMELESS = Failure("NameError", "name 'y' is not defined", 3)
FAILED = Trial(0, State.FAILED, {}, Kind.START, failure=NAMELESS)


def mistaken(*trials: Trial) -> Snapshot:
    """Return a search that ended since its trials failed."""
    goal = Goal("value", Direction.MAXIMIZE)
    message = "Mind the direction."
    return Snapshot("s", (goal,), Space(), trials, notices=(message,), has_failed=True)


def ended(number: int) -> Completed:
    """Return the end of a trial."""
    return Completed(number, Outcome(), 0.0)


def test_log_has_one_line_for_each_trial() -> None:
    """Also for those that failed; epochs write nothing, messages are written once."""
    out = io.StringIO()
    log = TrialLog(out)
    search = a_search(12, notices=("Going on.",))
    failed = Failed(3, Failure("ValueError", ""), Outcome(), 0.0)
    for event in (None, ended(0), Reported(1, 1, {}, 0.0), failed, Noted("Going on.")):
        log.notice(event, lambda: search)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Going on."
    assert lines[1].startswith("✓ trial 0 val_accuracy")
    assert lines[2].startswith("✗ trial 3 failed on line 8")
    assert len(lines) == 3


def test_log_tells_what_a_sampler_says_before_its_trials() -> None:
    """A free worker makes the sampler look at the space; what it says of it stands above."""
    out = io.StringIO()
    log = TrialLog(out)
    log.notice(Freed(1, 0.0), lambda: a_search(1, notices=("The grid has 30 settings.",)))
    assert out.getvalue() == "The grid has 30 settings.\n"


def test_what_fails_as_a_whole_writes_nothing() -> None:
    """Its error is all there is; the terminal's line is overwritten."""
    search = mistaken(FAILED)
    for message in (Noted("Mind the direction."), Freed(0, 0.0)):
        out, line = io.StringIO(), io.StringIO()
        for listener in (TrialLog(out), ProgressLine(line, FakeClock())):
            listener.notice(None, lambda: search)
            listener.notice(message, lambda: search)
            listener.notice(Failed(0, NAMELESS, Outcome(), 0.0), lambda: search)
            listener.close(search)
        assert out.getvalue() == ""
        assert line.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip() == ""
        assert "\n" not in line.getvalue()


def test_what_was_held_is_written_once_a_trial_is_complete() -> None:
    """In its order: messages, the failed trial, the complete one. Or at an end by the user."""
    complete = replace(FAILED, number=1, state=State.COMPLETE, value=1.0, failure=None)
    for last in ("complete", "stopped"):
        out = io.StringIO()
        log = TrialLog(out)
        log.notice(None, lambda: replace(mistaken(FAILED), has_failed=False))
        log.notice(Failed(0, NAMELESS, Outcome(), 0.0), lambda: mistaken(FAILED))
        assert out.getvalue() == ""
        if last == "complete":
            log.notice(ended(1), lambda: mistaken(FAILED, complete))
        else:
            log.close(replace(mistaken(FAILED), has_failed=False))
        first, second, third = out.getvalue().splitlines()[:3]
        assert first == "Mind the direction."
        assert second.startswith("✗ trial 0 failed")
        assert third.startswith("✓ trial 1" if last == "complete" else "s: ")


def test_a_search_that_goes_on_keeps_its_result() -> None:
    """Trials of earlier runs are complete, also outside the ranges: the result is shown."""
    complete = replace(FAILED, number=1, state=State.COMPLETE, value=1.0, failure=None)
    aside = replace(mistaken(FAILED), set_aside=(complete,))
    for search in (mistaken(FAILED, complete), aside):
        out = io.StringIO()
        TrialLog(out).close(search)
        assert "Trial 0 failed" in out.getvalue()


def test_log_ends_with_the_result() -> None:
    """As text, or as the notebook shows it."""
    out = io.StringIO()
    TrialLog(out).close(a_search(12))
    assert "best seen" in out.getvalue()
    given: list[Any] = []
    TrialLog(io.StringIO(), given.append).close(a_search(12))
    assert len(given) == 1


def test_log_goes_where_standard_output_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Prints of a trial are kept apart; the log is not among them."""
    log = TrialLog()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO())
        log.notice(ended(0), lambda: a_search(12))
    assert "trial 0" in capsys.readouterr().out


def test_progress_writes_over_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line of the terminal's width, five times a second at most; messages stay above it."""
    monkeypatch.setenv("COLUMNS", "60")
    out, clock = io.StringIO(), FakeClock()
    line = ProgressLine(out, clock)
    line.notice(None, lambda: a_search(12, notices=("Going on.",)))
    assert out.getvalue().count("\n") == 1
    clock.advance(0.1)
    line.notice(ended(0), lambda: a_search(13))
    assert "13 of 40" not in out.getvalue()
    clock.advance(0.2)
    line.notice(ended(0), lambda: a_search(13, notices=("Going on.",)))
    written = out.getvalue().split("\r")
    assert written[-1].startswith("digits: 13 of 40 trials done")
    assert all(len(text.rstrip("\n")) < 60 for text in written)


def test_progress_ends_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is gone, the block is there."""
    monkeypatch.setenv("COLUMNS", "60")
    out = io.StringIO()
    ProgressLine(out).close(a_search(12, is_running=False))
    last = out.getvalue().rsplit("\r", 1)[1]
    assert last.startswith("digits: maximize val_accuracy\n")
    assert last.endswith("\n")


def kernel(allow_stdin: bool) -> Any:
    """Return a shell in a kernel whose frontend can be asked, or not."""
    return SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=allow_stdin, comm_manager=object()))


def test_widgets_need_somebody_who_can_click() -> None:
    """A notebook with a reader gets widgets; nbclient, a terminal and plain Python get text."""
    assert ui_for(kernel(True)) == "widgets"
    assert ui_for(kernel(False)) == "text"
    assert ui_for(SimpleNamespace()) == ui_for(None) == "text"


def test_a_kernel_without_comms_or_without_ipywidgets_shows_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No widget could be shown there."""
    assert ui_for(SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=True))) == "text"
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert ui_for(kernel(True)) == "text"


def test_the_user_s_choice_comes_first() -> None:
    """Widgets where nobody seems to be, text where somebody is, nothing at all."""
    controls: Any = SimpleNamespace(is_paused=False, can_narrow=False)
    assert isinstance(make_listener("widgets", None, controls), Panel)
    assert isinstance(make_listener("text", kernel(True), controls), TrialLog)
    assert isinstance(make_listener("auto", None, controls), TrialLog)
    assert isinstance(make_listener("none", kernel(True), controls), Silent)


@pytest.mark.parametrize(("is_terminal", "kind"), [(True, ProgressLine), (False, TrialLog)])
def test_a_script_overwrites_only_a_terminal(
    is_terminal: bool, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, a pipe and marimo's console get a line for each trial."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    controls: Any = SimpleNamespace(is_paused=False, can_narrow=False)
    assert isinstance(make_listener("auto", None, controls), kind)


def test_a_message_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays on the screen, so the terminal may break it; only the progress line is cut."""
    monkeypatch.setenv("COLUMNS", "20")
    out = io.StringIO()
    message = "No trial is left to run: 12 of 12 trials are done."
    ProgressLine(out, FakeClock()).notice(None, lambda: a_search(12, notices=(message,)))
    assert f"\r{message}\n" in out.getvalue()


def test_silence_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    """No output, whatever happens."""
    silent = Silent()
    silent.notice(ended(0), lambda: a_search(1))
    silent.close(a_search(1))
    assert capsys.readouterr().out == ""
