"""The honest number and its interval as a bar, beside the start, the best seen and the test.

An SVG without scripts and styles, as it has to stand in a saved notebook, too. A viewer that strips
it shows the text beside it, which has the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.honesty.headline import headline
from hpo_magic.views.words.numbers import number

WIDTH, MARGIN = 460, 46  # px
LINE_Y, ABOVE_Y, BELOW_Y, ROW = 30, 16, 50, 13
LETTER = 6.5  # px of a letter at most, on average, at the size of the names
INTERVAL, POINT = "#4c78a8", "#888888"


def interval_bar(value: float, interval: tuple[float, float], points: Mapping[str, float]) -> str:
    """Return an SVG of a value with its interval, and of single values on the same axis.

    Parameters
    ----------
    value, interval
        The honest number and its 95% interval, in the metric's unit.
    points
        Other values by name, such as the best seen.

    >>> bar = interval_bar(0.9, (0.85, 0.95), {"start": 0.8})
    >>> "honest 0.9000, 95% interval 0.8500 to 0.9500" in bar
    True
    """
    low, high = interval
    least, most = min([low, *points.values()]), max([high, *points.values()])
    scale = (WIDTH - 2 * MARGIN) / ((most - least) or 1.0)

    def x(at: float) -> str:
        return f"{MARGIN + (at - least) * scale:.1f}"

    rows = _rows({name: float(x(at)) for name, at in points.items()})
    height = BELOW_Y + 8 + ROW * max(rows.values(), default=0)

    spoken = f"honest {number(value)}, 95% interval {number(low)} to {number(high)}"
    spoken = "; ".join([spoken, *(f"{name} {number(at)}" for name, at in points.items())])
    marks = [
        f'<line x1="{x(low)}" x2="{x(high)}" y1="{LINE_Y}" y2="{LINE_Y}" '
        f'stroke="{INTERVAL}" stroke-width="8" stroke-opacity="0.45"/>',
        f'<circle cx="{x(value)}" cy="{LINE_Y}" r="6" fill="{INTERVAL}"/>',
        _text(x(value), ABOVE_Y, "honest"),
    ]
    for name, at in points.items():
        marks.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{LINE_Y - 9}" y2="{LINE_Y + 9}" '
            f'stroke="{POINT}" stroke-width="3"/>'
        )
        marks.append(_text(x(at), BELOW_Y + ROW * rows[name], name))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(spoken)}">'
        f"<title>{escape(spoken)}</title>{''.join(marks)}</svg>"
    )


def _rows(places: Mapping[str, float]) -> dict[str, int]:
    """Return the row of each name below the bar, so that no name is written over another.

    Parameters
    ----------
    places
        The middle of each name, in px from the left.
    """
    rows: dict[str, int] = {}
    ends: list[float] = []  # where the last name of each row ends
    for name in sorted(places, key=places.__getitem__):
        half = LETTER * len(name) / 2
        begins = places[name] - half
        free = (row for row, end in enumerate(ends) if end <= begins)
        rows[name] = next(free, len(ends))
        ends[rows[name] : rows[name] + 1] = [begins + 2 * half]
    return rows


def bar_of(snapshot: Snapshot) -> str:
    """Return the bar of a result; "" with several objectives, or without an interval."""
    if snapshot.is_multi_objective:
        return ""
    found = headline(snapshot)
    honest = found.honest[snapshot.metric]
    if honest.value is None or honest.interval is None or not honest.half_width:
        return ""
    if found.best is None:
        return ""
    known = {
        "start": None if found.start is None else found.start.value,
        "best seen": found.best.value,
        "test": None if found.test is None else found.test.value,
    }
    points = {name: at for name, at in known.items() if at is not None}
    return interval_bar(honest.value, honest.interval, points)


def _text(x: str, y: int, words: str) -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="11" text-anchor="middle" fill="currentColor">'
        f"{escape(words)}</text>"
    )
