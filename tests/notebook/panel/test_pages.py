"""The pages of the panel: table, next setting, several objectives."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest
from displayed import Page, Shown, UserRequests
from made_up_searches import a_search, a_search_for_several

from hpo_magic.core.domains import Choice, Float, Int
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter
from hpo_magic.core.trial import State, Trial
from hpo_magic.notebook.panel.panel import Panel
from hpo_magic.notebook.panel.steer import Steering, field
from hpo_magic.notebook.panel.trials_page import TrialsTable
from hpo_magic.notebook.panel.versions import titles_of

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
