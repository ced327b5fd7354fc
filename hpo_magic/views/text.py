"""The search in words: a progress line, a line for each trial, and the result as a block."""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import best_trial, curve_metric, leading_trials, running_trials
from hpo_magic.core.trial import Kind, Trial
from hpo_magic.honesty.recheck_results import chosen_trial, is_rechecked
from hpo_magic.views.table import (
    SIGNS,
    best_and_last,
    cut_text,
    failures,
    rows_of_their_own,
    table,
    text_table,
)
from hpo_magic.views.words.headline import headline_lines
from hpo_magic.views.words.notices import ending_text, messages
from hpo_magic.views.words.numbers import counted, duration, number, setting, shortened
from hpo_magic.views.words.progress import (
    counts_text,
    digits_of,
    ended_as,
    epoch_text,
    goal_text,
    named_values_text,
    progress_text,
    time_text,
    values_text,
)

FAILURE_LENGTH = 120  # characters
KIND_TEXT = {
    Kind.START: "the start: the cell as you wrote it",
    Kind.SEARCH: "suggested by the sampler",
    Kind.ENQUEUED: "asked for by you",
    Kind.RECHECK: "a re-check: one of the best once more, on a new seed",
}


def doing_text(snapshot: Snapshot) -> str:
    """Return what happens now: "training trial 12, suggested by the sampler"."""
    running = running_trials(snapshot)
    if not snapshot.is_live:
        return ""
    if not running:
        return "choosing the next setting"
    if len(running) > 1:
        return f"training {len(running):,} trials at once"
    return f"training trial {running[0].number}, {KIND_TEXT[running[0].kind]}"


def progress_line(snapshot: Snapshot) -> str:
    """Return the state of the search in one line, for a terminal."""
    parts = [f"{snapshot.name}: {progress_text(snapshot)}"]
    parts += [_best_text(snapshot)] if best_trial(snapshot) else []
    parts += [current_text(snapshot)] if running_trials(snapshot) else []
    return " | ".join([*parts, time_text(snapshot)])


def _best_text(snapshot: Snapshot) -> str:
    best, start, digits = best_trial(snapshot), snapshot.start, digits_of(snapshot)
    assert best is not None
    if snapshot.is_multi_objective:
        n = counted(len(snapshot.history.front), "trial")
        return f"front of {n}, balanced {values_text(snapshot, best)}"
    text = f"best seen {number(best.value, digits)} (biased by selection)"
    if start is not None and start.value is not None:
        text += f", start {number(start.value, digits)}"
    return text


def current_text(snapshot: Snapshot) -> str:
    """Return the running trials: "trial 12, epoch 3 of 30: val_loss 0.2310"."""
    parts = []
    metric = curve_metric(snapshot)
    for trial in running_trials(snapshot):
        text = f"trial {trial.number}"
        if trial.curve:
            point = trial.curve[-1]
            text += f", {epoch_text(trial)}"
            if metric is not None and metric in point.metrics:
                text += f": {metric} {number(point.metrics[metric])}"
        parts.append(text)
    return "; ".join(parts)


def trial_lines(snapshot: Snapshot, trials: Iterable[Trial]) -> list[str]:
    """Return ended trials in one line each, for a log."""
    marked = {trial.number for trial in leading_trials(snapshot)}
    star = " ★ on the front so far" if snapshot.is_multi_objective else " ★ best seen so far"
    return [_line(snapshot, t, star if t.number in marked else "") for t in trials]


def _line(snapshot: Snapshot, trial: Trial, star: str) -> str:
    if trial.failure:
        came_to = shortened(str(trial.failure), FAILURE_LENGTH)
    elif trial.value is None:
        came_to = ended_as(trial)
    else:
        came_to = named_values_text(snapshot, trial)
    what = "re-check" if trial.kind is Kind.RECHECK else "trial"
    took = f" in {duration(trial.duration_s)}" if trial.duration_s is not None else ""
    sign = SIGNS[trial.state]
    return f"{sign} {what} {trial.number} {came_to}{star}{took} | {setting(trial.params)}"


def result_text(snapshot: Snapshot) -> str:
    """Return the result as a block of text: what holds, the setting, the trials."""
    lines = [f"{snapshot.name}: {goal_text(snapshot)}"]
    headed = headline_lines(snapshot)
    width = max(15, *(len(line.value) for line in headed)) + 2
    lines += [f"    {label:<15}{value:<{width}}{remark}" for label, value, remark in headed]
    chosen = chosen_trial(snapshot)
    if chosen is not None:
        lines.append(f"{chosen_text(snapshot)}: {setting(chosen.params)}")
    lines += [end_text(snapshot), *messages(snapshot)]
    trials = best_and_last(snapshot)
    if trials:
        lines += ["", text_table(table(snapshot, trials))]
    if cut := cut_text(len(trials), len(rows_of_their_own(snapshot)), "the best and the last"):
        lines.append(f"({cut})")
    lines += failures(trials)
    return "\n".join(lines)


def chosen_text(snapshot: Snapshot) -> str:
    """Return which trial's setting is taken: "best seen in trial 7"; "" before there is one."""
    best, chosen = best_trial(snapshot), chosen_trial(snapshot)
    if best is None or chosen is None:
        return ""
    if snapshot.is_multi_objective:
        how = "chosen by you" if chosen.number == snapshot.chosen else "the balanced point"
        return f"{how}: trial {chosen.number}"
    if not is_rechecked(snapshot):
        return f"best seen in trial {chosen.number}"
    also = ", the best seen" if chosen.number == best.number else ""
    return f"chosen by the re-check: trial {chosen.number}{also}"


def end_text(snapshot: Snapshot) -> str:
    """Return how the search ended, and how many trials there are."""
    ended = ""
    if snapshot.ended is not None:
        ended = f"The search ended: {ending_text(snapshot.ended, snapshot.patience)}. "
    trials = counts_text(snapshot) or "no trials"
    so_far = f"{ended}{progress_text(snapshot)} ({trials}), {time_text(snapshot)}."
    return f"{so_far} {elsewhere}" if (elsewhere := _elsewhere_text(snapshot)) else so_far


def _elsewhere_text(snapshot: Snapshot) -> str:
    """Return which trials of a search that does not run here are in training; "" if none is."""
    numbers = [trial.number for trial in running_trials(snapshot)]
    if not numbers or snapshot.is_live:
        return ""
    one = len(numbers) == 1
    which = f"Trial {numbers[0]} is" if one else f"Trials {', '.join(map(str, numbers))} are"
    return (
        f"{which} in training now, in another cell or kernel: this is what is on disk so far. "
        f"%hpo {snapshot.name} shows it again, as it is then."
    )
