"""The button "Narrow": the ranges drawn around the best trials, with one click.

A new cell can be put below only by a cell that runs: JupyterLab takes such wishes from the answer
to an execution and from no click. So during a search the cell is put below at its end, and the
panel of a study from disk shows it, to be copied.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import ipywidgets as widgets

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import Ranges
from hpo_magic.errors import HpoError
from hpo_magic.study.warm_start import chosen_ranges, narrowed_ranges, ranges_text


class Narrowing:
    """The button, and what it said.

    Parameters
    ----------
    narrow
        Does it; returns a sentence, and the cell's text if that is to be shown. Raises `HpoError`
        where there is nothing to narrow.
    """

    def __init__(self, narrow: Callable[[], tuple[str, str]]) -> None:
        self._narrow = narrow
        self.button = widgets.Button(
            description="Narrow",
            icon="compress",
            tooltip="A cell with its ranges drawn around the best trials",
            layout=widgets.Layout(width="auto"),
        )
        self.said = widgets.HTML(layout=widgets.Layout(max_width="100%"))
        self.button.on_click(self._on_click)

    def _on_click(self, _: object) -> None:
        try:
            sentence, cell = self._narrow()
        except HpoError as error:
            sentence, cell = str(error), ""
        shown = f"<pre>{escape(cell)}</pre>" if cell else ""
        self.said.value = f'<span role="status">{escape(sentence)}</span>{shown}'


def narrow_later(ask: Callable[[], None], latest: Callable[[], Snapshot | None]) -> Narrowing:
    """Return the button for a running search: `ask` has the cell put below when it ends."""

    def narrow() -> tuple[str, str]:
        snapshot = latest()
        if snapshot is None:
            return "The search is over.", ""
        ranges = narrowed_ranges(snapshot)
        ask()
        text = ranges_text(ranges, snapshot.space) or "no range is narrower"
        said = "✓ When the search ends, its cell with the ranges around the best is put below it."
        return f"{said} As it stands: {text}.", ""

    return Narrowing(narrow)


def narrow_here(
    ask: Callable[[Ranges], None], latest: Callable[[], Snapshot | None]
) -> Callable[[Ranges], str]:
    """Return what takes the ranges that the user brushed: their cell comes when the search ends."""

    def narrow(ranges: Ranges) -> str:
        snapshot = latest()
        if snapshot is None:
            return "The search is over."
        text = ranges_text(chosen_ranges(snapshot, ranges), snapshot.space)
        ask(ranges)
        return f"✓ When the search ends, its cell with these ranges is put below it: {text}."

    return narrow


def narrow_now(narrowed: Callable[..., str], name: str) -> Narrowing:
    """Return the button for a study from disk: it shows the cell that `narrowed` returns."""
    said = f"To go on in narrower ranges, run {name}.narrowed(), which puts this into a new cell:"
    return Narrowing(lambda: (said, narrowed()))
