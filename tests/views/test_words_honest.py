"""Honest estimates in words."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from hpo_magic.core.notices import Enough, RecheckPlanned, Rechecks
from hpo_magic.core.trial import Direction
from hpo_magic.honesty.bbc import Bbc
from hpo_magic.honesty.by_row import SelectionBias
from hpo_magic.honesty.choice import Gain, Rechecked
from hpo_magic.honesty.estimate import Honest, Method, WhyNot, honest
from hpo_magic.honesty.headline import Difference
from hpo_magic.honesty.intervals import newcombe_interval
from hpo_magic.views.words.honest import (
    bias_text,
    difference_text,
    gain_remark,
    gain_value_text,
    how_text,
    plus_minus,
    sentence_of,
    value_text,
)
from hpo_magic.views.words.notices import notice_text, phase_text

MAX, MIN = Direction.MAXIMIZE, Direction.MINIMIZE
RERUN = Rechecked(0, 0.914, 0.035, Gain(0.021, 0.018), n_settings=4, n_reruns=2, knows_rows=True)
ROWS = Bbc(0.905, 0.05, n_settings=32, n_rows=112)


def test_each_method_has_its_words() -> None:
    """The method is part of the number."""
    assert sentence_of(honest(MAX, RERUN)) == (
        "expect about 0.914 ± 0.035: 4 best settings re-run on 2 new splits"
    )
    assert how_text(honest(MAX, replace(RERUN, knows_rows=False))) == (
        "4 best settings re-run on 2 new splits; the splits share rows with the search, so some "
        "selection bias may remain"
    )
    assert sentence_of(honest(MAX, None, ROWS)) == (
        "expect about 0.905 ± 0.050: estimated by repeating the selection among 32 settings on 400 "
        "bootstrap samples of the 112 validation rows"
    )
    assert how_text(honest(MAX, RERUN, on_new_splits=False)) == (
        "4 best settings re-run with 2 new training seeds on the same validation rows, so still "
        "biased towards these rows"
    )
    assert sentence_of(honest(MAX, why_not=WhyNot.SAME_SCORES)) == (
        "not measured: the re-runs repeat the search's scores exactly; use hp.seed() as the "
        "random_state of your split"
    )


def test_a_value_without_an_estimate_is_not_measured() -> None:
    """In the place of the number; the reason is beside it."""
    assert value_text(honest(MAX, RERUN)) == "0.914 ± 0.035"
    assert value_text(Honest(why_not=WhyNot.NOT_YET)) == "not measured"


def test_a_gain_is_in_the_metric_s_unit() -> None:
    """Below 0 is better where lower values are, and the remark says so."""
    assert gain_value_text(Gain(0.0213, 0.0182), MAX) == "+0.021 ± 0.018"
    assert gain_remark(Gain(0.0213, 0.0182), MAX, on_new_splits=True) == (
        "same splits, about 90% confidence"
    )
    assert gain_value_text(Gain(0.05, 0.01), MIN) == "-0.050 ± 0.010"
    assert gain_remark(Gain(0.05, 0.01), MIN, on_new_splits=True).endswith("; lower is better")


def test_a_gain_may_be_none_or_without_an_interval() -> None:
    """No gain is said in words; without a half-width, no confidence is claimed."""
    none, bare = Gain(0.0, None), Gain(0.0213, None)
    assert gain_value_text(none, MAX) == "0"
    assert gain_remark(none, MAX, on_new_splits=True) == (
        "same splits: no setting did better than the start"
    )
    assert gain_value_text(bare, MAX) == "+0.021"
    assert gain_remark(bare, MAX, on_new_splits=False) == "same training seeds"


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


def test_the_selection_bias_is_said_with_its_size_and_direction() -> None:
    """Upwards or downwards; small where it is below half a point; none for one trial."""
    assert bias_text(32, MAX, SelectionBias(0.0712, is_share=True)) == (
        "highest of 32 validation scores, so biased upwards (by up to 0.07 by chance alone)"
    )
    assert bias_text(32, MIN, SelectionBias(0.0049, is_share=False)) == (
        "lowest of 32 validation scores, so biased downwards (by up to 0.0049 by chance alone)"
    )
    assert bias_text(32, MAX, SelectionBias(0.0049, is_share=True)) == (
        "highest of 32 validation scores; selection bias below 0.005"
    )
    assert bias_text(1200, MAX) == "highest of 1,200 validation scores, so biased upwards"
    assert bias_text(1, MAX) == "the only complete trial, so no selection bias"


def test_no_sentence_promises_too_much() -> None:
    """Never "unbiased", "true" or "guaranteed"."""
    texts = [notice_text(RecheckPlanned(10, 40, 4, 2, True)), phase_text(Rechecks(4))]
    for recheck, rows, is_new in itertools.product((None, RERUN), (None, ROWS), (True, False)):
        texts.append(sentence_of(honest(MAX, recheck, rows, on_new_splits=is_new)))
    texts += [sentence_of(Honest(why_not=reason)) for reason in WhyNot]
    texts.append(sentence_of(Honest(0.9, None, Method.OTHER_SETTINGS, n_settings=3, change=-0.02)))
    texts += [
        gain_remark(gain, MIN, on_new_splits=True) for gain in (RERUN.gain, Gain(0.0, None)) if gain
    ]
    texts += [bias_text(9, MAX, bias) for bias in (None, SelectionBias(0.1, True))]
    texts.append(difference_text(Difference(0.1, newcombe_interval(0.9, 50, 0.8, 50))))
    texts.append(notice_text(Enough(20, 0.0, 0.1, 30)))
    for text in texts:
        assert text
        assert not any(word in text.lower() for word in ("unbiased", "true", "guarantee"))
