"""The confidence level of repeated evaluations of one test set."""

from __future__ import annotations

from hpo_magic.honesty.intervals import LEVEL


def level_of_evaluation(evaluation: int) -> float:
    """Return the confidence level of the interval of one test evaluation.

    Parameters
    ----------
    evaluation
        Its number among the evaluations of these rows, from 1.

    Notes
    -----
    With so many evaluations, all intervals at this level hold together with 95% (Bonferroni).

    >>> level_of_evaluation(1), level_of_evaluation(2)
    (0.95, 0.975)
    """
    if evaluation < 1:
        raise ValueError(f"test evaluations are counted from 1, got {evaluation}")
    return 1 - (1 - LEVEL) / evaluation
