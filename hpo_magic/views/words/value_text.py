"""Sentences for what the text of a cell shows of its value."""

from __future__ import annotations

from collections.abc import Iterable

from hpo_magic.core.notices import TRAINING_ROWS
from hpo_magic.source.doubts import (
    AskedInFolds,
    Doubt,
    OneFold,
    OtherWeights,
    TrainingBatch,
    TrainingLoss,
    TrainingScore,
)

LONGEST = 70  # characters of code in a sentence


def doubt_texts(doubts: Iterable[Doubt]) -> list[str]:
    """Return a sentence for each.

    >>> doubt_texts([OneFold(3, "acc")])
    ['acc is that of the last fold alone: the loop on line 3 gives it anew in each pass. Collect \
the scores of all folds in a list, and end the cell in their mean.']
    """
    return [_text(one) for one in doubts]


def _text(doubt: Doubt) -> str:
    match doubt:
        case TrainingScore(line, text, inside):
            return (
                f"{TRAINING_ROWS}{_short(text)} {_where(line, inside)} scores the model on the "
                f"rows that it was fitted on, so the search prefers settings that overfit. Score "
                f"it on other rows."
            )
        case TrainingLoss(line, text, inside):
            return (
                f"The value is the training loss: {_short(text)} {_where(line, inside)} trains "
                f"with it, so the search prefers settings that overfit. Measure it on rows that "
                f"are not trained on."
            )
        case TrainingBatch(line, text, inside):
            return (
                f"The value is measured on the batches that are trained on: {_short(text)} "
                f"{_where(line, inside)} trains with them, so the search prefers settings that "
                f"overfit. Measure it on rows that are not trained on."
            )
        case OneFold(line, metric):
            return (
                f"{metric} is that of the last fold alone: the loop on line {line} gives it "
                f"anew in each pass. Collect the scores of all folds in a list, and end the cell "
                f"in their mean."
            )
        case OtherWeights(line, text, metric):
            return (
                f"{metric} is that of the model as the fit left it, and {_short(text)} on line "
                f"{line} loads other weights after the fit. End the cell with "
                f"model.evaluate(x_val, y_val, return_dict=True), or use "
                f"EarlyStopping(restore_best_weights=True)."
            )
        case AskedInFolds(line, text):
            return (
                f"Each fold has a value of its own: {_short(text)} on line {line} stands in the "
                f"loop over the folds. For one value in all folds, assign it before the loop."
            )


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _where(line: int, inside: str) -> str:
    """Return where a part of the text stands."""
    return f"in {inside}, called on line {line}," if inside else f"on line {line}"
