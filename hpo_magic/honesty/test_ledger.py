"""Looks at a test set: what a second one is still worth."""

from __future__ import annotations

from datetime import date

from hpo_magic.core.wording import number
from hpo_magic.honesty.intervals import LEVEL


def level_of_evaluation(evaluation: int) -> float:
    """Return the level of the interval at the look of that number, from 1.

    With so many looks at the same rows, all their intervals at this level hold together with 95%
    (Bonferroni).

    >>> level_of_evaluation(1), level_of_evaluation(2)
    (0.95, 0.975)
    """
    if evaluation < 1:
        raise ValueError(f"looks are counted from 1, got {evaluation}")
    return 1 - (1 - LEVEL) / evaluation


def sentence_of_evaluation(
    evaluation: int, used_on: date, before: float | None, value: float | None, study: str = ""
) -> str:
    """Return what is to be said of a second or later look.

    Parameters
    ----------
    used_on, before
        The first look's day, and its value if it had one.
    value
        This look's; None if the cell gave none.
    study
        The study that looked first, where it is another one.

    >>> sentence_of_evaluation(2, date(2026, 3, 1), 0.91, 0.92)
    'look 2: this test set was used on 2026-03-01 (0.9100); treat 0.9200 as validation'
    """
    if evaluation < 2:
        raise ValueError(f"only a second or later look has been preceded by one, got {evaluation}")
    was = "" if before is None else f" ({number(before)})"
    by = f" by study {study}" if study else ""
    now = "what comes of it" if value is None else number(value)
    day = used_on.isoformat()
    return f"look {evaluation}: this test set was used on {day}{by}{was}; treat {now} as validation"
