"""The honest number from scores alone."""

from __future__ import annotations

import numpy as np
import pytest

from hpo_magic.honesty.shrunken_mean import shrunken_mean, two_way_variance


def test_settings_that_differ_by_luck_alone_give_the_mean_of_all() -> None:
    """τ² ≤ σ²: nothing tells the settings apart."""
    f = np.array([[0.9, 0.7, 0.8], [0.7, 0.9, 0.8], [0.8, 0.8, 0.83]])
    assert shrunken_mean(f, chosen=2) == pytest.approx(f.mean())


def test_settings_that_differ_surely_keep_their_means() -> None:
    """Without residual variance nothing is taken off, whatever the seeds do to all settings."""
    f = np.array([[0.9], [0.7], [0.5]]) + np.array([0.0, 0.1, -0.1])
    assert two_way_variance(f) == pytest.approx(0.0)
    assert shrunken_mean(f, chosen=0) == pytest.approx(0.9)


def test_it_is_the_formula() -> None:
    """By hand: means .8, .7, .6; s² = .0012, m = 2, ratio = .25."""
    f = np.array([[0.82, 0.78], [0.68, 0.72], [0.6, 0.6]])
    variance = (2 * 0.02**2 + 2 * 0.02**2) / 2
    assert two_way_variance(f) == pytest.approx(variance)
    kept = 1 - variance * (1 / 2 + 0.25) / 0.01
    assert shrunken_mean(f, chosen=0) == pytest.approx(0.7 + kept * 0.1)


def test_one_setting_is_its_mean() -> None:
    """Without others there is nothing to draw it to; with one seed nothing to judge by."""
    assert shrunken_mean(np.array([[0.5, 0.6, 0.7]]), 0) == pytest.approx(0.6)
    with pytest.raises(ValueError, match="one re-run each do not show their own spread"):
        shrunken_mean(np.array([[0.5], [0.6]]), 0)
