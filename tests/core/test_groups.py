"""Groups that a split has cut through."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit

from hpo_magic.core.groups import share_cut_by_splits, share_of_split_groups

GROUPS = np.repeat(np.arange(40), 5)


def test_groups_on_both_sides_are_counted() -> None:
    """Split by group: none; by row: all."""
    by_group, by_row = GROUPS >= 30, np.arange(200) % 4 == 0
    assert share_of_split_groups(GROUPS[by_group], GROUPS[~by_group]) == 0.0
    assert share_of_split_groups(GROUPS[by_row], GROUPS[~by_row]) == 1.0
    assert share_of_split_groups([], GROUPS) == 0.0


@pytest.mark.parametrize(
    ("cv", "low", "high"),
    [
        (GroupKFold(5), 0.0, 0.0),
        (GroupShuffleSplit(4, random_state=0), 0.0, 0.0),
        (KFold(5, shuffle=True, random_state=0), 0.8, 1.0),
        (ShuffleSplit(4, test_size=0.25, random_state=0), 0.5, 1.0),
    ],
)
def test_validation_rows_alone_show_whether_groups_were_cut(
    cv: KFold, low: float, high: float
) -> None:
    """Groups of five, whole or in parts."""
    given = {"groups": GROUPS} if "Group" in type(cv).__name__ else {}
    parts = [GROUPS[test] for _, test in cv.split(GROUPS, **given)]
    found = share_cut_by_splits(parts)
    assert found is not None
    assert low <= found <= high


def test_what_validation_rows_do_not_show_is_not_told() -> None:
    """One split, or groups that come with one row at a time."""
    assert share_cut_by_splits([GROUPS]) is None
    assert share_cut_by_splits([[1, 2, 3], [2, 3, 4]]) is None
