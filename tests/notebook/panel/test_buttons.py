"""What the panel's buttons do, and what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from displayed import Page, Shown, UserRequests
from made_up_searches import a_search

from hpo_magic.core.trial import Point, State
from hpo_magic.notebook.panel.buttons import NOT_LIVE
from hpo_magic.notebook.panel.panel import Panel
from hpo_magic.testing.fakes import FakeClock


def test_stop_is_asked_once_and_said(shown: Shown) -> None:
    """After the click nothing else can be clicked, and the sentence says what comes."""
    buttons = shown.panel.buttons
    buttons.stop.click()
    assert shown.requests.asked == ["stop"]
    assert buttons.stop.disabled
    assert buttons.skip.disabled
    assert "Stopping" in buttons.status.value
    shown.clock.advance(10)
    shown.show(a_search(13))
    assert buttons.skip.disabled


def test_pause_becomes_resume_and_back(shown: Shown) -> None:
    """The same button goes on; its word, not its colour, says which."""
    button = shown.panel.buttons.pause
    button.click()
    assert shown.requests.is_paused
    assert button.description == "Resume"
    button.click()
    assert not shown.requests.is_paused
    assert button.description == "Pause"


def test_skip_waits_for_the_next_trial(shown: Shown) -> None:
    """One trial cannot be skipped twice; with the next one it can be clicked again."""
    buttons = shown.panel.buttons
    buttons.skip.click()
    assert shown.requests.asked == ["skip"]
    assert buttons.skip.disabled
    shown.clock.advance(10)
    shown.show(a_search(13))
    assert not buttons.skip.disabled
    assert "Trial 12 was ended" in buttons.status.value


def test_skip_and_finish_act_on_a_trial_that_waits(shown: Shown) -> None:
    """A list has the trials that wait; it stays on the chosen one until that waits no longer."""
    buttons = shown.panel.buttons
    assert buttons.which.layout.display == buttons.finish.layout.display == "none"
    search = a_search(13)
    curve = tuple(Point(epoch, {"val_accuracy": 0.1}) for epoch in (1, 2, 3))
    waiting = [replace(search.trials[n], state=State.WAITING, curve=curve) for n in (5, 7)]
    others = [t for t in search.trials if t.number not in (5, 7)]
    trials = sorted((*others, *waiting), key=lambda t: t.number)
    shown.clock.advance(10)
    shown.show(replace(search, trials=tuple(trials)))
    assert buttons.which.layout.display == buttons.finish.layout.display == ""
    assert [number for _, number in buttons.which.options] == [-1, 5, 7]
    assert buttons.which.index == 0
    assert buttons.which.options[1][0] == "trial 5, waiting after epoch 3"
    buttons.which.value = 7
    buttons.finish.click()
    assert "Trial 7 is trained to its end" in buttons.status.value
    buttons.skip.click()
    assert shown.requests.asked == [("finish", 7), ("skip", 7)]
    shown.clock.advance(10)
    shown.show(replace(search, trials=tuple(t for t in trials if t.number != 7)))
    assert buttons.which.index == 0
    buttons.finish.click()
    assert shown.requests.asked[-1] == ("finish", 13)


def test_without_live_clicks_the_panel_says_how_to_stop(page: Page) -> None:
    """Buttons that would not work are disabled, tabs that could not be filled are gone."""
    made = Shown(a_search(12))
    made.clock.advance(10)
    made.show(a_search(13))
    assert made.panel.buttons.stop.disabled
    assert NOT_LIVE in made.panel.buttons.status.value
    assert len(made.panel.tabs.children) == 1


def narrow(shown: Shown) -> Any:
    """Press the button that narrows the ranges, and return what it says."""
    shown.tab("Compare")
    page = shown.panel.pages[2]
    [button] = [w for w in page.clickable if w.description == "Narrow"]
    button.click()
    return page.widget.children[1].value


def test_narrow_asks_for_a_cell_and_says_which_ranges(page: Page, live: None) -> None:
    """The cell comes when the search ends; what it would have now is said."""
    made = Shown(a_search(200))
    said = narrow(made)
    assert made.requests.asked == ["narrow"]
    assert "When the search ends, its cell" in said
    assert "lr 0.0001 to 0.1 → " in said


def test_too_few_trials_narrow_nothing(shown: Shown) -> None:
    """Nothing is asked for."""
    assert "Narrower ranges need 20 trials, 10 of them complete" in narrow(shown)
    assert shown.requests.asked == []


def test_without_a_cell_there_is_nothing_to_narrow(page: Page, live: None) -> None:
    """A function that is searched has no text to write ranges into."""
    requests = UserRequests()
    requests.can_narrow = False
    panel = Panel(requests, clock=FakeClock(), has_plots=False)
    assert "Narrow" not in [w.description for w in panel.pages[2].clickable]
