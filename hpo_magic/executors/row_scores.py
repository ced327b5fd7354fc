"""What a training got on each validation row: from the cell's own scores, else from its fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo_magic.core.metric_directions import score_remark
from hpo_magic.core.metrics import Score
from hpo_magic.core.ports import Fit
from hpo_magic.core.row_scores import RowScores, folds, matching_row_scores
from hpo_magic.language.scores import Scored

# Two scores that differ by less, relative to them, may be the same.
SAME = 1e-6


def row_scores_of(
    score: Score,
    scored: Sequence[Scored],
    fits: Sequence[Fit],
    observed: Sequence[Sequence[Scored]] = (),
) -> RowScores | None:
    """Return the trial's score on each validation row; None unless its value is their mean.

    The calls of `hp.score` come first, then the validation data of the fits, then the scores that
    scikit-learn computed: whole cross-validations, the last one first, and single scores.
    """
    of_library = [
        *([*taken] for taken in reversed(observed) if len(taken) > 1),
        *_by_metric([one for taken in observed for one in taken]),
    ]
    return (
        _matching(score, _by_metric(scored))
        or _outcomes_of_fits(score, fits)
        or _matching(score, of_library)
    )


def direction_of_score(
    score: Score, scored: Sequence[Scored], observed: Sequence[Sequence[Scored]] = ()
) -> str:
    """Return what is said of a value that is a known score, searched in the wrong direction.

    Nothing, "", where several scores of different kinds have that value.
    """
    remarks = set()
    for taken in ([one] for one in scored), observed:
        for group in taken:
            mean = math.fsum(one.value for one in group) / len(group) if group else 0.0
            for is_negated in (False, True):
                known = -mean if is_negated else mean
                if mean and math.isclose(score.value, known, rel_tol=1e-9):
                    name = group[0].metric
                    remarks.add(score_remark(score.goal, name, is_negated=is_negated))
    return remarks.pop() if len(remarks) == 1 else ""


def _by_metric(scored: Sequence[Scored]) -> list[list[Scored]]:
    """Return the scores of each metric, in their order."""
    names = dict.fromkeys(one.metric for one in scored)
    return [[one for one in scored if one.metric == name] for name in names]


def _matching(score: Score, candidates: Sequence[Sequence[Scored]]) -> RowScores | None:
    """Return the rows of the first candidate that the trial's value is the mean of."""
    for taken in candidates:
        if all(one.rows is None for one in taken):
            taken = _behind(score.value, taken)
        scores = [one for one in taken if one.rows is not None or one.linear is not None]
        pairs = [(one.value, one.row_scores()) for one in scores]
        known = [(value, rows) for value, rows in pairs if rows is not None]
        if len(known) == len(pairs):
            found = matching_row_scores(
                score.value, [value for value, _ in known], [rows for _, rows in known]
            )
            if found is not None:
                return found
    return None


def _behind(value: float, taken: Sequence[Scored]) -> Sequence[Scored]:
    """Return the scores whose mean the value is, or the last that is the value; else none.

    Only their rows are needed, which are not known before they are computed to first order.
    """
    groups = [[taken[k] for k in places] for places in folds(len(taken))]
    groups += [[one] for one in reversed(taken)]
    means = (abs(math.fsum(one.value for one in group) / len(group)) for group in groups)
    near = (math.isclose(mean, abs(value), rel_tol=SAME, abs_tol=SAME) for mean in means)
    return next((group for group, is_near in zip(groups, near, strict=True) if is_near), [])


def _outcomes_of_fits(score: Score, fits: Sequence[Fit]) -> RowScores | None:
    """Return the outcomes of the fit that gave the value, or of all, if the value is their mean."""
    fits = [fit for fit in fits if fit.epochs]
    for chosen in (fits[-1:], fits):
        logged = [fit.epochs[fit.final] for fit in chosen]
        names = [n for n in (score.goal.metric, *_of_last(logged)) if all(n in e for e in logged)]
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


def _of_last(logged: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the metrics of the last fit, by name; those of validation come first."""
    return sorted(logged[-1], key=lambda name: not name.startswith("val_")) if logged else []
