"""The notices of a search, and how it ended, in words."""

from __future__ import annotations

import pytest

from hpo_magic.core.events import Reason
from hpo_magic.core.notices import (
    CostlyBeginnings,
    Enough,
    GridSize,
    NothingPruned,
    Notice,
    NotStopped,
    RecheckPlanned,
    Rechecks,
    SameScores,
    TemporaryFolder,
    TemporaryService,
)
from hpo_magic.views.words.notices import ending_text, notice_text, phase_text


@pytest.mark.parametrize(
    ("notice", "text"),
    [
        ("The disk is full.", "The disk is full."),
        (
            Enough(10, 0.009, 0.0102, 350, "val_accuracy"),
            "Further trials are unlikely to help: the last 10 improved val_accuracy by 0.0090, "
            "less than the sampling error of 350 validation rows (± 0.010).",
        ),
        (
            Enough(20, 0.0, 0.1),
            "Further trials are unlikely to help: the last 20 improved the best score by 0, less "
            "than the sampling error of the validation set (± 0.10).",
        ),
        (
            SameScores(),
            "The re-check ended early: its re-runs repeat the search's scores exactly. Use "
            "hp.seed() as the random_state of your split, so that re-runs get new splits.",
        ),
        (
            NothingPruned(("loss", "acc")),
            "No trial is pruned: the trial's value is none of the reported metrics (loss, acc).",
        ),
        (
            NothingPruned(("learn-Logloss", "validation-Logloss")),
            "No trial is pruned: the trial's value is none of the reported metrics (learn-Logloss, "
            "validation-Logloss). To have them pruned, name validation-Logloss with --maximize or "
            "--minimize.",
        ),
        (
            NotStopped(1, 5.0123, 1.0),
            "Trial 1 took 5.01 s, longer than the 1 s of --timeout: it came to no epoch, round or "
            "report at which it could be stopped. Call hp.report in its loop, or use --isolate, "
            "which stops any code.",
        ),
        (
            CostlyBeginnings(1.13, 0.062, 10),
            "To begin a training takes 1.1 s, an epoch 62 ms, and a training has 10 epochs. "
            "Trainings that wait save epochs, but more of them begin: that saves little time here, "
            "if any (--pruner asha lets none wait).",
        ),
        (
            RecheckPlanned(10, 40, 4, 2, with_start=True),
            "10 of the 40 trials are reserved for the re-check: the 4 best settings and the start, "
            "each on 2 new seeds.",
        ),
        (
            RecheckPlanned(3, 20, 1, 3, with_start=False, search_share=0.8),
            "3 of the 20 trials are reserved for the re-check: the best setting, each on 3 new "
            "seeds. It begins after 80% of --time at the latest.",
        ),
        (
            RecheckPlanned(8, 40, 3, 2, with_start=True, of_front=True),
            "8 of the 40 trials are reserved for the re-check: 3 points of the Pareto front and "
            "the start, each on 2 new seeds.",
        ),
        (
            TemporaryFolder(TemporaryService.BINDER, "/home/jovyan/hpo_studies"),
            "The studies are in /home/jovyan/hpo_studies, which Binder deletes with this session. "
            "To keep them, download the folder before it ends.",
        ),
        (GridSize(6), "The grid has 6 settings."),
        (GridSize(6, is_bound=True), "The grid has at most 6 settings."),
        (
            GridSize(2e9, n_searched=30),
            "The grid has 2e+09 settings; the search tries the first 30, in the order of nested "
            "loops. Raise --trials, or use --sampler sobol, which covers the whole space evenly.",
        ),
    ],
)
def test_each_notice_has_its_sentence(notice: Notice, text: str) -> None:
    """With its numbers, and with what to do where there is something."""
    assert notice_text(notice) == text


@pytest.mark.parametrize("reason", Reason)
def test_each_ending_has_its_words(reason: Reason) -> None:
    """None is shown by its name alone."""
    assert len(ending_text(reason, 8).split()) >= 3


def test_the_phase_says_what_runs_again() -> None:
    """Settings or points of the front, on new splits or with new seeds."""
    assert phase_text(Rechecks(4)) == "re-running the 4 best settings on new splits"
    assert phase_text(Rechecks(1, on_new_splits=False)) == (
        "re-running the best setting with new training seeds"
    )
    assert phase_text(Rechecks(4, of_front=True)) == (
        "re-running points of the Pareto front on new splits"
    )
