"""Expected improvement."""

import numpy as np
import pytest
from skopt.acquisition import gaussian_ei

from hpo_magic.samplers.acquisition import (
    log_expected_improvement,
    log_noisy_expected_improvement,
)


class Model:
    """What scikit-optimize asks for means and standard deviations."""

    def predict(self, points, return_std):
        return points[:, 0], points[:, 1]


def test_it_is_scikit_optimizes_expected_improvement_as_a_logarithm():
    """Where that can be told from 0."""
    mean, std = np.random.default_rng(0).normal(size=(2, 200))
    points = np.column_stack([3 * mean, np.abs(std) + 0.05])
    theirs = gaussian_ei(points, Model(), y_opt=-1.0, xi=0.0)
    seen = theirs > 1e-12
    assert seen.sum() > 100
    ours = log_expected_improvement(points[:, 0], points[:, 1], -1.0)
    np.testing.assert_allclose(ours[seen], np.log(theirs[seen]), rtol=1e-4)


def test_it_tells_hopeless_settings_apart():
    """Where the improvement itself is 0 to the computer, the nearer is still the better."""
    mean = np.array([1.0, 10.0, 1e3, 1e5, 1e9])
    values = log_expected_improvement(mean, np.ones(5), 0.0)
    assert np.isfinite(values).all()
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("z", [-1.0, -1e4])
def test_its_pieces_meet(z):
    """No jump where one formula takes over from another."""
    around = -z + np.array([-1e-9, 1e-9])
    below, above = log_expected_improvement(around, np.ones(2), 0.0)
    assert below == pytest.approx(above, rel=1e-6)


def test_noisy_improvement_is_the_mean_over_draws():
    """With one draw it is expected improvement on that; far away it stays finite."""
    means = np.array([[0.0, -1.0, 300.0], [1.0, 0.5, 400.0]])
    std, best = np.array([1.0, 0.3, 0.1]), np.array([-0.5, 0.2])
    each = np.array([log_expected_improvement(m, std, b) for m, b in zip(means, best, strict=True)])
    drawn = log_noisy_expected_improvement(means, std, best)
    np.testing.assert_allclose(np.exp(drawn[:2]), np.exp(each[:, :2]).mean(axis=0))
    assert np.isfinite(drawn).all()
    np.testing.assert_allclose(log_noisy_expected_improvement(means[:1], std, best[:1]), each[0])
