"""The plots that the browser draws: a widget that is sent what is new.

`plots.js` draws; `views/drawn.py` computes what. The widget's state, which a page asks for when it
opens or is reloaded, is the whole study, described at that moment. While a search runs, a trial
and its frame are sent when it begins or ends, and the points of its curve when they are reported,
some milliseconds later at most.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from hpo_magic.core.domains import Plain
from hpo_magic.core.events import Event, Reported
from hpo_magic.core.log import suppressed
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Ranges
from hpo_magic.core.trial import State, Trial
from hpo_magic.errors import HpoError
from hpo_magic.notebook.panel.pace import Pace
from hpo_magic.views.curves import CurveEnds
from hpo_magic.views.drawn import (
    Drawing,
    details_drawn,
    frame_drawn,
    importance_drawn,
    said_drawn,
    study_drawn,
    taken_drawn,
    timeline_drawn,
    training_metric,
)

# Points are sent at once, but no more often: what comes between is sent at its end. So an epoch is
# seen in well below 0.2 s, and a training of short epochs pays for eight messages a second.
GAP_S = 0.12
# The share of the time for sentences and for plots on request, which cost more than a trial.
EXTRA_SHARE, EXTRA_GAP_S, EXTRA_MOST_S = 0.008, 1.0, 0.05
EXTRAS: Mapping[str, Callable[[Snapshot], dict[str, Any]]] = {
    "timeline": timeline_drawn,
    "importance": importance_drawn,
}


class PlotsWidget(anywidget.AnyWidget):  # type: ignore[misc]
    """The widget; `described` returns the study as JSON whenever a page asks for it."""

    _esm = Path(__file__).with_name("plots.js")
    _css = Path(__file__).with_name("plots.css")
    study = traitlets.Unicode("").tag(sync=True, to_json=lambda _, widget: widget.described())

    def __init__(self, described: Callable[[], str]) -> None:
        self.described = described
        super().__init__()


@dataclass(frozen=True)
class Wishes:
    """What a click in the plots can ask for; None: there is no button for it.

    Attributes
    ----------
    run
        Queues a setting.
    narrow
        Searches on in these ranges, by parameter; returns what to say. It may raise `HpoError`.
    choose
        Chooses a trial of the Pareto front by its number.
    """

    run: Callable[[Mapping[str, Plain]], None] | None = None
    narrow: Callable[[Ranges], str] | None = None
    choose: Callable[[int], Snapshot | None] | None = None


@dataclass
class LivePlots:
    """Keeps one widget up to date.

    Attributes
    ----------
    snapshot
        The study, or the search as it begins.
    wishes
        What can be clicked.
    clock
        In seconds, from any beginning.
    is_answered
        Whether a page has drawn the widget.
    problem
        Why a page could not draw it; "": it could, or has not said so.
    """

    snapshot: Snapshot
    wishes: Wishes = field(default_factory=Wishes)
    clock: Callable[[], float] = time.perf_counter
    is_answered: bool = False
    problem: str = ""

    def __post_init__(self) -> None:
        self._lock = (
            threading.RLock()
        )  # a page asks, and the last points are sent, in other threads
        self._seq = 0
        self._open: set[str] = set()
        self._extras_pace = Pace(EXTRA_SHARE, EXTRA_GAP_S, EXTRA_MOST_S, self.clock)
        self._sent_at = -GAP_S
        self._timer: threading.Timer | None = None
        self._pending: list[list[Any]] = []  # points that are not sent yet
        self._since: list[list[Any]] = []  # points that are sent, and not in the snapshot
        self._chosen = self.snapshot.chosen
        self._ends = CurveEnds()
        self._know(Drawing(self.snapshot))
        self.widget = PlotsWidget(self.described)
        self.widget.on_msg(self._on_message)

    def _know(self, drawing: Drawing) -> None:
        self._drawing, self._shape = drawing, drawing.shape
        self._known = {trial.number: _state_of(trial) for trial in self.snapshot.trials}

    def described(self) -> str:
        """Return the whole study as JSON."""
        with self._lock:
            wishes = self.wishes
            can = {"run": wishes.run, "narrow": wishes.narrow, "choose": wishes.choose}
            study = {
                **study_drawn(self._drawing, self._ends),
                "points": self._since,
                "seq": self._seq,
                "can": {name: wish is not None for name, wish in can.items()},
            }
            return json.dumps(study, separators=(",", ":"))

    # What is new.

    def notice(self, event: Event | None, take: Callable[[], Snapshot]) -> None:
        """Send what an event changed."""
        with self._lock:
            if isinstance(event, Reported) and (point := self._point(event)) is not None:
                self._pending.append(point)
                if self.clock() - self._sent_at >= GAP_S:
                    self._send()
                elif self._timer is None:
                    self._timer = threading.Timer(GAP_S, self._send_late)
                    self._timer.daemon = True
                    self._timer.start()
            else:
                self.follow(take())

    def _point(self, event: Reported) -> list[Any] | None:
        """Return the point as it is sent; None where the trial or its metric is not known yet."""
        metric = self._drawing.metric
        if event.number not in self._known or metric not in event.metrics:
            return None
        train = training_metric(metric)
        values = [_finite(event.metrics.get(name)) if name else None for name in (metric, train)]
        return [event.number, event.step, *values, event.n_steps]

    def follow(self, snapshot: Snapshot) -> None:
        """Send the trials that began or ended, and the frame; or all, where their shape changed."""
        with self._lock:
            self.snapshot = snapshot
            drawing = Drawing(snapshot)
            if drawing.shape != self._shape:
                self._know(drawing)
                self._pending, self._since = [], []
                self.widget.send_state("study")
                return
            self._drawing = drawing
            new = [t for t in snapshot.trials if self._known.get(t.number) != _state_of(t)]
            frame_is_new = any(trial.state is not State.RUNNING for trial in new)
            self._known.update((trial.number, _state_of(trial)) for trial in new)
            self._pending = [p for p in self._pending if p[0] not in {t.number for t in new}]
            news: dict[str, Any] = {}
            if new:
                news["trials"] = [drawing.trial(trial) for trial in new]
            if frame_is_new or snapshot.chosen != self._chosen:
                news["frame"] = frame_drawn(snapshot, self._ends)
            self._chosen = snapshot.chosen
            if news or self._pending:
                self._send(**news)
            self._since = []  # the snapshot has them

    def _send(self, **news: Any) -> None:
        self._seq += 1
        points, self._pending = self._pending, []
        self._since += points
        self._sent_at = self.clock()
        self.widget.send({"type": "news", "seq": self._seq, "points": points, **news})

    def _send_late(self) -> None:
        with self._lock, suppressed("the last points could not be sent"):
            self._timer = None
            if self._pending:
                self._send()

    def send_extras(self) -> None:
        """Send the sentences, and what is open of the plots that cost more, if that is due."""
        with self._lock:
            if self._extras_pace.is_due():
                with self._extras_pace.spending():
                    extras = {name: EXTRAS[name](self.snapshot) for name in self._open}
                    said, taken = said_drawn(self.snapshot), taken_drawn(self.snapshot)
                    self.widget.send(
                        {"type": "extras", "extras": extras, "said": said, "taken": taken}
                    )

    def close(self) -> None:
        """Send nothing more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._pending = []
            self.widget.close()

    # What a page says, perhaps in another thread.

    def _on_message(self, _: Any, message: Mapping[str, Any], __: Any) -> None:
        answers: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "ready": self._on_ready,
            "failed": self._on_failure,
            "again": lambda _: self.widget.send_state("study"),
            "open": self._on_opening,
            "details": self._on_details,
            "run": self._on_run,
            "narrow": self._on_narrow,
            "choose": self._on_choice,
        }
        with self._lock:
            answers[message["type"]](message)

    def _on_ready(self, _: Mapping[str, Any]) -> None:
        self.is_answered = True
        self.problem = ""

    def _on_failure(self, message: Mapping[str, Any]) -> None:
        self.problem = str(message["error"])

    def _on_opening(self, message: Mapping[str, Any]) -> None:
        what = message["what"]
        if not message["is_open"]:
            self._open.discard(what)
            return
        self._open.add(what)
        self.widget.send({"type": "extras", "extras": {what: EXTRAS[what](self.snapshot)}})

    def _on_details(self, message: Mapping[str, Any]) -> None:
        trial = self._trial(message)
        if trial is not None:
            self.widget.send({"type": "details", **details_drawn(self.snapshot, trial)})

    def _on_run(self, message: Mapping[str, Any]) -> None:
        trial = self._trial(message)
        if trial is not None and self.wishes.run is not None:
            self.wishes.run(trial.params)
            is_live = self.snapshot.is_live
            when = "it is trained next" if is_live else "it is trained when the search goes on"
            self._say(f"✓ Queued the setting of trial {trial.number}: {when}.")

    def _on_narrow(self, message: Mapping[str, Any]) -> None:
        if self.wishes.narrow is None:
            return
        space = self.snapshot.space
        ends = {n: e for n, e in message["ranges"].items() if n in space}
        ranges = {n: (space[n].domain.value(low), space[n].domain.value(high))
                  for n, (low, high) in ends.items()}  # fmt: skip
        try:
            self._say(self.wishes.narrow(ranges))
        except HpoError as error:
            self._say(str(error))

    def _on_choice(self, message: Mapping[str, Any]) -> None:
        if self.wishes.choose is not None:
            after = self.wishes.choose(message["number"])
            self._say(f"Chosen: trial {message['number']}.")
            if after is not None:
                self.follow(after)

    def _trial(self, message: Mapping[str, Any]) -> Trial | None:
        return next((t for t in self.snapshot.trials if t.number == message["number"]), None)

    def _say(self, text: str) -> None:
        self.widget.send({"type": "said", "text": text})


def _state_of(trial: Trial) -> tuple[Any, ...]:
    """Return what a trial is sent again for: all but the points of its curve."""
    return (trial.state, trial.value, len(trial.params))


def _finite(value: float | None) -> float | None:
    is_number = value is not None and abs(value) < float("inf")
    return float(f"{value:.6g}") if is_number else None
