"""The rows of a re-check, also where the search has none that are shared."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.core.row_scores import RowScores
from hpo_magic.core.trial import Direction
from hpo_magic.honesty.recheck_rows import RecheckRows


def rows_of(seed: int, share: float, name: str) -> RowScores:
    """Return 40 validation rows, of which about that share is right."""
    right = np.random.default_rng(seed).random(40) < share
    return RowScores(right.tobytes(), "|b1", name)


def a_recheck(*, has_search: bool) -> RecheckRows:
    """Return three settings that were run again twice; the last two of four of the search."""
    shares = (0.6, 0.7, 0.8)
    search = tuple(rows_of(k, 0.5 + k / 10, "search") for k in range(4)) if has_search else ()
    reruns = tuple(
        tuple(rows_of(10 * run + k, share, f"run {run}") for k, share in enumerate(shares))
        for run in (1, 2)
    )
    again = (1, 2, 3) if has_search else (0, 1, 2)
    return RecheckRows(search, again, shares, reruns, Direction.MAXIMIZE)


@pytest.mark.parametrize("has_search", [True, False])
def test_the_rows_of_the_search_are_used_where_they_are_shared(has_search: bool) -> None:
    """Without them the re-runs stand alone."""
    found = a_recheck(has_search=has_search)
    assert [rows.shape for rows in found.own] == [(3, 40)] * (3 if has_search else 2)
    assert found.deff == 1.0
    assert 0.3 < found.expected < 1.0


def test_a_part_of_the_settings_without_rows_of_the_search() -> None:
    """Places are those of the settings that were run again."""
    part = a_recheck(has_search=False).part([0, 2], [1])
    assert [rows.shape for rows in part.own] == [(2, 40)]
    assert part.deff == 1.0
