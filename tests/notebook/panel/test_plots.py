"""The live plots without a browser: what is sent when, what clicks ask for, and the pictures."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from displayed import ENDED, Shown, UserRequests
from made_up_searches import a_search, a_search_for_several

from hpo_magic.core.events import Reported
from hpo_magic.core.growing_curve import GrowingCurve
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.trial import Kind, Point, State
from hpo_magic.errors import HpoError
from hpo_magic.notebook.panel.plots import GAP_S, LivePlots, Wishes
from hpo_magic.notebook.panel.plots_page import ANSWER_S
from hpo_magic.notebook.panel.stored import StoredPanel
from hpo_magic.testing.fakes import FakeClock


class Sent:
    """Live plots, and the messages that they sent."""

    def __init__(self, snapshot: Snapshot, wishes: Wishes | None = None) -> None:
        self.clock = FakeClock()
        self.plots = LivePlots(snapshot, wishes or Wishes(), self.clock)
        self.messages: list[dict[str, Any]] = []
        self.n_whole = 0
        self.plots.widget.send = lambda message, buffers=None: self.messages.append(message)
        self.plots.widget.send_state = self._count

    def _count(self, key: Any = None) -> None:
        self.n_whole += 1

    def report(self, number: int, step: int, value: float) -> None:
        """Tell of an epoch, for which no snapshot may be needed."""
        metrics = {"val_accuracy": value, "accuracy": 0.5}
        self.plots.notice(Reported(number, step, metrics, 0.0, 30), lambda: 1 / 0)  # type: ignore[arg-type, return-value]

    def ask(self, kind: str, **message: Any) -> None:
        """Say what the page says."""
        self.plots._on_message(None, {"type": kind, **message}, None)

    @property
    def study(self) -> dict[str, Any]:
        """The study as a page gets it that opens now."""
        made: dict[str, Any] = json.loads(self.plots.described())
        return made


@pytest.fixture
def sent() -> Iterator[Sent]:
    """Return the plots of a search of 12 trials, one more in training."""
    made = Sent(a_search(12))
    yield made
    made.plots.close()


def test_an_epoch_is_sent_at_once_and_is_small(sent: Sent) -> None:
    """Its trial, step, value, the training rows' value and the last step that is planned."""
    sent.report(12, 2, 0.51234567)
    [message] = sent.messages
    assert message == {"type": "news", "seq": 1, "points": [[12, 2, 0.512346, 0.5, 30]]}
    assert len(json.dumps(message)) < 200


def test_epochs_in_quick_succession_are_sent_together(sent: Sent) -> None:
    """Those within the gap follow at its end, though no further event comes."""
    for step in range(2, 6):
        sent.report(12, step, 0.5)
    assert len(sent.messages) == 1
    timer = sent.plots._timer
    assert timer is not None
    timer.join(10)
    assert [point[1] for point in sent.messages[1]["points"]] == [3, 4, 5]
    assert GAP_S < 0.2


def test_a_trial_that_ends_is_sent_with_the_frame(sent: Sent) -> None:
    """And no other trial; points that the trial has already are not sent again."""
    sent.report(12, 2, 0.5)
    sent.report(12, 3, 0.6)
    after = a_search(13)
    sent.plots.notice(ENDED, lambda: after)
    news = sent.messages[-1]
    assert [trial["number"] for trial in news["trials"]] == [12, 13]
    assert news["points"] == []
    assert news["frame"]["best"] == after.history.ranked[0].number
    sent.plots.notice(ENDED, lambda: after)
    assert len(sent.messages) == 2


def test_a_trial_that_begins_needs_no_frame() -> None:
    """What is best does not change."""
    sent = Sent(a_search(12, is_running=False))
    begun = a_search(12)
    sent.plots.notice(ENDED, lambda: begun)
    assert [trial["state"] for trial in sent.messages[-1]["trials"]] == ["running"]
    assert "frame" not in sent.messages[-1]


def test_a_new_parameter_sends_the_whole_study() -> None:
    """Rows and axes have another meaning then."""
    sent = Sent(a_search(1))
    sent.plots.notice(ENDED, lambda: a_search(12))
    assert sent.n_whole == 1
    assert sent.messages == []


def test_a_page_that_is_reloaded_gets_everything_so_far(sent: Sent) -> None:
    """Also the epochs since the last snapshot, each once: later news have higher numbers."""
    sent.report(12, 2, 0.5)
    sent.report(12, 3, 0.6)  # waits for the end of the gap
    study = sent.study
    assert study["trials"][12]["curve"][0] == [1]
    assert study["points"] == [[12, 2, 0.5, 0.5, 30]]
    assert study["seq"] == 1
    curve = GrowingCurve([Point(step, {"val_accuracy": 0.5}) for step in (1, 2, 3)])
    search = a_search(12)
    longer = replace(search, trials=(*search.trials[:-1], replace(search.trials[-1], curve=curve)))
    sent.plots.notice(ENDED, lambda: longer)
    assert sent.messages[-1]["points"] == [[12, 3, 0.6, 0.5, 30]]


def test_the_whole_state_is_what_a_page_asks_for(sent: Sent) -> None:
    """The widget's state has the study, the drawing and its style; nothing comes from a network."""
    state = LivePlots(a_search(3)).widget.get_state()
    assert len(json.loads(state["study"])["trials"]) == 4
    assert "export default" in state["_esm"]
    assert "import " not in state["_esm"]
    assert "://" not in state["_esm"] + state["_css"]


def test_sentences_and_open_plots_follow_at_a_pace(sent: Sent) -> None:
    """What is closed is not computed."""
    sent.ask("open", what="timeline", is_open=True)
    assert list(sent.messages[-1]["extras"]) == ["timeline"]
    sent.clock.advance(100)
    sent.plots.send_extras()
    sent.plots.send_extras()
    assert len(sent.messages) == 2
    assert sent.messages[-1]["said"]["convergence"].startswith("Convergence")
    sent.ask("open", what="timeline", is_open=False)
    sent.clock.advance(100)
    sent.plots.send_extras()
    assert sent.messages[-1]["extras"] == {}


def test_run_this_queues_the_setting_of_the_trial() -> None:
    """And says so."""
    asked: list[Any] = []
    sent = Sent(a_search(12), Wishes(run=asked.append))
    sent.ask("run", number=5)
    assert asked == [sent.plots.snapshot.trials[5].params]
    assert "Queued the setting of trial 5" in sent.messages[-1]["text"]
    sent.ask("run", number=999)
    assert len(asked) == 1


def test_search_here_takes_the_brushed_ranges() -> None:
    """As values of the parameters; what cannot be narrowed is said."""
    asked: list[Any] = []

    def narrow(ranges: Any) -> str:
        asked.append(ranges)
        if "act" in ranges:
            raise HpoError("choices stay as they are")
        return "with these ranges"

    sent = Sent(a_search(40), Wishes(narrow=narrow))
    sent.ask("narrow", ranges={"lr": [0.25, 0.75], "gone": [0, 1]})
    [(low, high)] = [ranges["lr"] for ranges in asked]
    assert low == pytest.approx(10**-3.25)
    assert high == pytest.approx(10**-1.75)
    assert sent.messages[-1]["text"] == "with these ranges"
    sent.ask("narrow", ranges={"act": [0, 0.5]})
    assert sent.messages[-1]["text"] == "choices stay as they are"


def test_a_point_of_the_front_is_chosen() -> None:
    """The frame follows with the choice."""
    search = a_search_for_several(30, is_running=False)
    sent = Sent(search, Wishes(choose=lambda number: replace(search, chosen=number)))
    number = search.history.front[-1].number
    sent.ask("choose", number=number)
    assert sent.messages[-1]["frame"]["chosen"] == number


def test_details_have_what_a_trial_printed(sent: Sent) -> None:
    """Only when they are asked for."""
    sent.ask("details", number=3)
    assert sent.messages[-1]["failure"].startswith("frame")
    assert "frame" not in json.dumps(sent.study["trials"][4])


# In the panel.


def with_plots(page: Any, snapshot: Snapshot) -> Shown:
    """Return a panel whose plots the browser draws."""
    return Shown(snapshot, has_plots=True)


def titles(shown: Shown) -> list[str]:
    """Return the tabs."""
    return [each.title for each in shown.panel.pages]


def test_the_panel_draws_no_picture_where_a_page_answers(page: Any, live: None) -> None:
    """Not at its opening and not later."""
    shown = with_plots(page, a_search(12))
    assert titles(shown) == ["Plots", "More", "Try next", "Log"]
    plots = shown.panel.plots
    assert plots is not None
    plots._on_message(None, {"type": "ready"}, None)
    shown.clock.advance(10)
    shown.show(a_search(14))
    assert titles(shown)[0] == "Plots"
    assert "<img" not in shown.html
    assert plots.snapshot.trials[-1].number == 14


def test_without_an_answer_pictures_take_the_place(page: Any, live: None) -> None:
    """After three seconds; a page that answers later has the plots again."""
    shown = with_plots(page, a_search(12))
    shown.clock.advance(ANSWER_S - 0.5)
    shown.show(a_search(13))
    assert titles(shown)[0] == "Plots"
    shown.clock.advance(1)
    shown.show(a_search(14))
    assert titles(shown) == ["Now", "Trials", "Compare", "Try next", "Log"]
    assert shown.html.count("<img ") == 2
    assert shown.panel.plots is not None
    shown.panel.plots._on_message(None, {"type": "ready"}, None)
    shown.clock.advance(10)
    shown.show(a_search(15))
    assert titles(shown)[0] == "Plots"


def test_a_page_that_cannot_draw_gets_pictures_at_once(page: Any, live: None) -> None:
    """It says why."""
    shown = with_plots(page, a_search(12))
    assert shown.panel.plots is not None
    shown.panel.plots._on_message(None, {"type": "failed", "error": "no canvas"}, None)
    shown.clock.advance(1)
    shown.show(a_search(13))
    assert titles(shown)[0] == "Now"


def test_where_clicks_do_not_arrive_there_are_both(page: Any) -> None:
    """No answer can come: the page hides the pictures if it has drawn the plots."""
    shown = with_plots(page, a_search(12))
    shown.clock.advance(10)
    shown.show(a_search(13))
    [tab] = shown.panel.tabs.children
    assert "hpo-fallback" in tab.children[1]._dom_classes
    assert "<img" in shown.html


def test_without_anywidget_there_are_pictures(
    page: Any, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, and the search runs."""
    monkeypatch.setitem(sys.modules, "hpo_magic.notebook.panel.plots", None)
    assert titles(with_plots(page, a_search(12)))[0] == "Now"


def test_a_failing_plot_does_not_end_the_search(page: Any, live: None) -> None:
    """It is said, and the rest of the panel goes on."""
    shown = with_plots(page, a_search(12))
    assert shown.panel.plots is not None
    shown.panel.plots.notice = lambda *_: 1 / 0  # type: ignore[method-assign, assignment]
    shown.show(a_search(13))
    assert "The plots stand still" in shown.panel.buttons.status.value


def test_the_wishes_reach_the_search(page: Any, live: None) -> None:
    """Run this, search here and choose."""
    shown = with_plots(page, a_search(40))
    assert shown.panel.plots is not None
    wishes = shown.panel.plots.wishes
    assert wishes.run is not None
    assert wishes.narrow is not None
    wishes.run({"lr": 0.1})
    assert "lr 0.0001 to 0.1 → 0.001 to 0.01" in wishes.narrow({"lr": (0.001, 0.01)})
    assert shown.requests.asked == [{"lr": 0.1}, ("narrow", {"lr": (0.001, 0.01)})]
    assert isinstance(shown.requests, UserRequests)


def test_the_plots_are_closed_with_the_panel(page: Any, live: None) -> None:
    """Nothing is sent after the result stands."""
    shown = with_plots(page, a_search(12))
    shown.panel.close(a_search(12, is_running=False))
    assert shown.panel.plots is not None
    assert shown.panel.plots.widget.comm is None


def test_colab_s_manager_of_custom_widgets_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it Colab shows none but its own."""
    called: list[str] = []
    output = types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: called.append("on")  # type: ignore[attr-defined]
    colab = types.ModuleType("google.colab")
    colab.output = output  # type: ignore[attr-defined]
    google = types.ModuleType("google")
    google.colab = colab  # type: ignore[attr-defined]
    for module in (google, colab, output):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    LivePlots(a_search(3))
    assert called == ["on"]


# A study from disk.


def test_a_stored_study_has_the_same_plots() -> None:
    """With what can be asked for without a search."""
    asked: list[Any] = []
    study = a_search(30, is_running=False)
    cell = lambda ranges=None: f"%%hpo digits {ranges}"  # noqa: E731
    panel = StoredPanel(study, narrowed=cell, enqueue=asked.append)
    assert [each.title for each in panel.pages] == ["Plots", "More", "Log"]
    assert panel.plots is not None
    assert json.loads(panel.plots.described())["can"] == {
        "run": True,
        "narrow": True,
        "choose": False,
    }
    narrow = panel.plots.wishes.narrow
    assert narrow is not None
    assert "digits.narrowed(lr=(0.001, 0.01)) puts this" in narrow({"lr": (0.001, 0.01)})


def test_a_stored_study_falls_back_to_pictures() -> None:
    """Unless a page has answered."""
    panel = StoredPanel(a_search(30, is_running=False))
    assert panel.plots is not None
    panel.plots._on_message(None, {"type": "ready"}, None)
    panel._check_answer()
    assert panel.pages[0].title == "Plots"
    panel.plots.is_answered = False
    panel._check_answer()
    assert panel.pages[0].title == "Overview"


def test_a_rerun_that_begins_is_a_trial_like_others(sent: Sent) -> None:
    """It names whose setting it has."""
    search = a_search(12)
    best = search.history.ranked[0]
    again = replace(best, number=13, kind=Kind.RECHECK, state=State.RUNNING, value=None, curve=())
    sent.plots.notice(ENDED, lambda: replace(search, trials=(*search.trials, again)))
    [trial] = sent.messages[-1]["trials"]
    assert trial["again"] == best.number
