"""The live panel, without a browser: what it shows, what its buttons do, what it leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import pytest
from displayed import Page, Shown, UserRequests
from made_up_searches import EVIL, a_search

from hpo_magic.core.events import Completed, Freed, Outcome, Reported
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Direction, Goal, Point
from hpo_magic.notebook.panel.panel import Panel
from hpo_magic.notebook.panel.versions import TOOLTIP

ENDED = Completed(1, Outcome(), 0.0)


def test_panel_shows_the_search_at_once(shown: Shown) -> None:
    """Numbers, progress, the current trial and both pictures are there when it opens."""
    for part in ("digits", "12 of 40 trials done", "best seen", "biased upwards", "Trial 12"):
        assert part in shown.html
    assert shown.html.count("<img ") == 2
    assert 'alt="Convergence of val_accuracy over 10 trials; best seen' in shown.html


def test_panel_shows_every_trial_in_training(page: Page, live: None) -> None:
    """With its epoch in words and its curve in the picture; also one that reports later."""
    search = a_search(12)
    one = search.trials[-1]
    curve = tuple(Point(epoch, {"val_accuracy": 0.1 * epoch}) for epoch in (1, 2, 3))
    silent = replace(one, number=13, curve=())
    made = Shown(replace(search, trials=(*search.trials, silent)))
    assert "Trial 12" in made.html
    assert "Trial 13" in made.html
    made.clock.advance(60)
    made.show(replace(search, trials=(*search.trials, replace(silent, curve=curve))))
    assert "epoch 3, val_accuracy 0.3000" in made.html
    pictured = "Learning curves of trial 12: val_accuracy 0.3000 at epoch 1; trial 13: val_accuracy"
    assert f'alt="{pictured} 0.3000 at epoch 3."' in made.html


def test_panel_escapes_the_user_s_words(page: Page, live: None) -> None:
    """On no tab does a name, a choice or a message become markup."""
    made = Shown(a_search(12, name=EVIL, goals=(Goal(EVIL, Direction.MAXIMIZE),), notices=(EVIL,)))
    for tab in made.panel.pages:
        made.tab(tab.title)
    table = made.tab("Trials")
    table.trial.value = 3
    assert "frame" in table.details.value
    assert "<script" not in made.html


def test_every_control_has_a_label_and_a_tooltip(shown: Shown) -> None:
    """Also those that are made when the space is known."""
    shown.tab("Try next")
    controls = [w for w in _all(shown.panel.widget) if hasattr(w, "description")]
    meant = [w for w in controls if not isinstance(w, widgets.HTML)]
    assert len(meant) >= 13
    assert all(w.description for w in meant)
    assert all(getattr(w, "tooltip", "") or getattr(w, TOOLTIP, "") for w in meant)


def _all(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def test_what_happens_now_does_not_wait_for_the_numbers(shown: Shown) -> None:
    """They may cost more than the sentence and the buttons, which follow each trial."""
    shown.panel.buttons.skip.click()
    with shown.panel.texts.spending():
        shown.clock.advance(1)
    shown.show(a_search(13))
    assert "training trial 13" in shown.html
    assert not shown.panel.buttons.skip.disabled


def test_pictures_are_drawn_only_when_their_data_changed(shown: Shown) -> None:
    """An event that changes nothing sends no picture."""
    pictures = [part.widget for part in shown.panel.pages[0].parts[1:]]
    before = [picture.value for picture in pictures]
    shown.clock.advance(100)
    shown.show(a_search(12), Freed(13, 0.0))
    assert [picture.value for picture in pictures] == before
    shown.clock.advance(100)
    shown.show(a_search(14))
    assert pictures[1].value != before[1]


def test_pictures_are_not_drawn_before_half_a_second(shown: Shown) -> None:
    """Two trials that end together make one picture; the next event brings the other."""
    picture = shown.panel.pages[0].parts[2].widget
    shown.clock.advance(1)
    shown.show(a_search(13))
    first = picture.value
    shown.clock.advance(0.4)
    shown.show(a_search(15))
    assert picture.value == first
    shown.clock.advance(0.2)
    shown.show(a_search(15))
    assert picture.value != first


def test_only_the_page_that_is_seen_is_drawn(shown: Shown) -> None:
    """A hidden picture is drawn when its tab is chosen, at once."""
    hidden = shown.panel.pages[2].parts[0].widget
    shown.clock.advance(10)
    shown.show(a_search(14))
    assert hidden.value == ""
    shown.tab("Compare")
    assert "Parallel coordinates of 12 trials" in hidden.value


def choice_of(page: Any) -> Any:
    """Return what a page's plots are chosen by."""
    return page.clickable[0]


def test_every_plot_can_be_chosen(shown: Shown) -> None:
    """One tab has them all; what is not chosen is neither seen nor drawn."""
    shown.tab("Compare")
    page = shown.panel.pages[2]
    titles = list(choice_of(page).options)
    assert titles == ["Settings", "Slices", "Dependence", "Timeline", "Honest"]
    before = shown.html.count("<img ")
    for k, title in enumerate(titles):
        choice_of(page).value = title
        assert page.parts == page.groups[k]
        assert all(part.widget.value for part in page.parts)
        seen = [group[0].widget for group in page.groups]
        assert not any(widget.value for widget in seen[k + 1 :])
        rows = page.widget.children[-len(titles) :]
        assert [row.layout.display != "none" for row in rows] == [n == k for n in range(5)]
    assert shown.html.count("<img ") == before + 4
    for words in ("Slices", "Partial dependence", "Timeline", "Best seen"):
        assert f'alt="{words}' in shown.html


def test_a_plot_that_is_not_chosen_follows_no_more(shown: Shown) -> None:
    """And what is chosen keeps to its share of the time: a slow plot waits the longer."""
    shown.tab("Compare")
    page = shown.panel.pages[2]
    [settings, *_], [slices], *_ = page.groups
    choice_of(page).value = "Slices"
    old, slow = settings.widget.value, shown.panel.paces[slices]
    with slow.spending():
        shown.clock.advance(0.9)
    drawn = slices.widget.value
    shown.clock.advance(10)
    shown.show(a_search(14))
    assert slices.widget.value == drawn
    shown.clock.advance(60)
    shown.show(a_search(14))
    assert slices.widget.value != drawn
    assert settings.widget.value == old


def test_poll_catches_up_once_a_second(shown: Shown) -> None:
    """What no event brought is shown by the calls between batches."""
    now = [a_search(12)]
    shown.panel.notice(Reported(12, 2, {}, 0.0), lambda: now[0])
    now[0] = a_search(13)
    shown.clock.advance(0.5)
    shown.panel.poll()
    assert "12 of 40" in shown.html
    shown.clock.advance(0.6)
    shown.panel.poll()
    assert "13 of 40" in shown.html


def test_a_broken_picture_does_not_end_the_search(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel says that it stands still, and the result still comes."""

    def broken(snapshot: Snapshot) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr(shown.panel.pages[0].parts[0], "update", broken)
    shown.clock.advance(10)
    shown.show(a_search(13))
    assert "no ink" in shown.panel.buttons.status.value
    shown.panel.close(a_search(13, is_running=False))


def test_the_result_takes_the_place_of_the_widgets(shown: Shown, page: Page) -> None:
    """Two outputs: HTML with text, and a PNG with text; no widget is needed."""
    shown.panel.close(a_search(200, is_running=False))
    picture, table = (output["shown"] for output in page.outputs)
    assert set(table) == {"text/plain", "text/html"}
    assert set(picture) == {"text/plain", "image/png"}
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
    assert "best seen" in page.outputs[0]["metadata"]["image/png"]["alt"]
    assert len(str(page.outputs)) < 300_000
    assert shown.panel.buttons.stop.comm is None
    assert shown.panel.pages[1].parts[0].table.comm is None


def test_a_reloaded_page_finds_the_result_in_the_panel(shown: Shown) -> None:
    """Nothing else reaches it: its cell takes no more outputs."""
    shown.panel.close(a_search(12, is_running=False))
    assert "The search ended: all trials are done" in shown.html
    assert shown.html.count("<img ") == 1
    assert 'alt="Convergence of val_accuracy over 10 trials' in shown.html
    assert len(list(_all(shown.panel.widget))) == 2


def test_a_search_without_a_complete_trial_leaves_its_sentence(shown: Shown, page: Page) -> None:
    """No picture where there is nothing to draw."""
    shown.panel.close(a_search(0, is_running=False))
    assert "not run yet" in page.outputs[0]["shown"]["text/html"]
    assert set(page.outputs[1]["shown"]) == {"text/plain"}


def test_a_stored_study_is_shown_without_a_search(page: Page) -> None:
    """A panel that never opened displays the result anew."""
    Panel(UserRequests(), has_plots=False).close(a_search(12, is_running=False))
    assert [set(o["shown"]) for o in page.outputs] == [
        {"text/plain", "image/png"},
        {"text/plain", "text/html"},
    ]
