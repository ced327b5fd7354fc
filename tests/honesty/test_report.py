"""The honest number in words."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from hpo_magic.core.trial import Direction
from hpo_magic.honesty.bbc import Bbc
from hpo_magic.honesty.choice import Gain, Rechecked
from hpo_magic.honesty.recheck import Recheck
from hpo_magic.honesty.report import (
    SAME_AGAIN,
    Honest,
    announcement,
    best_seen_remark,
    difference_from_test,
    gain_line,
    honest,
    honest_line,
    phase,
    plus_minus,
)
from hpo_magic.honesty.selection_bias import enough

MAX, MIN = Direction.MAXIMIZE, Direction.MINIMIZE
RERUN = Rechecked(0, 0.914, 0.035, Gain(0.021, 0.018), n_settings=4, n_reruns=2, knows_rows=True)
ROWS = Bbc(0.905, 0.05, n_settings=32, n_rows=112)


def test_new_splits_come_before_rows_and_rows_before_seeds() -> None:
    """The order of preference, down to nothing."""
    assert honest(MAX, RERUN, ROWS).value == 0.914
    assert honest(MAX, RERUN, ROWS, on_new_splits=False).value == 0.905
    assert honest(MAX, RERUN, on_new_splits=False).value == 0.914
    assert honest(MAX, None, ROWS).value == 0.905
    assert honest(MAX) == Honest(None, None, "nothing was re-run")


def test_each_way_is_said_in_words() -> None:
    """How it was measured is part of the number."""
    assert honest(MAX, RERUN).sentence == (
        "expect about 0.914 ± 0.035: 4 best settings re-run on 2 new splits"
    )
    assert honest(MAX, replace(RERUN, knows_rows=False)).how == (
        "4 best settings re-run on 2 new splits; they share rows with the search: some of its luck "
        "may remain"
    )
    assert honest(MAX, None, ROWS).sentence == (
        "expect about 0.905 ± 0.050: choice of 32 made again on resampled validation rows (112)"
    )
    assert honest(MAX, why_not=SAME_AGAIN).sentence == (
        "not measured: the cell gives the same score again, so re-running tells nothing; put "
        "hp.seed() into your split"
    )


def test_new_training_seeds_alone_have_no_half_width() -> None:
    """The luck of the rows is still in the number, and no interval of ours covers that."""
    found = honest(MAX, RERUN, on_new_splits=False)
    assert found.half_width is None
    assert found.how == (
        "4 best settings re-run on 2 new training seeds: luck of training removed, luck of these "
        "validation rows not"
    )


def test_a_loss_is_told_in_its_own_unit() -> None:
    """Inside, scores are higher is better; outside, a loss is positive again."""
    loss = Rechecked(0, -0.31, 0.02, Gain(0.05, 0.01), 4, 2)
    assert honest(MIN, loss).value == 0.31
    line = gain_line(Gain(0.05, 0.01), MIN)
    assert (line.value, line.remark) == (
        "-0.050 ± 0.010",
        "same splits, about 90%; lower is better",
    )


def test_the_headline_has_the_lines_of_the_contract() -> None:
    """Label, value and remark; where nothing was measured, the reason is the remark."""
    assert honest_line(honest(MAX, RERUN)) == (
        "honest",
        "0.914 ± 0.035",
        "4 best settings re-run on 2 new splits",
    )
    assert honest_line(honest(MAX, why_not="too few trials")) == (
        "honest",
        "not measured",
        "too few trials",
    )
    label, value, remark = gain_line(Gain(0.0213, 0.0182), MAX)
    assert label == "tuned \N{MINUS SIGN} start"
    assert (value, remark) == ("+0.021 ± 0.018", "same splits, about 90%")


def test_a_gain_may_be_none_or_without_an_interval() -> None:
    """No gain is said in words; without a half-width, no level is claimed."""
    assert gain_line(Gain(0.0, None), MAX)[1:] == (
        "0",
        "same splits: no setting did better than the start",
    )
    bare = gain_line(Gain(0.0213, None), MAX, on_new_splits=False)
    assert (bare.value, bare.remark) == ("+0.021", "same training seeds")


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.91378, 0.0352, "0.914 ± 0.035"),
        (1234.6, 120.4, "1235 ± 120"),
        (12.34, 1.26, "12.3 ± 1.3"),
        (3e-7, 1.2e-8, "0.000000300 ± 0.000000012"),
        (0.91378, None, "0.9138"),
        (0.91378, float("inf"), "0.9138"),
        (0.91378, 0.0, "0.9138"),
    ],
)
def test_a_half_width_has_two_digits(value: float, half: float | None, text: str) -> None:
    """And its value as many decimals; never ± 0 or ± inf."""
    assert plus_minus(value, half) == text


def test_the_best_seen_is_quiet_when_harmless() -> None:
    """Below half a point no warning; a loss has no such limit; one setting has no luck."""
    assert best_seen_remark(32, 0.0712) == "best of 32, optimistic: luck alone could add 0.07"
    assert best_seen_remark(32, 0.0049) == "best of 32; luck could add less than half a point"
    assert best_seen_remark(32, 0.0049, is_share=False) == (
        "best of 32, optimistic: luck alone could add 0.0049"
    )
    assert best_seen_remark(1200) == "best of 1,200, optimistic"
    assert "no luck" in best_seen_remark(1)


def test_the_recheck_is_announced() -> None:
    """How many runs of how many, and what for; then what the panel says meanwhile."""
    assert announcement(Recheck(1, 3, with_start=False), None) == (
        "3 trials are kept to run the best setting again on 3 new seeds."
    )
    assert announcement(Recheck(4, 2), 40).startswith("10 of the 40 trials are kept")
    assert phase(4) == "re-checking the 4 best on new splits"
    assert phase(1) == "re-checking the best setting on new splits"


def test_no_sentence_promises_too_much() -> None:
    """Never "unbiased", "true" or "guaranteed"."""
    texts = [SAME_AGAIN, announcement(Recheck(4, 2), 40), phase(4)]
    for recheck, rows, is_new in itertools.product((None, RERUN), (None, ROWS), (True, False)):
        texts.append(honest(MAX, recheck, rows, on_new_splits=is_new).sentence)
    texts += [" ".join(gain_line(gain, MIN)) for gain in (RERUN.gain, Gain(0.0, None)) if gain]
    texts += [best_seen_remark(9, added) for added in (None, 0.1, 0.001)]
    texts += [difference_from_test(0.9, 50, 0.8, 50), enough([0.5] * 40, 0.1, 30)]  # type: ignore[arg-type]
    for text in texts:
        assert text
        assert not any(word in text.lower() for word in ("unbiased", "true", "guarantee"))
