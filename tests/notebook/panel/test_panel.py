"""The live panel, without a browser: what it shows, what its buttons do, what it leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import pytest
from displayed import Page, Shown, UserRequests
from made_up_searches import EVIL, a_search, a_search_for_several

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.events import Completed, Freed, Outcome, Reported
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import Direction, Goal, Point, State, Trial
from hpo_magic.notebook.panel.buttons import NOT_LIVE
from hpo_magic.notebook.panel.panel import Panel
from hpo_magic.notebook.panel.steer import Steering, field
from hpo_magic.notebook.panel.trials_page import TrialsTable
from hpo_magic.notebook.panel.versions import TOOLTIP, titles_of
from hpo_magic.testing.fakes import FakeClock

ENDED = Completed(1, Outcome(), 0.0)


@pytest.fixture
def shown(page: Page, live: None) -> Shown:
    """Return an open panel on a search of 12 trials."""
    return Shown(a_search(12))


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


def test_what_happens_now_does_not_wait_for_the_numbers(shown: Shown) -> None:
    """They may cost more than the sentence and the buttons, which follow each trial."""
    shown.panel.buttons.skip.click()
    with shown.panel.texts.spending():
        shown.clock.advance(1)
    shown.show(a_search(13))
    assert "training trial 13" in shown.html
    assert not shown.panel.buttons.skip.disabled


def test_without_live_clicks_the_panel_says_how_to_stop(page: Page) -> None:
    """Buttons that would not work are disabled, tabs that could not be filled are gone."""
    made = Shown(a_search(12))
    made.clock.advance(10)
    made.show(a_search(13))
    assert made.panel.buttons.stop.disabled
    assert NOT_LIVE in made.panel.buttons.status.value
    assert len(made.panel.tabs.children) == 1


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


# The table.


def test_table_sorts_and_filters(shown: Shown) -> None:
    """The choices are those that the search has; the table follows at once."""
    part: TrialsTable = shown.tab("Trials")
    assert part.sort.options[:4] == ("value", "number", "duration", "layers")
    part.state.value = "failed"
    assert part.table.value.count("✗") == 2
    assert "✓" not in part.table.value
    part.state.value, part.sort.value = "all states", "number"
    assert part.table.value.index(">12<") < part.table.value.index(">11<")


def test_table_keeps_the_choice_when_trials_are_added(shown: Shown) -> None:
    """New trials are offered, and what was chosen stays chosen."""
    part: TrialsTable = shown.tab("Trials")
    part.sort.value, part.trial.value = "lr", 5
    shown.clock.advance(10)
    shown.show(a_search(14))
    assert (part.sort.value, part.trial.value) == ("lr", 5)
    assert 13 in [number for _, number in part.trial.options]


def test_table_of_a_thousand_trials_is_cut(page: Page, live: None) -> None:
    """Fifty rows, and the sentence that says so."""
    part: TrialsTable = Shown(a_search(1000)).tab("Trials")
    assert part.table.value.count("<tr>") == 51
    assert "50 of 1,001 trials" in part.table.value


# Try next.


def test_form_is_filled_with_the_best_and_queues_it(shown: Shown) -> None:
    """One click tries the best setting again, inactive parameters at their defaults."""
    form: Steering = shown.tab("Try next")
    best = a_search(12).history.best()
    assert best is not None
    form.queue.click()
    (queued,) = shown.requests.asked
    assert {name: queued[name] for name in best.params} == pytest.approx(dict(best.params))
    assert set(queued) == set(a_search(12).space)
    assert "Queued" in form.said.value


def test_form_stays_as_the_user_left_it(shown: Shown) -> None:
    """A new best does not move what the user has moved; the other button fills it in."""
    form: Steering = shown.tab("Try next")
    form.fields["layers"].value = 2
    form.fields["units[0]"].value = 100.4
    better = a_search(12)
    trials = tuple(replace(t, value=1.0) if t.number == 5 else t for t in better.trials)
    shown.clock.advance(10)
    shown.show(replace(better, trials=trials))
    assert form.params()["units[0]"] == 100
    form.fill.click()
    form.update(replace(better, trials=trials))
    assert form.params()["units[0]"] == trials[5].params["units[0]"]


def test_form_grows_with_the_space(shown: Shown) -> None:
    """A parameter that a new branch reached gets its field."""
    form: Steering = shown.tab("Try next")
    grown = a_search(12).space.declare(Parameter("momentum", Float(0.0, 1.0), 0.9))
    shown.clock.advance(10)
    shown.show(a_search(12, space=grown))
    assert form.params()["momentum"] == 0.9
    assert len(form.fields) == 6


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter("a", Int(1, 9), 3),
        Parameter("a", Int(32, 512, step=32), 64),
        Parameter("a", Int(1, 64, step=2, log=True), 8),
        Parameter("a", Int(1, 10**6, log=True), 1234),
        Parameter("a", Float(0.0, 1.0), 0.25),
        Parameter("a", Float(0.0, 1.0, step=0.1), 0.3),
        Parameter("a", Float(1e-6, 1e-1, log=True), 3e-4),
        Parameter("a", Choice((None, True, 1, "1")), 1),
    ],
)
def test_every_domain_has_a_field_that_returns_its_values(parameter: Parameter) -> None:
    """What is filled in comes out, in the domain's own type."""
    requests = UserRequests()
    form = Steering(requests, lambda _: None)
    space = a_search(0).space.declare(parameter)
    form.update(a_search(1, is_running=False, space=space))
    form.queue.click()
    value = requests.asked[0]["a"]
    assert value == pytest.approx(parameter.default)
    assert type(value) is type(parameter.default)
    assert field(parameter).description == "a"


def test_a_parameter_with_one_value_has_no_field() -> None:
    """There is nothing to choose, but it is part of the setting."""
    form = Steering(UserRequests(), lambda _: None)
    space = a_search(0).space.declare(Parameter("fixed", Choice((7,)), 7))
    form.update(a_search(1, space=space))
    assert "fixed" not in form.fields
    assert form.params()["fixed"] == 7


# Several objectives.


def several(n: int = 12, **changes: Any) -> Snapshot:
    """Return a search for accuracy and size."""
    return a_search_for_several(n, **changes)


def test_several_objectives_have_a_page_with_their_front(page: Page, live: None) -> None:
    """Second of all; it is drawn when it is first seen, and the points come with their values."""
    panel = Panel(UserRequests(), has_plots=False)
    snapshot = several()
    panel.notice(None, lambda: snapshot)
    assert titles_of(panel.tabs)[:3] == ["Now", "Front", "Trials"]
    panel.tabs.selected_index = 1
    picture, points = panel.pages[1].parts
    assert 'alt="val_accuracy and n_params' in picture.widget.value
    assert [number for _, number in points.point.options] == [
        t.number for t in snapshot.history.front
    ]
    best = snapshot.history.best()
    assert best is not None
    assert points.point.value == best.number
    assert f"The most balanced point, till you choose: trial {best.number}." in points.said.value
    assert "★" in points.table.value
    panel.close(snapshot)


def test_one_objective_has_no_such_page(page: Page, live: None) -> None:
    """There is nothing to choose."""
    panel = Panel(UserRequests(), has_plots=False)
    panel.notice(None, lambda: a_search(5))
    assert "Front" not in titles_of(panel.tabs)
    panel.close(a_search(5))


def test_a_click_chooses_a_point_of_the_front(page: Page, live: None) -> None:
    """And the page says so once the search has taken note of it."""
    requests = UserRequests()
    panel = Panel(requests, has_plots=False)
    panel.notice(None, several)
    panel.tabs.selected_index = 1
    _, points = panel.pages[1].parts
    other = several().history.front[-1].number
    points.point.value = other
    points.take.click()
    assert requests.asked == [("choose", other)]
    chosen = several(chosen=other)
    assert points.is_old(chosen)
    points.update(chosen)
    assert f"Chosen: trial {other}." in points.said.value
    assert points.point.value == other
    assert not points.is_old(chosen)
    panel.close(chosen)


def test_a_point_that_was_picked_stays_picked_while_others_join(page: Page, live: None) -> None:
    """Until it leaves the front."""
    panel = Panel(UserRequests(), has_plots=False)
    panel.notice(None, several)
    panel.tabs.selected_index = 1
    _, points = panel.pages[1].parts
    last = several().history.front[-1].number
    points.point.value = last
    better = Trial(99, State.COMPLETE, {"lr": 0.1}, value=0.999, metrics={"n_params": 10**7})
    points.update(replace(several(), trials=(*several().trials, better)))
    assert points.point.value == last
    best = replace(better, number=100, metrics={"n_params": 1.0})
    points.update(replace(several(), trials=(*several().trials, best)))
    assert points.point.value == 100
    panel.close(several())


def test_the_front_waits_for_its_first_trial(page: Page, live: None) -> None:
    """With a button that does nothing yet."""
    requests = UserRequests()
    panel = Panel(requests, has_plots=False)
    panel.notice(None, lambda: several(0))
    panel.tabs.selected_index = 1
    _, points = panel.pages[1].parts
    assert points.take.disabled
    points.take.click()
    assert requests.asked == []
    panel.close(several(0))


def test_what_stays_is_the_front(page: Page, live: None) -> None:
    """As a picture with its words, instead of the convergence."""
    panel = Panel(UserRequests(), has_plots=False)
    panel.notice(None, several)
    panel.close(several(is_running=False))
    picture = page.outputs[0]["shown"]
    assert picture["text/plain"].startswith("val_accuracy and n_params: ")
    assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
