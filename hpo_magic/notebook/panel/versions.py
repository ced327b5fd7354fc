"""What ipywidgets 7, which Colab has, and ipywidgets 8 spell differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# Of everything with a description but a button, whose trait is `tooltip` in both.
TOOLTIP = "tooltip" if hasattr(widgets.Dropdown, "tooltip") else "description_tooltip"


def tooltip(text: str) -> dict[str, str]:
    """Return the argument that gives a list, slider or row of buttons its tooltip."""
    return {TOOLTIP: text}


def set_titles(tabs: widgets.Tab, titles: Sequence[str]) -> None:
    """Give each tab its title."""
    for place, title in enumerate(titles):
        tabs.set_title(place, title)


def titles_of(tabs: widgets.Tab) -> list[str]:
    """Return the titles of the tabs."""
    return [tabs.get_title(place) or "" for place in range(len(tabs.children))]


def view_bundle(widget: Any) -> dict[str, Any]:
    """Return a widget as an output, by MIME type.

    `display(widget, display_id=…)` gives the output no id with ipywidgets 7, so that it could not
    be replaced: the bundle is what is displayed.
    """
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"text/plain": repr(widget)[:80], WIDGET_VIEW: view}
