"""The live panel's texts, as HTML: what changes with every epoch and costs no drawing.

Colours come from the page (`currentColor`), so that the panel looks right in any theme.
"""

from __future__ import annotations

from html import escape

from hpo_magic.core.ports import Snapshot
from hpo_magic.core.summary import (
    counts_text,
    curve_metric,
    epoch_text,
    fraction_done,
    goal_text,
    progress_text,
    running_trials,
    time_text,
)
from hpo_magic.core.trial import State, Trial
from hpo_magic.core.wording import duration, number, shown
from hpo_magic.honesty.rechecking import headline
from hpo_magic.views.table import SIGNS
from hpo_magic.views.text import KIND_TEXT, trial_lines

__all__ = ["STYLE", "current_html", "header_html", "log_html", "numbers_html"]

LOG_LENGTH = 100  # lines; the table has all trials

STYLE = """<style>
.hpo-panel .widget-html .widget-html-content { line-height: 1.45; }
.hpo-panel .lm-TabBar-tab { flex: 0 1 auto; min-width: 44px; }
.hpo-panel progress { width: 100%; height: 8px; accent-color: #2f87c8; }
.hpo-panel .hpo-row { display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline; }
.hpo-panel .hpo-number { min-width: 110px; padding: 4px 0; }
.hpo-panel .hpo-number b { font-size: 150%; display: block; }
.hpo-panel .hpo-quiet { opacity: 0.75; }
.hpo-panel .hpo-scroll { overflow: auto; max-height: 340px; max-width: 100%; }
.hpo-panel table { border-collapse: collapse; font-size: 12px; }
.hpo-panel caption { text-align: left; font-weight: bold; padding: 4px 0; }
.hpo-panel th, .hpo-panel td { padding: 1px 9px 1px 0; text-align: left; white-space: nowrap; }
.hpo-panel thead th { border-bottom: 1px solid #77777780; }
.hpo-panel pre { white-space: pre-wrap; font-size: 12px; margin: 4px 0; }
</style>"""


def header_html(snapshot: Snapshot) -> str:
    """Return the study's name, what it wants, and how far it is."""
    done = fraction_done(snapshot)
    share = "" if done is None else f' value="{done:.3f}"'
    state = escape(f"{progress_text(snapshot)}, {time_text(snapshot)}")
    return (
        f'<div class="hpo-row"><b>{escape(snapshot.name)}</b>'
        f"<span>{escape(goal_text(snapshot))}</span><span>{state}</span></div>"
        f'<progress max="1"{share} aria-label="{state}"></progress>'
    )


def numbers_html(snapshot: Snapshot) -> str:
    """Return the headline: start, best seen, honest number and test, side by side."""
    cells = "".join(
        f'<div class="hpo-number">{escape(label)}<b>{escape(value)}</b>'
        f'<span class="hpo-quiet">{escape(remark)}</span></div>'
        for label, value, remark in headline(snapshot)
    )
    return f'<div class="hpo-row">{cells}</div>'


def current_html(snapshot: Snapshot) -> str:
    """Return what is in training: its number, why it is run, its epoch and its setting."""
    running = running_trials(snapshot)
    if not running:
        return escape(counts_text(snapshot)) or "No trial has started yet."
    return "".join(_current(snapshot, trial) for trial in running)


def _current(snapshot: Snapshot, trial: Trial) -> str:
    facts = [KIND_TEXT[trial.kind]]
    if trial.curve:
        point, metric = trial.curve[-1], curve_metric(snapshot)
        facts.append(epoch_text(trial))
        if metric is not None and metric in point.metrics:
            facts.append(f"{metric} {number(point.metrics[metric])}")
    if trial.started is not None:
        facts.append(duration(snapshot.at - trial.started))
    values = "".join(
        f"<span>{escape(name)} <b>{escape(shown(value))}</b></span>"
        for name, value in trial.params.items()
    )
    return (
        f'<div class="hpo-row"><b>{SIGNS[State.RUNNING]} Trial {trial.number}</b>'
        f'<span>{escape(", ".join(facts))}</span></div><div class="hpo-row">{values}</div>'
    )


def log_html(snapshot: Snapshot) -> str:
    """Return the messages, then what the trials came to, the latest first."""
    ended = [t for t in snapshot.trials if t.state is not State.RUNNING][-LOG_LENGTH:]
    lines = [*snapshot.messages, *trial_lines(snapshot, reversed(ended))]
    text = "\n".join(lines) or "Nothing happened yet."
    return f'<div class="hpo-scroll"><pre>{escape(text)}</pre></div>'
