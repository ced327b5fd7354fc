"""The result that stays in a saved notebook: HTML and a picture that need no kernel.

Notebook viewers strip scripts and most styles, so the HTML is made of plain tables, and the picture
is a PNG beside it. Both carry their text, for viewers that show neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial
from hpo_magic.honesty.recheck_results import chosen_trial
from hpo_magic.views.canvas import Plot, blank
from hpo_magic.views.convergence import convergence
from hpo_magic.views.front import front
from hpo_magic.views.interval_bar import bar_of
from hpo_magic.views.table import (
    best_and_last,
    cut_text,
    failures,
    html_table,
    rows_of_their_own,
    star_text,
    table,
)
from hpo_magic.views.text import chosen_text, end_text
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.notices import messages
from hpo_magic.views.words.numbers import shown
from hpo_magic.views.words.progress import goal_text

SIZE_PX = (700, 300)
MOST_OPEN = 10  # trials; a longer table is folded away
# Notebooks put the text of cells to the right, and break numbers where a long text needs the room.
WHOLE = 'style="white-space: nowrap"'
WORDS = 'style="text-align: left"'


def result_html(snapshot: Snapshot, n_open: int = MOST_OPEN) -> str:
    """Return the result as HTML; all that comes from the user is escaped.

    A table of more than `n_open` trials is folded away.
    """
    trials = _joined(_trials(snapshot))
    if trials and len(best_and_last(snapshot)) > n_open:
        trials = f"<details><summary>Trials as a plain table</summary>{trials}</details>"
    return _joined([*_summary(snapshot), trials])


def summary_html(snapshot: Snapshot) -> str:
    """Return the result with its trials folded away, to stand above a panel that shows them."""
    return result_html(snapshot, n_open=0)


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(part for part in parts if part)


def _summary(snapshot: Snapshot) -> list[str]:
    return [
        f"<p><b>{escape(snapshot.name)}</b>: {escape(goal_text(snapshot))}</p>",
        _side_by_side(
            _joined([headline_html(snapshot), bar_of(snapshot)]), _best_setting_html(snapshot)
        ),
        f"<p>{escape(end_text(snapshot))}</p>",
        *(f"<p>{escape(message)}</p>" for message in messages(snapshot)),
    ]


def _side_by_side(first: str, second: str) -> str:
    """Return both beside each other where there is room; viewers without styles stack them."""
    return (
        '<div style="display: flex; flex-wrap: wrap; gap: 0 40px">'
        f'<div style="flex: 1 1 480px; min-width: 0">{first}</div><div>{second}</div></div>'
    )


def _trials(snapshot: Snapshot) -> list[str]:
    trials = best_and_last(snapshot)
    cut = cut_text(len(trials), len(rows_of_their_own(snapshot)), "The best and the last")
    return [
        html_table(table(snapshot, trials), star_text(snapshot)) if trials else "",
        *(f"<p>{escape(message)}</p>" for message in failures(trials)),
        f"<p>{escape(cut)}</p>" if cut else "",
    ]


def headline_html(snapshot: Snapshot) -> str:
    """Return the headline: the start, the best seen, the honest number and the test."""
    rows = "".join(
        f'<tr><th scope="row" {WHOLE}>{escape(label)}</th><td {WHOLE}><b>{escape(value)}</b></td>'
        f"<td {WORDS}>{escape(remark)}</td></tr>"
        for label, value, remark in headline_lines(snapshot)
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _best_setting_html(snapshot: Snapshot) -> str:
    chosen, start = chosen_trial(snapshot), snapshot.start
    if chosen is None or not chosen.params:
        return ""
    columns = [{name: shown(value) for name, value in chosen.params.items()}]
    heads = ["parameter", chosen_text(snapshot)]
    if not snapshot.is_read:
        columns.insert(0, {} if start is None else {n: shown(v) for n, v in start.params.items()})
        heads.insert(1, "start")
    rows = "".join(_row_html(name, [c.get(name, "") for c in columns]) for name in chosen.params)
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row_html(name: str, values: list[str]) -> str:
    *before, last = values
    cells = "".join(f"<td>{escape(value)}</td>" for value in before)
    return f'<tr><th scope="row">{escape(name)}</th>{cells}<td><b>{escape(last)}</b></td></tr>'


def result_figure(snapshot: Snapshot) -> Plot | None:
    """Return the picture that stays: the convergence; None where no trial is complete.

    With several objectives it is their front.
    """
    if best_trial(snapshot) is None:
        return None
    view = front if snapshot.is_multi_objective else convergence
    return view(snapshot, blank(size_px=SIZE_PX))
