"""The score of a training on each validation row, from `hp.score` or from the model's last fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo_magic.core.metrics import Score
from hpo_magic.core.ports import Fit
from hpo_magic.core.row_scores import RowScores, matching_row_scores, of_rows
from hpo_magic.language.scores import Scored


def row_scores_of(score: Score, scored: Sequence[Scored], fits: Sequence[Fit]) -> RowScores | None:
    """Return the trial's score on each validation row; None unless its value is their mean.

    The calls of `hp.score` come first, then the validation data of the fits.
    """
    for metric in dict.fromkeys(one.metric for one in scored):
        taken = [one for one in scored if one.metric == metric and one.rows is not None]
        rows = [of_rows(one.rows, one.truth) for one in taken if one.rows is not None]
        known = [one for one in rows if one is not None]
        if len(known) == len(taken):
            found = matching_row_scores(score.value, [one.value for one in taken], known)
            if found is not None:
                return found
    return _row_scores_of_fits(score, fits)


def _row_scores_of_fits(score: Score, fits: Sequence[Fit]) -> RowScores | None:
    """Return the row scores of the last fit, or of all fits if the value is their mean."""
    for chosen in (fits[-1:], fits):
        logged = [fit.epochs[fit.final] for fit in chosen]
        names = [
            n for n in (score.goal.metric, *_of_validation(logged)) if all(n in e for e in logged)
        ]
        for name in dict.fromkeys(names):
            values = [epoch[name] for epoch in logged]
            if not values or not math.isclose(math.fsum(values) / len(values), score.value):
                continue
            rows = [fit.row_scores(name) for fit in chosen]
            known = [one for one in rows if one is not None]
            return (
                matching_row_scores(score.value, values, known) if len(known) == len(rows) else None
            )
    return None


def _of_validation(logged: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the metrics of the last fit's validation, by name."""
    return [name for name in (logged[-1] if logged else {}) if name.startswith("val_")]
