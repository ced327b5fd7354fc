"""Second looks at a test set."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from hpo_magic.honesty.intervals import wilson_interval
from hpo_magic.honesty.test_ledger import level_of_evaluation, sentence_of_evaluation


def test_each_look_widens_the_interval() -> None:
    """The j-th holds with 1 - .05/j."""
    assert [level_of_evaluation(j) for j in (1, 2, 5)] == pytest.approx([0.95, 0.975, 0.99])
    widths = [np.diff(wilson_interval(0.9, 100, level_of_evaluation(j)))[0] for j in (1, 2, 3)]
    assert widths == sorted(widths)


def test_looks_are_counted_from_one() -> None:
    """There is no look 0, and the first was preceded by none."""
    with pytest.raises(ValueError, match="counted from 1, got 0"):
        level_of_evaluation(0)
    with pytest.raises(ValueError, match=r"second or later look .* got 1"):
        sentence_of_evaluation(1, date(2026, 3, 1), 0.9, 0.9)


def test_the_sentence_says_when_and_what() -> None:
    """Day, value then and now, another study by its name; what is missing is left out."""
    day = date(2026, 3, 1)
    assert sentence_of_evaluation(3, day, 0.91, 0.92, "digits") == (
        "look 3: this test set was used on 2026-03-01 by study digits (0.9100); treat 0.9200 as "
        "validation"
    )
    assert sentence_of_evaluation(2, day, None, None) == (
        "look 2: this test set was used on 2026-03-01; treat what comes of it as validation"
    )


def test_the_best_of_several_looks_is_covered() -> None:
    """Three looks with equal models: the best one's widened interval still holds in 92%."""
    rng = np.random.default_rng(0)
    best = rng.binomial(200, 0.8, (1_000, 3)).max(axis=1) / 200
    bounds = [wilson_interval(share, 200, level_of_evaluation(3)) for share in best]
    assert np.mean([low <= 0.8 <= high for low, high in bounds]) >= 0.92
