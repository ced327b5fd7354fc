"""A panel without a browser: what was displayed, and what its buttons asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ipywidgets as widgets

from hpo_magic.core.events import Completed, Outcome
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Params
from hpo_magic.notebook.panel.panel import Panel
from hpo_magic.testing.fakes import FakeClock

ENDED = Completed(1, Outcome(), 0.0)


class UserRequests:
    """Remembers what the buttons asked for."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.is_paused = False
        self.can_narrow = True

    def narrow(self, ranges: Any = None) -> None:
        self.asked.append("narrow" if ranges is None else ("narrow", ranges))

    def stop(self) -> None:
        self.asked.append("stop")

    def pause(self) -> None:
        self.is_paused = True

    def resume(self) -> None:
        self.is_paused = False

    def skip(self, number: int | None = None) -> None:
        self.asked.append("skip" if number is None else ("skip", number))

    def finish(self, number: int) -> None:
        self.asked.append(("finish", number))

    def enqueue(self, params: Params) -> None:
        self.asked.append(dict(params))

    def choose(self, number: int | None) -> None:
        self.asked.append(("choose", number))


class Page:
    """Stands in for the notebook: keeps what was displayed, and what it was replaced by."""

    def __init__(self) -> None:
        self.outputs: list[dict[str, Any]] = []

    def display(self, shown: Any, **options: Any) -> Any:
        place = len(self.outputs)
        self.outputs.append({"shown": shown, **options})
        page = self

        class Handle:
            def update(self, shown: Any, **options: Any) -> None:
                page.outputs[place] = {"shown": shown, **options}

        return Handle()


class Shown:
    """A panel with its clock and its wishes."""

    def __init__(self, snapshot: Snapshot, *, has_plots: bool = False) -> None:
        self.clock, self.requests = FakeClock(), UserRequests()
        self.panel = Panel(self.requests, clock=self.clock, has_plots=has_plots)
        self.show(snapshot, None)

    def show(self, snapshot: Snapshot, event: Any = ENDED) -> None:
        """Tell the panel of an event."""
        self.panel.notice(event, lambda: snapshot)

    def tab(self, title: str) -> Any:
        """Choose a tab, and return its first part."""
        titles = [page.title for page in self.panel.pages]
        self.panel.tabs.selected_index = titles.index(title)
        return self.panel.pages[titles.index(title)].parts[0]

    @property
    def html(self) -> str:
        """All texts of the panel, pictures included."""
        return "\n".join(w.value for w in _texts(self.panel.widget))


def _texts(widget: Any) -> Iterator[Any]:
    if isinstance(widget, widgets.HTML):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from _texts(child)
