"""Which values of the training libraries' own metrics are better, by their names."""

from __future__ import annotations

import re

from hpo_magic.core.trial import Direction

# The names that Keras 3, LightGBM, XGBoost, CatBoost, skorch and the metrics of Hugging Face's
# `evaluate` and torchmetrics have, in lower case, without what stands before and after
# ("val_", the name of an output or an evaluation set, "_1", "-mean"). "cosine_similarity" is
# the metric; Keras's loss of that name has the other sign, but is logged as "loss".
_MORE_IS_BETTER = (
    "accuracy|acc|auc|auroc|aucpr|auc_mu|average_precision|precision|recall|f1|f1_score|fbeta_score"
    "|iou|io_u|r2|r2_score|cosine_similarity|map|ndcg|pre|mcc|matthews_correlation|kappa|wkappa"
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


def usual_direction(metric: str) -> Direction | None:
    """Return whether a metric of a library is better when larger; None for any other name.

    What stands before the name is ignored: `val_`, an output or an evaluation set. So is what
    stands behind it: a number, `@5`, CatBoost's `:…`, `-mean` of a cross-validation.

    >>> usual_direction("val_digit_accuracy_1")
    <Direction.MAXIMIZE: 'maximize'>
    >>> usual_direction("valid_0-binary_logloss")
    <Direction.MINIMIZE: 'minimize'>
    """
    name = re.sub(r"(_\d+|@\d+-?|:.*|-mean)+$", "", metric.lower())
    for names, direction in (
        (_LESS_IS_BETTER, Direction.MINIMIZE),
        (_MORE_IS_BETTER, Direction.MAXIMIZE),
    ):
        if re.fullmatch(rf"(.+[-_ ])?({names})", name):
            return direction
    return None
