"""Sentences for the notices of a running search, and for why it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpo_magic.core.events import Reason
from hpo_magic.core.notices import (
    AllTried,
    CostlyBeginnings,
    Enough,
    GridSize,
    Guidance,
    NothingPruned,
    Notice,
    NotStopped,
    RecheckPlanned,
    Rechecks,
    SameScores,
    TemporaryFolder,
    TemporaryService,
)
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.views.words.honest import best_settings_text
from hpo_magic.views.words.numbers import counted, duration, number

# What deletes the folder of the studies, and how to keep them.
DELETED = {
    TemporaryService.COLAB: (
        "Colab deletes with this virtual machine. To keep them, mount a drive "
        '(from google.colab import drive; drive.mount("/content/drive")) and search with '
        "--storage /content/drive/MyDrive/hpo_studies."
    ),
    TemporaryService.KAGGLE: (
        "Kaggle deletes with this session. To keep them, choose Persistence: Files in the "
        'notebook\'s settings, or "Save Version": the folder is then among its outputs.'
    ),
    TemporaryService.BINDER: (
        "Binder deletes with this session. To keep them, download the folder before it ends."
    ),
}

# The names of metrics on validation data, as the trainers log them.
OF_VALIDATION = re.compile(r"(?i)(val|eval|test)")

ENDINGS = {
    Reason.TRIALS: "all trials are done",
    Reason.TIME: "the time budget is used up",
    Reason.STOPPED: "stopped by the user",
    Reason.NOISE: "further gains would be smaller than the sampling error of a score",
    Reason.EXHAUSTED: "every setting has been tried",
    Reason.FAILING: "the first trials all failed",
    Reason.FAILED: "a trial failed, and --errors raise ends the search then",
    Reason.BROKEN: "the failure does not depend on the setting, so every trial would fail",
}


def messages(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the notices of a search as sentences, oldest first."""
    return tuple(notice_text(notice) for notice in snapshot.notices)


def notice_text(notice: Notice) -> str:  # noqa: C901  (a case for each notice)
    """Return a notice as a sentence."""
    match notice:
        case str():
            return notice
        case Enough():
            return _enough(notice)
        case SameScores():
            return (
                "The re-check ended early: its re-runs repeat the search's scores exactly. Use "
                "hp.seed() as the random_state of your split, so that re-runs get new splits."
            )
        case NothingPruned(reported):
            return _nothing_pruned(reported)
        case NotStopped(number_of_trial, took_s, limit_s):
            return (
                f"Trial {number_of_trial} took {took_s:.3g} s, longer than the {limit_s:g} s of "
                f"--timeout: it came to no epoch, round or report at which it could be stopped. "
                f"Call hp.report in its loop, or use --isolate, which stops any code."
            )
        case CostlyBeginnings(beginning_s, epoch_s, n_epochs):
            return (
                f"To begin a training takes {duration(beginning_s)}, an epoch {duration(epoch_s)}, "
                f"and a training has {n_epochs:,} epochs. Trainings that wait save epochs, but "
                f"more of them begin: that saves little time here, if any (--pruner asha lets "
                f"none wait)."
            )
        case RecheckPlanned():
            return _recheck_planned(notice)
        case GridSize():
            return _grid_size(notice)
        case Guidance():
            return guidance_text(notice)
        case AllTried():
            return _all_tried(notice)
        case TemporaryFolder(service, folder):
            return f"The studies are in {folder}, which {DELETED[service]}"


def _nothing_pruned(reported: Sequence[str]) -> str:
    """Return that no trial is pruned; only metrics of validation data are offered instead."""
    text = (
        f"No trial is pruned: the trial's value is none of the reported metrics "
        f"({', '.join(reported)})."
    )
    held_out = [name for name in reported if OF_VALIDATION.match(name)]
    if not held_out:
        return text
    names = held_out[0] if len(held_out) == 1 else f"one of {', '.join(held_out)}"
    return f"{text} To have them pruned, name {names} with --maximize or --minimize."


def guidance_text(notice: Guidance) -> str:
    """Return which older trials guide the search, and how it begins without them.

    >>> guidance_text(Guidance((("", 1, 40),)))
    '40 trials of the revision before guide the search; their values are not taken over (without \
them: --fresh --from none).'
    """
    if not notice.sources:
        return (
            f"{counted(notice.n_without, 'older trial')} cannot guide the search: no parameter has "
            f"the name of one of theirs."
        )
    n = sum(n for _, _, n in notice.sources)
    of = [f"{counted(n, 'trial')} of {_source(name, of)}" for name, of, n in notice.sources]
    listed = ", ".join(of[:-1]) + " and " * (len(of) > 1) + of[-1]
    verb, values = ("guides", "its value is") if n == 1 else ("guide", "their values are")
    return (
        f"{listed} {verb} the search; {values} not taken over (without them: --fresh --from none)."
    )


def _source(name: str, n_revisions: int) -> str:
    if name:
        return f"study {name}"
    return "the revision before" if n_revisions == 1 else f"the {n_revisions} revisions before"


def _all_tried(notice: AllTried) -> str:
    if not notice.names:
        return (
            "Nothing varies: the code reached no hp call, so every trial would be the same. Assign "
            "what is to vary from hp, such as lr = hp.Float(1e-4, 1e-1)."
        )
    names = ", ".join(notice.names)
    if notice.n_settings == 1:
        return f"Nothing varies: {names} has one value. Widen its range or add a choice."
    again = "" if notice.was_rechecked else ", and too few to run the best ones again"
    return (
        f"{names}: these are all {counted(notice.n_settings, 'setting')}{again}. For more trials "
        f"widen a range or add a choice."
    )


def _enough(notice: Enough) -> str:
    what = notice.metric or "the best score"
    rows = counted(notice.n_rows, "validation row") if notice.n_rows else "the validation set"
    return (
        f"Further trials are unlikely to help: the last {notice.n_last} improved {what} by "
        f"{number(notice.gained, 2)}, less than the sampling error of {rows} "
        f"(± {number(notice.standard_error, 2)})."
    )


def _recheck_planned(notice: RecheckPlanned) -> str:
    n_settings = notice.n_settings
    best = f"the {best_settings_text(n_settings)}"
    if notice.of_front:
        best = f"{counted(n_settings, 'point')} of the Pareto front"
    start = " and the start" if notice.with_start else ""
    seeds = counted(notice.n_reruns, "new seed")
    of = f"{notice.n_runs} of the {counted(notice.n_trials, 'trial')}"
    late = ""
    if notice.search_share is not None:
        late = f" It begins after {100 * notice.search_share:.0f}% of --time at the latest."
    return f"{of} are reserved for the re-check: {best}{start}, each on {seeds}.{late}"


def _grid_size(notice: GridSize) -> str:
    n = notice.n_settings
    bound = "at most " if notice.is_bound else ""
    amount = counted(int(n), "setting") if n < 1e9 else f"{n:.3g} settings"
    text = f"The grid has {bound}{amount}"
    if notice.n_searched is None:
        return f"{text}."
    return (
        f"{text}; the search tries the first {notice.n_searched:,}, in the order of nested loops. "
        f"Raise --trials, or use --sampler sobol, which covers the whole space evenly."
    )


def phase_text(phase: Rechecks) -> str:
    """Return what a running re-check does: "re-running the 4 best settings on new splits"."""
    where = "on new splits" if phase.on_new_splits else "with new training seeds"
    if phase.of_front:
        return f"re-running points of the Pareto front {where}"
    return f"re-running the {best_settings_text(phase.n_settings)} {where}"


def ending_text(ended: Reason, patience: int | None = None) -> str:
    """Return why a search ended; `patience` is the number of trials without an improvement."""
    if ended is Reason.PATIENCE:
        return f"no improvement in {counted(patience or 0, 'trial')}"
    return ENDINGS[ended]
