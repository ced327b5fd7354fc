"""Which values of Keras's own metrics are better, by their names."""

from __future__ import annotations

import re

from hpo_magic.core.trial import Direction

# The names Keras 3 gives to its metrics and losses, without the prefix of an output and the number
# of a repetition. "cosine_similarity" is the metric; the loss of that name has the other sign, but
# is logged as "loss".
_MORE_IS_BETTER = (
    "accuracy|acc|auc|precision|recall|f1_score|fbeta_score|iou|io_u|r2_score|cosine_similarity"
    "|sensitivity_at_specificity|specificity_at_sensitivity|precision_at_recall"
    "|recall_at_precision|true_positives|true_negatives|pearson_correlation"
    "|concordance_correlation"
)
_LESS_IS_BETTER = (
    "loss|error|mse|mae|mape|msle|rmse|crossentropy|cross_entropy|hinge|kl_divergence|kld|poisson"
    "|logcosh|log_cosh|huber|dice|tversky|false_positives|false_negatives"
)


def keras_direction(metric: str) -> Direction | None:
    """Return whether a metric of Keras is better when larger; None for any other name.

    Prefixes such as `val_` and the name of an output are ignored, and so is a number at the end.

    >>> keras_direction("val_digit_accuracy_1")
    <Direction.MAXIMIZE: 'maximize'>
    """
    for names, direction in (
        (_MORE_IS_BETTER, Direction.MAXIMIZE),
        (_LESS_IS_BETTER, Direction.MINIMIZE),
    ):
        if re.fullmatch(rf"(.+_)?({names})(_\d+)?", metric.lower()):
            return direction
    return None
