"""Which values of the training libraries' own metrics are better, by their names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from hpo_magic.core.trial import Direction, Goal

# The names that Keras 3, LightGBM, XGBoost, CatBoost, skorch and the metrics of Hugging Face's
# `evaluate` and torchmetrics have, in lower case, without what stands before and after
# ("val_", the name of an output or an evaluation set, "_1", "-mean"). "cosine_similarity" is
# the metric; Keras's loss of that name has the other sign, but is logged as "loss".
_MORE_IS_BETTER = (
    "accuracy|acc|auc|auroc|aucpr|auc_mu|average_precision|precision|recall|f1|fbeta"
    "|iou|io_u|r2|cosine_similarity|map|ndcg|pre|mcc|matthews_correlation|kappa|wkappa"
    "|balancedaccuracy|balanced_accuracy|totalf1|precisionat|recallat|mrr|prauc|bleu|rouge1|rouge2"
    "|rougel|sensitivity_at_specificity|specificity_at_sensitivity|precision_at_recall"
    "|recall_at_precision|true_positives|true_negatives|pearson_correlation|pearson|spearmanr"
    "|concordance_correlation"
)
_LESS_IS_BETTER = (
    "loss|error|err|merror|mse|l1|l2|mae|mape|msle|rmse|rmsle|mphe|smape|logloss|mlogloss"
    "|binary_logloss|multi_logloss|multiclass|multiclassonevsall|crossentropy"
    "|cross_entropy|cross_entropy_lambda|hinge|kl_divergence|kld|kldiv|kullback_leibler|poisson"
    "|poisson-nloglik|gamma|gamma-nloglik|gamma_deviance|gamma-deviance|tweedie|cox-nloglik"
    "|aft-nloglik|quantile|fair|logcosh|log_cosh|huber|dice|tversky|perplexity|ppl|wer|cer"
    "|mederror|false_positives|false_negatives"
)


# Shares: between 0 and 1.
_SHARES = "accuracy|acc|auc|auroc|average_precision|precision|recall|f1|balanced_accuracy|iou"
# What no predictions bring below 0. A loss may be: a likelihood, a similarity.
_NEVER_NEGATIVE = (
    "error|err|merror|mse|l1|l2|mae|mape|msle|rmse|rmsle|smape|logloss|mlogloss|binary_logloss"
    "|multi_logloss|log_loss|crossentropy|hinge|mederror"
    f"|{_SHARES}"
)
_NEGATED = re.compile(r"(?:test_|val_|cv_|mean_)*(?:neg|negative|minus)[-_](?P<name>.+)")
_OPPOSITE = {
    Direction.MINIMIZE: Direction.MAXIMIZE,
    Direction.MAXIMIZE: Direction.MINIMIZE,
}


def usual_direction(metric: str) -> Direction | None:
    """Return whether a metric of a library is better when larger; None for any other name.

    What stands before the name is ignored: `val_`, an output or an evaluation set. So is what
    stands behind it: a number, `@5`, CatBoost's `:…`, `-mean` of a cross-validation.

    >>> usual_direction("val_digit_accuracy_1")
    <Direction.MAXIMIZE: 'maximize'>
    >>> usual_direction("valid_0-binary_logloss")
    <Direction.MINIMIZE: 'minimize'>
    >>> usual_direction("neg_mean_squared_error")
    <Direction.MAXIMIZE: 'maximize'>
    """
    if negated := _NEGATED.fullmatch(metric.lower()):
        usual = usual_direction(negated["name"])
        return None if usual is None else _OPPOSITE[usual]
    for names, direction in (
        (_LESS_IS_BETTER, Direction.MINIMIZE),
        (_MORE_IS_BETTER, Direction.MAXIMIZE),
    ):
        if _is_called(metric, names):
            return direction
    return None


def direction_remark(goal: Goal, value: float) -> str:
    """Return what is said of an objective that is searched against its usual direction; else "".

    An error or a share below 0 has its sign changed, and is better the other way.

    >>> direction_remark(Goal("mse", Direction.MINIMIZE), -2.5)
    "Mind the direction: mse is never below 0, so it has a minus sign here, as scikit-learn's neg_ \
scores have, and is better when larger; --maximize mse?"
    """
    metric, usual = goal.metric, usual_direction(goal.metric)
    if usual is None:
        return ""
    why = ""
    if value < 0 and _is_never_negative(metric):
        usual = _OPPOSITE[usual]
        why = "never below 0, so it has a minus sign here, as scikit-learn's neg_ scores have, and "
        why = f"{why}is "
    if usual is goal.direction:
        return ""
    return f"Mind the direction: {metric} is {why}{_better(usual)}; --{usual.value} {metric}?"


def possible_values(metric: str, values: Iterable[float]) -> tuple[float | None, float | None]:
    """Return the least and the greatest value that a metric can have; None where not known.

    Parameters
    ----------
    metric
        Its name; with a minus sign before it that of the negated metric.
    values
        Those that it had: if they are not among the possible ones by the name (a share in percent,
        an error with a minus sign), another metric is meant.

    >>> possible_values("val_accuracy", [0.7, 0.8])
    (0.0, 1.0)
    >>> possible_values("mae", [3.0]), possible_values("-mse", [-2.0]), possible_values("loss", [])
    ((0.0, None), (None, 0.0), (None, None))
    """
    if metric.startswith("-"):
        least, most = possible_values(metric[1:], [-value for value in values])
        return None if most is None else 0 - most, None if least is None else 0 - least
    least, most = None, None
    if _is_called(metric, _SHARES):
        least, most = 0.0, 1.0
    elif _is_never_negative(metric):
        least = 0.0
    elif _is_called(metric, "r2"):
        most = 1.0
    low, high = -math.inf if least is None else least, math.inf if most is None else most
    return (least, most) if all(low <= value <= high for value in values) else (None, None)


def score_remark(goal: Goal, of_metric: str, *, is_negated: bool) -> str:
    """Return what is said of a value that is a known score, searched in the wrong direction.

    Parameters
    ----------
    goal
        The objective, whose name says nothing of its direction.
    of_metric
        The score that the value is.
    is_negated
        Whether it is that score with its sign changed.

    Returns
    -------
    "" where the direction is right, or not known.
    """
    better = usual_direction(of_metric)
    if usual_direction(goal.metric) is not None or better is None:
        return ""
    if is_negated:
        better = _OPPOSITE[better]
    if better is goal.direction:
        return ""
    sign = ", with a minus sign," if is_negated else ","
    return (
        f"Mind the direction: {goal.metric} is the {of_metric} of this cell{sign} which is "
        f"{_better(better)}; --{better.value} {goal.metric}?"
    )


def _better(direction: Direction) -> str:
    return f"better when {'larger' if direction is Direction.MAXIMIZE else 'smaller'}"


def _is_never_negative(metric: str) -> bool:
    is_negated = _NEGATED.fullmatch(metric.lower()) is not None
    return _is_called(metric, _NEVER_NEGATIVE) and not is_negated


def _is_called(metric: str, names: str) -> bool:
    """Return whether a metric has one of these names, whatever stands before and after it."""
    return re.fullmatch(rf"(.+[-_ ])?({names})", _without_affixes(metric)) is not None


def _without_affixes(metric: str) -> str:
    """Return a metric's name without what stands behind it."""
    return re.sub(r"(_\d+|@\d+-?|:.*|-mean|_score)+$", "", metric.lower())
