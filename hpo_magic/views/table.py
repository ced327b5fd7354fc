"""The table of trials: sorted, filtered, cut to what fits; as HTML and as text.

A parameter that was not active in a trial has an empty place. State is a word and a sign, never
colour alone. Everything from the user is escaped: names, values, messages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.space import setting_key
from hpo_magic.core.summary import active_names, leading_trials, rerun_values
from hpo_magic.core.trial import Kind, State, Trial
from hpo_magic.views.words.numbers import counted, duration, number, shortened, shown
from hpo_magic.views.words.progress import ended_as, goal_writers

SIGNS = {
    State.RUNNING: "▶",
    State.WAITING: "⏸",
    State.COMPLETE: "✓",
    State.FAILED: "✗",
    State.PRUNED: "✂",
    State.SKIPPED: "»",
    State.STOPPED: "■",
}
MESSAGE_LENGTH = 120  # characters
FEW = 5  # trials that are not worth a sentence about leaving them out


@dataclass(frozen=True)
class Table:
    """The cells of a table of trials, as plain text; `best` are the rows of those that lead."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[int] = frozenset()


# Which trials, in which order.


def sort_keys(snapshot: Snapshot) -> list[str]:
    """Return what a table can be sorted by: value, number, duration, and the active parameters.

    With several objectives by each of them, too; "value" then has the front first.
    """
    metrics = [goal.metric for goal in snapshot.goals] if snapshot.is_multi_objective else []
    keys = ["value", *metrics, "number", "duration"]
    return [*keys, *_heads(active_names(snapshot), keys)]


def _heads(names: Iterable[str], others: Collection[str]) -> list[str]:
    """Return the heads of parameters' columns: those that other columns have get a remark."""
    return [f"{name} (parameter)" if name in others else name for name in names]


def ranked(
    snapshot: Snapshot,
    by: str = "value",
    state: State | None = None,
    n_most: int | None = None,
) -> list[Trial]:
    """Return the trials in the order of a column, those without an entry last.

    Parameters
    ----------
    by
        One of `sort_keys`. "value": the best first; "number": the latest first; "duration": the
        longest first; a parameter: ascending. Ties go by number.
    state
        Only trials in this state; None for all.
    n_most
        How many at most.
    """
    chosen = [t for t in snapshot.trials if state is None or t.state is state]
    if by == "value" and snapshot.is_multi_objective:
        places = {t.number: place for place, t in enumerate(snapshot.history.ranked)}
        last = len(places)
        return sorted(chosen, key=lambda t: (places.get(t.number, last), t.number))[:n_most]
    return sorted(chosen, key=lambda trial: _place(snapshot, trial, by))[:n_most]


def _place(snapshot: Snapshot, trial: Trial, by: str) -> tuple[Any, ...]:
    key: float | str | None
    if by == "number":
        return (0, -trial.number)
    if by == "value":
        # Re-runs are of settings that stand higher up already.
        key = None if trial.kind is Kind.RECHECK else snapshot.history.loss(trial)
    elif snapshot.is_multi_objective and by in (
        metrics := [goal.metric for goal in snapshot.goals]
    ):
        k = metrics.index(by)
        value = None if trial.kind is Kind.RECHECK else snapshot.history.values(trial)[k]
        key = None if value is None else snapshot.goals[k].direction.sign * value
    elif by == "duration":
        key = None if trial.duration_s is None else -trial.duration_s
    elif (name := by.removesuffix(" (parameter)")) in trial.params and name in snapshot.space:
        domain = snapshot.space[name].domain
        key = domain.unit(domain.nearest(trial.params[name]))
    else:
        key = None
    return (key is None, key or 0.0, trial.number)


def rows_of_their_own(snapshot: Snapshot) -> list[Trial]:
    """Return the trials, best first, without re-runs of a setting that another trial has."""
    searched = {setting_key(trial.params) for trial in snapshot.history.trials}
    return [
        trial
        for trial in ranked(snapshot)
        if trial.kind is not Kind.RECHECK or setting_key(trial.params) not in searched
    ]


def best_and_last(snapshot: Snapshot, n_best: int = 10, n_last: int = 10) -> list[Trial]:
    """Return the best trials, best first, then the last ones that are not among them.

    Where that would leave out only a few it is all of them, best first. Re-runs are left out whose
    setting is another trial's: the table has their values beside that one.
    """
    own = rows_of_their_own(snapshot)
    if len(own) <= n_best + n_last + FEW:
        return own
    best = [t for t in own if t.value is not None][:n_best]
    last = sorted(own, key=lambda trial: trial.number)[-n_last:] if n_last else []
    known = {t.number for t in best}
    return best + [t for t in reversed(last) if t.number not in known]


def cut_text(n_shown: int, n_all: int, which: str) -> str:
    """Return the sentence that says what a shortened table leaves out; "" where it is whole."""
    return "" if n_shown >= n_all else f"{which}: {n_shown:,} of {counted(n_all, 'trial')}."


# The cells.


def table(snapshot: Snapshot, trials: Sequence[Trial]) -> Table:
    """Return the table of `trials`: number, state, value, time, their active parameters.

    Where settings were run again, a column has those values of the first objective.
    """
    names, writers = active_names(snapshot, trials), goal_writers(snapshot)
    again = _run_again(snapshot, trials, writers[0])
    columns = ["run again"] if any(again) else []
    fixed = ("trial", "state", *(goal.metric for goal in snapshot.goals), *columns, "time")
    header = (*fixed, *_heads(names, fixed))
    leading = {trial.number for trial in leading_trials(snapshot)}
    rows = []
    for trial, values in zip(trials, again, strict=True):
        pairs = zip(writers, snapshot.history.values(trial), strict=True)
        written = [write(value) for write, value in pairs]
        rows.append(_cells(trial, names, [*written, values] if columns else written))
    marked = frozenset(i for i, trial in enumerate(trials) if trial.number in leading)
    return Table(header, tuple(rows), marked)


def _run_again(
    snapshot: Snapshot, trials: Sequence[Trial], write: Callable[[float | None], str]
) -> list[str]:
    """Return what each trial's setting had when it was run again, at its first trial alone."""
    left = rerun_values(snapshot)
    own = [t for t in trials if t.kind is not Kind.RECHECK]
    found = {t.number: left.pop(setting_key(t.params), []) for t in own}
    return [", ".join(map(write, found.get(t.number, []))) for t in trials]


def _cells(trial: Trial, names: Iterable[str], values: Iterable[str]) -> tuple[str, ...]:
    kind = f" {trial.kind.value}" if trial.kind in (Kind.START, Kind.RECHECK) else ""
    return (
        f"{trial.number}{kind}",
        f"{SIGNS[trial.state]} {trial.state.value}",
        *values,
        duration(trial.duration_s),
        *(shown(trial.params[name]) if name in trial.params else "" for name in names),
    )


def failures(trials: Iterable[Trial], n_most: int = 10) -> list[str]:
    """Return a sentence for each failed trial, the first `n_most` of them."""
    failed = [t for t in trials if t.failure]
    return [
        f"Trial {t.number} {shortened(str(t.failure), MESSAGE_LENGTH)}" for t in failed[:n_most]
    ]


def html_table(table: Table, caption: str = "") -> str:
    """Return the table as HTML that needs no style sheet and no script; a star marks the best."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.header)
    body = "".join(_html_row(row, i in table.best) for i, row in enumerate(table.rows))
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_row(row: Sequence[str], is_best: bool) -> str:
    # Short words stay on one line; a long choice may wrap.
    cells = [escape(cell.replace(" ", "\xa0") if len(cell) < 15 else cell) for cell in row]
    if is_best:
        cells = [f"<b>{cell}</b>" for cell in cells]
        cells[0] += "&nbsp;★"
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def text_table(table: Table) -> str:
    """Return the table as text with aligned columns; a star marks the best row."""
    rows = [table.header, *table.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(table.header))]
    lines = []
    for k, row in enumerate(rows):
        mark = "★" if k - 1 in table.best else " "
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        lines.append(f"{mark} {'  '.join(cells)}".rstrip())
    return "\n".join(lines)


def star_text(snapshot: Snapshot) -> str:
    """Return the caption of a table: what the star marks."""
    return "Trials, ★ the front" if snapshot.is_multi_objective else "Trials, ★ the best seen"


# One trial.


def trial_details(snapshot: Snapshot, trial: Trial) -> str:
    """Return all that is known of one trial, as HTML."""
    metrics = [goal.metric for goal in snapshot.goals]
    pairs = zip(goal_writers(snapshot), snapshot.history.values(trial), strict=True)
    facts = [("state", f"{SIGNS[trial.state]} {ended_as(trial)}"), ("run as", trial.kind.value)]
    facts += zip(metrics, (write(value) for write, value in pairs), strict=True)
    facts.append(("time", duration(trial.duration_s)))
    facts += [(name, shown(value)) for name, value in trial.params.items()]
    facts += [
        (name, number(value) if math.isfinite(value) else str(value))
        for name, value in trial.metrics.items()
        if name not in metrics
    ]
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(text)}</td></tr>'
        for name, text in facts
    )
    texts = []
    if trial.failure:
        texts.append(f"{trial.failure}\n{trial.failure.traceback}".strip())
    if trial.output:
        texts.append(trial.output)
    blocks = "".join(f"<pre>{escape(text)}</pre>" for text in texts)
    return f"<table><caption>Trial {trial.number}</caption>{rows}</table>{blocks}"
