"""The page "Try next": the parameters as sliders and lists; one click queues the setting."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from hpo_magic.core.domains import Choice, Plain
from hpo_magic.core.ports import Controls
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Parameter, Space
from hpo_magic.core.summary import best_trial
from hpo_magic.notebook.panel.pages import Page, side_by_side
from hpo_magic.notebook.panel.versions import tooltip
from hpo_magic.views.words.numbers import setting, shown

N_STEPS = 200  # of a slider over a continuous range: half a percent of it
MOST_LEVELS = 64  # on a log scale with steps: more are chosen as on a continuous one
WIDTH = "420px"


class Steering:
    """The form, prefilled with the best setting seen until the user moves something.

    Parameters
    ----------
    controls
        Where the setting is queued.
    connect
        Has the messages of new widgets delivered while the cell runs: the form grows with the
        search space.
    """

    def __init__(self, controls: Controls, connect: Callable[[Sequence[Any]], None]) -> None:
        self._controls, self._connect = controls, connect
        self._space = Space()
        self._best: int | None = None
        self._is_filling = False
        self._is_touched = False
        self.fields: dict[str, Any] = {}
        self._form = widgets.VBox()
        self.queue = _button("Try next", "plus", "Queue this setting: it is the next to be trained")
        self.fill = _button("Fill in the best", "star", "Set every field to the best seen")
        self.said = widgets.HTML()
        self.queue.on_click(self._on_queue)
        self.fill.on_click(self._on_fill)
        hint = widgets.HTML(
            '<span class="hpo-quiet">Parameters that the trial does not reach are ignored.</span>'
        )
        self.clickable = [self.queue, self.fill]
        self.widget = widgets.VBox(
            [self._form, side_by_side([self.queue, self.fill]), self.said, hint]
        )

    def is_old(self, snapshot: Snapshot) -> bool:
        """Whether the space grew, or another setting is the best and nothing was moved."""
        best = best_trial(snapshot)
        is_better = best is not None and best.number != self._best and not self._is_touched
        return snapshot.space != self._space or is_better

    def update(self, snapshot: Snapshot) -> None:
        """Make the fields that are missing, and fill them in."""
        if snapshot.space != self._space:
            self._make_fields(snapshot.space)
        best = best_trial(snapshot)
        self._best = None if best is None else best.number
        self._prefill = {**snapshot.space.defaults(), **({} if best is None else best.params)}
        if not self._is_touched:
            self._fill()

    def _make_fields(self, space: Space) -> None:
        before = {n: p for n, p in self._space.items() if space.get(n) == p and n in self.fields}
        gone = [w for n, w in self.fields.items() if n not in before]
        new = {n: field(p) for n, p in space.items() if n not in before and p.domain.n_levels != 1}
        for widget in new.values():
            widget.observe(self._on_move, names="value")
        merged = {**self.fields, **new}
        self.fields = {n: merged[n] for n in space if n in merged and (n in new or n in before)}
        self._form.children = tuple(self.fields.values())
        self._connect(list(new.values()))
        for widget in gone:
            widget.close()
        self._space = space

    def _fill(self) -> None:
        self._is_filling = True
        try:
            for name, widget in self.fields.items():
                widget.value = _as_shown(self._space[name], self._prefill[name], widget)
        finally:
            self._is_filling = False

    def _on_move(self, _: Any) -> None:
        if not self._is_filling:
            self._is_touched = True

    def _on_fill(self, _: Any) -> None:
        self._is_touched = False
        self._fill()
        self.said.value = ""

    def _on_queue(self, _: Any) -> None:
        params = self.params()
        self._controls.enqueue(params)
        said = html.escape(f"Queued: {setting(params)}")
        self.said.value = f'<span role="status">✓ {said}</span>'

    def params(self) -> dict[str, Plain]:
        """Return the setting in the form; parameters with a single value are in it too."""
        chosen = {name: p.default for name, p in self._space.items()}
        for name, widget in self.fields.items():
            domain = self._space[name].domain
            if isinstance(widget, widgets.Dropdown):
                chosen[name] = domain.value((widget.value + 0.5) / len(widget.options))
            else:
                whole = domain.kind == "int"
                chosen[name] = domain.nearest(round(widget.value) if whole else widget.value)
        return chosen


def field(parameter: Parameter) -> Any:
    """Return the widget in which a parameter's value is chosen.

    A list for choices (its values are their places), a slider for numbers, on a log scale where the
    parameter has one.
    """
    domain = parameter.domain
    words = {
        "description": parameter.name,
        **tooltip(parameter.name),
        "style": {"description_width": "120px"},
        "layout": widgets.Layout(width=WIDTH, max_width="100%"),
    }
    n = domain.n_levels
    if isinstance(domain, Choice) or (domain.log and domain.step and n and n <= MOST_LEVELS):
        levels = [shown(domain.value((k + 0.5) / (n or 1))) for k in range(n or 1)]
        return widgets.Dropdown(options=[(text, k) for k, text in enumerate(levels)], **words)
    words["continuous_update"] = False
    if domain.log:
        low, high = math.log10(domain.low), math.log10(domain.high)
        form = ".0f" if domain.kind == "int" else ".3g"
        step = (high - low) / N_STEPS
        return widgets.FloatLogSlider(
            value=domain.low, base=10, min=low, max=high, step=step, readout_format=form, **words
        )
    limits = {"value": domain.low, "min": domain.low, "max": domain.high}
    if domain.kind == "int":
        return widgets.IntSlider(**limits, step=domain.step or 1, **words)
    step = domain.step or (domain.high - domain.low) / N_STEPS
    return widgets.FloatSlider(**limits, step=step, readout_format=".3g", **words)


def _as_shown(parameter: Parameter, value: Plain, widget: Any) -> Any:
    """Return a parameter's value as its widget takes it: a choice as its index."""
    if isinstance(widget, widgets.Dropdown):
        place = parameter.domain.unit(parameter.domain.nearest(value))
        return min(int(place * len(widget.options)), len(widget.options) - 1)
    return value


def _button(label: str, icon: str, help_text: str) -> widgets.Button:
    layout = widgets.Layout(width="auto")
    return widgets.Button(description=label, icon=icon, tooltip=help_text, layout=layout)


def steer_page(controls: Controls, connect: Callable[[Sequence[Any]], None]) -> Page:
    """Return the page with the form."""
    part = Steering(controls, connect)
    return Page("Try next", part.widget, [part], part.clickable)
