"""The live panel's texts, as HTML: what changes with every epoch and costs no drawing.

Colours come from the page (`currentColor`), so that the panel looks right in any theme.
"""

from __future__ import annotations

from html import escape

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import (
    curve_metric,
    elapsed_s,
    n_spent,
    running_trials,
    time_left_s,
)
from hpo_magic.core.trial import State, Trial
from hpo_magic.views.interval_bar import bar_of
from hpo_magic.views.table import SIGNS
from hpo_magic.views.text import KIND_TEXT, doing_text, trial_lines
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.notices import messages
from hpo_magic.views.words.numbers import duration, number, shown
from hpo_magic.views.words.progress import (
    counts_text,
    epoch_text,
    goal_text,
    progress_text,
    time_text,
)

LOG_LENGTH = 100  # lines; the table has all trials

STYLE = """<style>
.hpo-panel .widget-html .widget-html-content { line-height: 1.45; width: 100%; min-width: 0; }
.hpo-panel .jupyter-widget-tab > .lm-TabBar .lm-TabBar-tab {
  flex: 0 0 auto; min-width: 0; padding: 0 clamp(4px, 1.4vw, 18px); }
.hpo-panel progress { width: 100%; height: 8px; accent-color: #2f87c8; }
.hpo-panel .hpo-row { display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline; }
.hpo-panel .widget-html { min-width: 0; }
.hpo-panel .hpo-numbers { display: grid; gap: 8px 18px; padding: 4px 0;
  grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); }
.hpo-panel .hpo-bars { display: grid; gap: 2px 18px;
  grid-template-columns: repeat(auto-fit, minmax(min(260px, 100%), 1fr)); }
.hpo-panel .hpo-number > * { display: block; }
.hpo-panel .hpo-value { font-size: 20px; line-height: 26px; }
.hpo-panel .hpo-none { line-height: 26px; opacity: 0.75; }
.hpo-panel .hpo-quiet { opacity: 0.75; }
.hpo-panel .hpo-scroll { overflow: auto; max-height: 340px; max-width: 100%; }
.hpo-panel table { border-collapse: collapse; font-size: 12px; }
.hpo-panel caption { text-align: left; font-weight: bold; padding: 4px 0; }
.hpo-panel th, .hpo-panel td { padding: 1px 9px 1px 0; text-align: left; white-space: nowrap; }
.hpo-panel thead th { border-bottom: 1px solid #77777780; }
.hpo-panel pre { white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere;
  font-size: 12px; margin: 4px 0; }
</style>"""


def header_html(snapshot: Snapshot) -> str:
    """Return the study's name, its goal, what it does, and how far it is in trials and in time.

    Each bar has its words; where an end is not known its bar is missing.
    """
    elapsed, left = elapsed_s(snapshot), time_left_s(snapshot)
    n_most = snapshot.n_trials
    share = None if not n_most else min(n_spent(snapshot) / n_most, 1.0)
    time_share = None if left is None else elapsed / max(elapsed + left, 1e-9)
    return (
        f'<div class="hpo-row"><b>{escape(snapshot.name)}</b>'
        f"<span>{escape(goal_text(snapshot))}</span>"
        f"<span>{escape(doing_text(snapshot))}</span></div>"
        f'<div class="hpo-bars">{_bar(progress_text(snapshot), share)}'
        f"{_bar(time_text(snapshot), time_share)}</div>"
    )


def _bar(text: str, share: float | None) -> str:
    words = escape(text)
    if share is None:
        return f"<div><span>{words}</span></div>"
    bar = f'<progress max="1" value="{share:.3f}" aria-label="{words}"></progress>'
    return f"<div><span>{words}</span>{bar}</div>"


def numbers_html(snapshot: Snapshot) -> str:
    """Return the headline side by side, and the honest number's interval as a bar if it has one."""
    cells = "".join(
        f'<div class="hpo-number"><span>{escape(label)}</span>{_value_html(value)}'
        f'<span class="hpo-quiet">{escape(remark)}</span></div>'
        for label, value, remark in headline_lines(snapshot)
    )
    return f'<div class="hpo-numbers">{cells}</div>{bar_of(snapshot)}'


def _value_html(value: str) -> str:
    """Return a value large; the words that stand where there is none are not worth the same."""
    is_number = any(character.isdigit() for character in value)
    tag, kind = ("b", "hpo-value") if is_number else ("span", "hpo-none")
    return f'<{tag} class="{kind}">{escape(value)}</{tag}>'


def current_html(snapshot: Snapshot) -> str:
    """Return the running trials: number, kind, epoch and setting."""
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
    ended = [t for t in snapshot.trials if not t.state.is_open][-LOG_LENGTH:]
    lines = [*messages(snapshot), *trial_lines(snapshot, reversed(ended))]
    text = "\n".join(lines) or "Nothing happened yet."
    return scrolled(f"<pre>{escape(text)}</pre>", "Log")


def scrolled(html: str, label: str) -> str:
    """Return the HTML in a region of limited height; Tab reaches it, so that arrow keys scroll it.

    Parameters
    ----------
    html
        What may be longer than the region.
    label
        Its name for screen readers.
    """
    return f'<div class="hpo-scroll" tabindex="0" role="group" aria-label="{label}">{html}</div>'
