"""`compare`: two studies side by side, and which difference is more than noise."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hpo_magic import compare, hp, search
from hpo_magic.errors import HpoError, StudyNotFound
from hpo_magic.study.study import Study


def searched(shift: float, seed: int = 0, noise: float = 0.01, trials: int = 20) -> Study:
    """Return a study of a noisy score, better by `shift`, re-checked on new seeds."""

    def score() -> float:
        x = hp.Float("x", 0.0, 1.0)
        return shift - (x - 0.5) ** 2 + random.Random(hp.seed() + seed).gauss(0.0, noise)

    return search(score, trials=trials, maximize="value", recheck="3x4", ui="none")


def test_a_large_difference_is_more_than_noise() -> None:
    """By the honest numbers; which is better is said, whatever the order."""
    low, high = searched(0.0), searched(5.0, 1)
    there, back = compare(low, high), compare(high, low)
    assert there.is_beyond_noise
    assert back.is_beyond_noise
    assert there.difference == pytest.approx(5.0, abs=0.1)
    assert back.difference == pytest.approx(-(there.difference or 0.0))
    assert there.sentence.startswith("study, revision 1 (b) is better by ")
    assert back.sentence.startswith("study, revision 1 (a) is better by ")


def test_luck_is_no_difference() -> None:
    """Two searches of the same, with other noise."""
    found = compare(searched(0.0, noise=0.2), searched(0.0, 7, noise=0.2))
    assert not found.is_beyond_noise
    assert found.sentence.startswith(
        "No difference beyond its sampling error, by the honest estimates: "
    )


def test_what_cannot_be_told_is_said() -> None:
    """Without re-runs or rows there is no noise to compare with."""

    def value() -> float:
        return hp.Float("x", 0.0, 1.0)

    one = search(value, trials=5, minimize="value", recheck="0", ui="none")
    found = compare(one, search(value, trials=9, minimize="value", recheck="0", seed=1, ui="none"))
    assert (found.difference, found.is_beyond_noise) == (None, False)
    assert "is not known" in found.sentence
    shown = repr(found)
    for part in ("start", "best seen", " of 5 trials", " of 9 trials", "not measured", "x "):
        assert part in shown


def test_trials_on_the_same_rows_are_compared_row_by_row() -> None:
    """Nothing was run again, but every row has two outcomes."""
    truth = np.arange(400) % 2

    def study(wrong: int) -> Study:
        def score() -> float:
            predicted = truth.copy()
            predicted[: wrong + hp.Int("more", 0, 3)] ^= 1
            return hp.score("accuracy", truth, predicted)

        options = {"recheck": "0", "ui": "none"}
        return search(score, trials=4, maximize="value", **options)

    snapshots = [study(wrong) for wrong in (2, 100)]
    found = compare(*snapshots)
    assert found.is_beyond_noise
    assert found.difference is not None
    assert found.difference < -0.2


def test_studies_with_other_goals_are_not_compared() -> None:
    """The goals are named."""

    def value() -> float:
        return hp.Float("x", 0.0, 1.0)

    up = search(value, trials=2, maximize="value", recheck="0", ui="none")
    down = search(value, trials=2, minimize="value", recheck="0", ui="none")
    with pytest.raises(HpoError, match=r"differ \(maximize value and minimize value\)"):
        compare(up, down)


def test_revisions_are_side_by_side(tmp_path) -> None:
    """An older one can be read, and one that is not there is said."""

    def value() -> float:
        return hp.Float("x", 0.0, 1.0)

    options = {"minimize": "value", "recheck": "0", "ui": "none", "storage": tmp_path}
    search(value, "s", trials=3, **options)
    latest = search(value, "s", trials=4, fresh=True, **options)
    older = latest.revision(1)
    assert [len(study.trials) for study in (older, latest)] == [3, 4]
    assert "s, revision 1" in repr(compare(older, latest))
    with pytest.raises(StudyNotFound, match=r"^study 's' has revisions 1 to 2, not 3\.$"):
        latest.revision(3)
